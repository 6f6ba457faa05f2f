//! `docs/limits.md`: made from the table of limits, from the constants in the sources and from the matrix of attacks,
//! and refused when it is stale or when a limit has no test that tries to break it. `cargo xtask docs` writes it anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use platform_domain::ByteSize;
use platform_tests::attacks::{ATTACKS, Attack, COMPONENTS, NoWeights, WEIGHTS};
use platform_wasm::{Limit, Limits};

use crate::limit_tests::{NO_LIMITS, UNTESTED, tests};

const HEAD: &str = "\
# Limits

Every number that bounds a stranger: a challenge, a client, a registry. Written by `cargo xtask docs` from the
sources; the test behind it fails when this page is stale or when a limit has no test that tries to break it.

## What the operator can change

Section `[limits]` of the configuration. Sizes are written as text (`8MiB`), times in milliseconds. What a challenge
or its operator asks for stays below these.

| key | default | from | to | why | test |
|---|---|---|---|---|---|
";

const CONSTANTS: &str = "
## What is fixed

| limit | value | why | test |
|---|---|---|---|
";

const THROUGH_ROUTES: &str = "
## Attacks

What a hostile challenge may try and what comes of it, from the table that
[the matrix](../tests/integration/hostile_matrix.rs) runs, all at once, and that `cargo xtask soak` repeats for
minutes. After each attack nothing is left behind, and neither neighbours nor weights are held up.

| guest | request | what it does | what the caller gets | what the operator sees |
|---|---|---|---|---|
";

const THROUGH_WEIGHTS: &str = "
Asked for weights:

| guest | what it does | what the epoch takes | what the operator sees |
|---|---|---|---|
";

const THROUGH_THE_OPERATOR: &str = "
Registered and activated by an operator who does not know better, from the table that
[a test of its own](../tests/integration/hostile_components.rs) runs. While such a component is compiled, in a process of
its own, neighbours and weights go on; nothing of it is kept.

| what it is made of | when it is refused | what the operator reads |
|---|---|---|
";

/// Files whose constants are limits on a stranger.
const SOURCES: [&str; 20] = [
    "host/chain/src/limits.rs",
    "host/wasm/src/limits.rs",
    "host/state/src/limits.rs",
    "host/registry/src/limits.rs",
    "host/gateway/src/limits.rs",
    "host/nonces/src/limits.rs",
    "host/listener/src/limits.rs",
    "host/upstream/src/limits.rs",
    "host/runtime/src/limits.rs",
    "host/runtime/src/incidents.rs",
    "host/oci/src/limits.rs",
    "host/signatures/src/limits.rs",
    "host/fallback/src/limits.rs",
    "host/epoch/src/limits.rs",
    "host/timelock/src/limits.rs",
    "host/jobs/src/limits.rs",
    "host/broker/src/limits.rs",
    "host/docker/src/limits.rs",
    "host/fleet/src/limits.rs",
    "host/domain/src/limits.rs",
];

/// A constant as its source has it.
struct Constant {
    file: &'static str,
    name: String,
    value: String,
    reason: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn constants() -> Vec<Constant> {
    let mut found = Vec::new();
    for file in SOURCES {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let mut reason = String::new();
        for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
            if let Some(more) = line.strip_prefix("///") {
                reason.push_str(more);
            } else if let Some((name, value)) = constant(line) {
                let name = name.to_owned();
                if !NO_LIMITS.contains(&name.as_str()) {
                    let reason = reason.trim().to_owned();
                    assert!(!reason.is_empty(), "{name} of {file} has no reason");
                    let value = shown(value, &name);
                    found.push(Constant {
                        file,
                        name,
                        value,
                        reason,
                    });
                }
                reason.clear();
            } else {
                reason.clear();
            }
        }
    }
    found
}

/// Name and value of a constant that is written on one line.
fn constant(line: &str) -> Option<(&str, &str)> {
    let visible = line
        .strip_prefix("pub(crate) ")
        .or_else(|| line.strip_prefix("pub "));
    let (name, rest) = visible.unwrap_or(line).strip_prefix("const ")?.split_once(": ")?;
    let (_, value) = rest.strip_suffix(';')?.split_once(" = ")?;
    Some((name, value))
}

/// A value for people, when it is plain arithmetic.
fn shown(value: &str, name: &str) -> String {
    let inner = |prefix: &str| value.strip_prefix(prefix)?.strip_suffix(')');
    if let Some(seconds) = inner("Duration::from_secs(") {
        return format!("{seconds} s");
    }
    if let Some(millis) = inner("Duration::from_millis(") {
        return format!("{millis} ms");
    }
    let size = inner("ByteSize(").unwrap_or(value);
    let calculated = match size.split_once(" << ") {
        Some((number, bits)) => number
            .parse::<u64>()
            .ok()
            .zip(bits.parse::<u32>().ok())
            .map(|(n, b)| n << b),
        None => size
            .split(" * ")
            .map(|factor| factor.replace('_', "").parse::<u64>().ok())
            .product(),
    };
    let is_size = size != value || size.contains("<<") || size.contains("1024") || name.contains("BYTES");
    match calculated {
        Some(bytes) if is_size => ByteSize(bytes).to_string(),
        Some(number) => number.to_string(),
        None => format!("`{value}`"),
    }
}

fn document(tests: &BTreeMap<&str, &str>) -> String {
    let mut text = HEAD.to_owned();
    let test = |name: &str| {
        let Some((file, function)) = tests.get(name).and_then(|test| test.split_once("::")) else {
            let reason = UNTESTED.iter().find(|(limit, _)| *limit == name);
            return format!("none: {}", reason.map_or("?", |(_, reason)| reason));
        };
        format!("[{function}](../{file})")
    };
    for limit in Limits::TABLE {
        let Limit {
            key,
            unit,
            default,
            floor,
            ceiling,
            reason,
        } = limit;
        let [default, floor, ceiling] = [*default, *floor, *ceiling].map(|number| unit.show(number));
        let (reason, test) = (one_line(reason), test(key));
        writeln!(
            text,
            "| `{key}` | {default} | {floor} | {ceiling} | {reason} | {test} |"
        )
        .unwrap();
    }
    text += CONSTANTS;
    for Constant {
        file,
        name,
        value,
        reason,
    } in constants()
    {
        let (reason, test) = (one_line(&reason), test(&name));
        writeln!(text, "| [`{name}`](../{file}) | {value} | {reason} | {test} |").unwrap();
    }
    text + &attacks()
}

fn attacks() -> String {
    let mut text = THROUGH_ROUTES.to_owned();
    for attack in ATTACKS {
        let Attack {
            slug: _,
            request,
            what,
            outcome,
            event,
        } = attack;
        let seen = match (outcome.incident(), event) {
            (Some(kind), event) => format!("incident `{}`: `{event}`", kind.as_str()),
            (None, &"") => "nothing to act on".to_owned(),
            (None, _) => "its text, in the log".to_owned(),
        };
        let (guest, gets) = (source(attack.guest()), outcome.says());
        writeln!(text, "| {guest} | `{request}` | {what} | {gets} | {seen} |").unwrap();
    }
    text += THROUGH_WEIGHTS;
    for bad in WEIGHTS {
        let seen = match bad.outcome {
            Ok(_) | Err(NoWeights::Uncounted(_)) => "the epoch's report".to_owned(),
            Err(NoWeights::Broke(kind)) => format!("incident `{}`", kind.as_str()),
            Err(NoWeights::Said) => "its text, in the epoch's report".to_owned(),
        };
        let (guest, takes) = (source(bad.guest), bad.says());
        writeln!(text, "| {guest} | {} | {takes} | {seen} |", bad.what).unwrap();
    }
    text += THROUGH_THE_OPERATOR;
    for bad in COMPONENTS {
        let (when, code) = (bad.refused.says(), bad.refused.code());
        writeln!(text, "| {} | {when} | 422 `{code}`: `{}` |", bad.what, bad.reason).unwrap();
    }
    text
}

/// Where a guest's source is.
fn source(guest: &str) -> String {
    let folder = format!("tests/components/{guest}");
    let text = format!("{folder}.wat");
    let found = [folder, text].into_iter().find(|path| root().join(path).exists());
    let found = found.unwrap_or_else(|| panic!("the guest {guest} has no source"));
    format!("[{guest}](../{found})")
}

fn one_line(reason: &str) -> String {
    let words: Vec<_> = reason.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

#[test]
fn the_page_of_limits_says_what_the_sources_say() {
    let (path, expected) = (root().join("docs/limits.md"), document(&tests().collect()));
    if std::env::var_os("PLATFORM_WRITE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/limits.md is stale; run: cargo xtask docs"
    );
}

#[test]
fn every_limit_has_a_test_that_exists() {
    let keys = Limits::TABLE.iter().map(|limit| limit.key.to_owned());
    let limits: BTreeSet<String> = keys
        .chain(constants().into_iter().map(|constant| constant.name))
        .collect();
    let tested: BTreeSet<String> = tests().map(|(limit, _)| limit.to_owned()).collect();
    assert_eq!(tested.len(), tests().count(), "a limit is there twice");
    let excused: BTreeSet<String> = UNTESTED.iter().map(|(limit, _)| (*limit).to_owned()).collect();
    assert!(excused.is_subset(&limits) && excused.is_disjoint(&tested));
    let untested: Vec<_> = limits
        .difference(&tested)
        .filter(|name| !excused.contains(*name))
        .collect();
    assert!(
        untested.is_empty(),
        "name a test in tests/integration/limit_tests.rs for {untested:?}"
    );
    let gone: Vec<_> = tested.difference(&limits).collect();
    assert!(gone.is_empty(), "no limits any more: {gone:?}");
    for (limit, test) in tests() {
        let (file, function) = test.split_once("::").unwrap();
        let text =
            fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{limit}: no file {file}"));
        let (_, after) = text
            .split_once(&format!("fn {function}("))
            .unwrap_or_else(|| panic!("{limit}: no {test}"));
        assert!(!after.is_empty());
    }
}

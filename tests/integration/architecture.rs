//! The house as it is drawn in ARCHITECTURE.md: which crate may know which, where each heavy dependency lives,
//! and how long a file may get. An edge or a size that is not in a table here fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Each crate of the host with those it may name in its manifest.
const MAY_KNOW: [(&str, &[&str]); 27] = [
    ("domain", &[]),
    ("keys", &["domain"]),
    ("weights", &["domain"]),
    ("store", &["domain"]),
    ("state", &["domain"]),
    ("vault", &["domain"]),
    ("oci", &["domain", "signatures"]),
    ("signatures", &["domain"]),
    ("timelock", &["domain"]),
    ("fallback", &["domain", "keys"]),
    ("wasm", &["domain", "keys", "state"]),
    ("admin-types", &["domain"]),
    ("chain", &["domain", "keys", "timelock"]),
    ("devnet", &["domain", "keys", "timelock"]),
    ("listener", &[]),
    ("nonces", &["domain"]),
    ("upstream", &["domain"]),
    ("docker", &["domain"]),
    ("fleet", &["docker", "domain", "store", "upstream", "vault"]),
    ("jobs", &["docker", "domain", "fleet", "oci", "store"]),
    ("broker", &["domain", "jobs"]),
    ("runtime", &["domain", "upstream", "wasm"]),
    ("gateway", &["domain", "keys", "nonces", "runtime"]),
    (
        "registry",
        &[
            "docker", "domain", "fleet", "oci", "runtime", "store", "vault", "wasm",
        ],
    ),
    (
        "epoch",
        &[
            "chain", "domain", "fallback", "keys", "runtime", "store", "timelock", "weights",
        ],
    ),
    ("admin", &["admin-types", "domain", "epoch", "jobs", "registry"]),
    (
        "host",
        &[
            "admin",
            "admin-types",
            "broker",
            "chain",
            "devnet",
            "docker",
            "domain",
            "epoch",
            "fleet",
            "gateway",
            "jobs",
            "keys",
            "listener",
            "nonces",
            "oci",
            "registry",
            "runtime",
            "signatures",
            "store",
            "timelock",
            "wasm",
            "weights",
        ],
    ),
];

/// Where each heavy dependency may be named.
const HOMES: [(&str, &[&str]); 19] = [
    ("wasmtime", &["wasm"]),
    ("wasmtime-wasi", &["wasm"]),
    ("wasmtime-wasi-http", &["wasm"]),
    ("subxt", &["chain"]),
    ("bollard", &["docker"]),
    ("rusqlite", &["nonces", "state", "store"]),
    ("axum", &["gateway", "admin", "broker", "host"]),
    ("chacha20poly1305", &["vault"]),
    ("argon2", &["keys"]),
    ("crypto_secretbox", &["keys", "signatures"]),
    ("scrypt", &["signatures"]),
    ("p256", &["signatures"]),
    ("aes-gcm", &["timelock"]),
    ("ark-bls12-381", &["timelock"]),
    ("ark-ec", &["timelock"]),
    ("oci-client", &["oci"]),
    ("schnorrkel", &["keys"]),
    ("ed25519-dalek", &["keys", "signatures"]),
    ("anyhow", &["host"]),
];

/// What a crate must not reach by any path.
const NEVER_REACH: [(&str, &[&str]); 12] = [
    ("domain", &["tokio", "rusqlite", "wasmtime"]),
    ("weights", &["tokio", "rusqlite", "wasmtime"]),
    ("signatures", &["tokio", "reqwest", "oci-client"]),
    ("timelock", &["tokio", "reqwest", "subxt"]),
    ("gateway", &["platform-store", "subxt", "oci-client", "reqwest"]),
    ("listener", &["rusqlite", "wasmtime", "axum"]),
    ("upstream", &["rusqlite", "wasmtime", "axum"]),
    ("chain", &["rusqlite", "wasmtime", "axum"]),
    ("docker", &["rusqlite", "wasmtime", "axum"]),
    ("fleet", &["wasmtime", "axum", "subxt"]),
    ("jobs", &["wasmtime", "axum", "subxt"]),
    ("wasm", &["bollard", "platform-jobs", "platform-store"]),
];

const MAX_LINES: usize = 500;
const MAX_LINES_OF_NINE_IN_TEN: usize = 300;
const MAX_MEDIAN_LINES: usize = 130;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'a>(value: &'a Value, field: &str) -> Vec<&'a Value> {
    value[field].as_array().unwrap().iter().collect()
}

/// The normal dependencies that a crate of the host names.
fn named(metadata: &Value, name: &str) -> BTreeSet<String> {
    let packages = list(metadata, "packages");
    let package = packages
        .iter()
        .find(|package| package["name"] == format!("platform-{name}").as_str())
        .unwrap();
    let normal = list(package, "dependencies")
        .into_iter()
        .filter(|dependency| dependency["kind"].is_null());
    normal
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_drawing_shows_what_each_crate_knows() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let drawing = text.split("```").nth(1).unwrap();
    let mut drawn = BTreeMap::new();
    for line in drawing.lines() {
        // Two spaces end the list, then comes what the crate is for.
        if let Some((name, known)) = line.split_once("─►") {
            let name = name.trim_matches([' ', '├', '└', '─']);
            let known = known.trim().split("  ").next().unwrap();
            drawn.insert(name, known.split(", ").collect::<BTreeSet<_>>());
        }
    }
    for (name, may_know) in MAY_KNOW {
        let name = if name == "host" { "platform" } else { name };
        let expected: BTreeSet<&str> = may_know
            .iter()
            .copied()
            .filter(|known| *known != "domain")
            .collect();
        match drawn.remove(name) {
            Some(known) if known.contains("all of them") => assert_eq!(name, "platform"),
            known => assert_eq!(known.unwrap_or_default(), expected, "{name}"),
        }
        assert!(drawing.contains(name), "{name} is not drawn");
    }
    assert!(drawn.is_empty(), "drawn, and no crate: {drawn:?}");
}

#[test]
fn a_crate_knows_only_those_it_may_know() {
    let metadata = metadata();
    for (name, may_know) in MAY_KNOW {
        let known = named(&metadata, name);
        let ours: BTreeSet<&str> = known
            .iter()
            .filter_map(|dependency| dependency.strip_prefix("platform-"))
            .collect();
        let allowed: BTreeSet<&str> = may_know.iter().copied().collect();
        assert!(
            ours.is_subset(&allowed),
            "platform-{name} knows {ours:?}, allowed are {allowed:?}"
        );
    }
    let members = fs::read_dir(root().join("host")).unwrap().count();
    assert_eq!(
        members,
        MAY_KNOW.len(),
        "a crate of host/ is missing in the table"
    );
}

#[test]
fn a_heavy_dependency_has_one_home() {
    let metadata = metadata();
    for (name, _) in MAY_KNOW {
        let known = named(&metadata, name);
        for (dependency, homes) in HOMES {
            assert!(
                homes.contains(&name) || !known.contains(dependency),
                "platform-{name} names {dependency}"
            );
        }
    }
}

#[test]
fn what_must_not_be_reached_is_not_reached() {
    let metadata = metadata();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let packages = list(&metadata, "packages");
    let name_of: BTreeMap<&str, &str> = packages
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    for (name, forbidden) in NEVER_REACH {
        let start = format!("platform-{name}");
        let mut queue: Vec<&str> = name_of
            .iter()
            .filter(|(_, found)| **found == start)
            .map(|(id, _)| *id)
            .collect();
        let mut seen: BTreeSet<&str> = queue.iter().copied().collect();
        while let Some(id) = queue.pop() {
            for dependency in list(nodes[id], "deps") {
                let normal = list(dependency, "dep_kinds")
                    .iter()
                    .any(|kind| kind["kind"].is_null());
                let id = dependency["pkg"].as_str().unwrap();
                if normal && seen.insert(id) {
                    queue.push(id);
                }
            }
        }
        let reached: BTreeSet<&str> = seen.iter().map(|id| name_of[id]).collect();
        for dependency in forbidden {
            assert!(!reached.contains(dependency), "{start} reaches {dependency}");
        }
    }
}

/// Every Rust file that is ours, as git has it.
fn sources() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output()
        .unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    names
        .lines()
        .map(|name| root().join(name))
        .filter(|path| path.exists())
        .collect()
}

#[test]
fn every_file_can_be_read_in_one_sitting() {
    let mut lines: Vec<(usize, PathBuf)> = sources()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .collect();
    lines.sort();
    let longest = lines.last().unwrap();
    assert!(longest.0 <= MAX_LINES, "{longest:?}");
    let at = |percent: usize| &lines[(lines.len() - 1) * percent / 100];
    assert!(at(50).0 <= MAX_MEDIAN_LINES, "the median is {:?}", at(50));
    assert!(
        at(90).0 <= MAX_LINES_OF_NINE_IN_TEN,
        "nine in ten end at {:?}",
        at(90)
    );
}

#[test]
fn every_crate_inherits_the_lints_and_unsafe_code_has_two_places() {
    let metadata = metadata();
    for package in list(&metadata, "packages") {
        let manifest = package["manifest_path"].as_str().unwrap();
        if package["source"].is_null() {
            let text = fs::read_to_string(manifest).unwrap();
            assert!(
                text.contains("[lints]\nworkspace = true"),
                "{manifest} does not inherit the lints"
            );
        }
    }
    let word = ["unsafe", " {"].concat();
    let mut places: Vec<_> = sources()
        .into_iter()
        .filter(|path| {
            path.starts_with(root().join("host")) && fs::read_to_string(path).unwrap().contains(&word)
        })
        .collect();
    places.sort();
    let allowed = ["cache.rs", "priority.rs"].map(|file| root().join("host/wasm/src").join(file));
    assert_eq!(places, allowed);
}

//! Builds the guests: the example challenges and the fixtures of the tests.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    python,
    workspace::{cargo, say},
};

/// What a component is compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";
/// Where Debian's `wasi-libc` has C headers, in newer releases and in older ones. What is linked is the libc
/// that comes with Rust's target.
pub(crate) const WASI_HEADERS: [&str; 2] = ["/usr/include/wasm32-wasip2", "/usr/include/wasm32-wasi"];

/// Builds every guest, copies it to `<target_dir>/guests/NAME.wasm`, the name with dashes, and returns that
/// folder. Beside them is a Python with a wallet, in which a guide is followed. When nothing has changed, it takes as long as asking cargo.
pub(crate) fn build(root: &Path, target_dir: &Path) -> Result<PathBuf> {
    let (build_dir, guests_dir) = (target_dir.join("guest-build"), target_dir.join("guests"));
    fs::create_dir_all(&guests_dir).with_context(|| format!("making {}", guests_dir.display()))?;
    let mut artifacts = Vec::new();
    for workspace in workspaces(root)? {
        artifacts.extend(components(&workspace, &build_dir)?);
    }
    let (file, fresh) = python::component(root, &build_dir)?;
    let name = python::NAME.to_owned();
    artifacts.push(Artifact { name, file, fresh });
    python::wallet(root, &guests_dir)?;
    let mut names = Vec::new();
    for Artifact { name, file, fresh } in artifacts {
        let copy = guests_dir.join(format!("{name}.wasm"));
        let size = install(&file, &copy).with_context(|| format!("copying {}", file.display()))?;
        let state = if fresh { "unchanged" } else { "built" };
        say(&format!("guest {name}: {state}, {} KiB", size.div_ceil(1024)));
        ensure!(!names.contains(&name), "two guests are called {name}");
        names.push(name);
    }
    Ok(guests_dir)
}

/// A component that was made.
struct Artifact {
    name: String,
    file: PathBuf,
    fresh: bool,
}

/// What examples have that are no components: images are made of them, where they are needed.
const IMAGE: &str = "Dockerfile";

/// The folders of examples that are built with cargo, and the one of fixtures.
fn workspaces(root: &Path) -> Result<Vec<PathBuf>> {
    let examples = root.join("examples");
    let mut found = Vec::new();
    for entry in fs::read_dir(&examples).with_context(|| format!("listing {}", examples.display()))? {
        found.push(entry?.path());
    }
    found.sort();
    found.push(root.join("tests/components"));
    found.retain(|folder| folder.join("Cargo.toml").is_file() && !folder.join(IMAGE).exists());
    Ok(found)
}

fn components(workspace: &Path, build_dir: &Path) -> Result<Vec<Artifact>> {
    let arguments = [
        "build",
        "--workspace",
        "--release",
        "--locked",
        "--quiet",
        "--target",
        TARGET,
    ];
    let output = cargo(&arguments)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", build_dir)
        // Coverage or sanitizers of the host's build make no sense in a guest.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .envs(c_compiler())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo")?;
    if !output.status.success() {
        bail!(
            "the guests of {} do not build; `cargo xtask setup` installs what they need",
            workspace.display()
        );
    }
    let messages = String::from_utf8(output.stdout).context("reading cargo's messages")?;
    messages
        .lines()
        .filter_map(|line| artifact(line).transpose())
        .collect()
}

/// The component that a line of cargo's messages speaks of, if it does.
fn artifact(line: &str) -> Result<Option<Artifact>> {
    let message: Value = serde_json::from_str(line).context("reading cargo's messages")?;
    let files = message.get("filenames").and_then(Value::as_array);
    let file = files
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(".wasm"));
    let name = message.pointer("/target/name").and_then(Value::as_str);
    let (Some(file), Some(name)) = (file, name) else {
        return Ok(None);
    };
    let fresh = message.get("fresh").and_then(Value::as_bool).unwrap_or(false);
    Ok(Some(Artifact {
        name: name.replace('_', "-"),
        file: file.into(),
        fresh,
    }))
}

/// What tells the `cc` crate how to compile C for a guest. What is set already stays.
fn c_compiler() -> Vec<(&'static str, OsString)> {
    let mut variables = vec![
        ("CC_wasm32_wasip2", OsString::from("clang")),
        // rustc makes the final archive itself, so the `ar` of binutils will do.
        ("AR_wasm32_wasip2", OsString::from("ar")),
    ];
    if let Some(headers) = WASI_HEADERS.iter().find(|folder| Path::new(folder).is_dir()) {
        variables.push(("CFLAGS_wasm32_wasip2", format!("-isystem {headers}").into()));
    }
    variables.retain(|(name, _)| env::var_os(name).is_none());
    variables
}

/// Copies a file unless the copy is the same; returns its size. Written beside and renamed, so that a reader
/// never sees half of it.
fn install(file: &Path, copy: &Path) -> Result<u64> {
    let bytes = fs::read(file)?;
    if fs::read(copy).ok().as_ref() != Some(&bytes) {
        let beside = copy.with_extension("wasm.new");
        fs::write(&beside, &bytes)?;
        fs::rename(&beside, copy)?;
    }
    Ok(u64::try_from(bytes.len())?)
}

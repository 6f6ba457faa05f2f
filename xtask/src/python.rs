//! Makes the guest that is written in Python: componentize-py, in a virtual environment of its own below the target
//! directory, turns it into a component. Nothing is done when nothing has changed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::workspace::{run, say};

/// The guest's name, its folder in `tests/components` and the folder of its build.
pub(crate) const NAME: &str = "python";
/// The version of the contract that it is made for.
const WIT: &str = "wit/0.1.0";
/// What this makes of the same inputs changes with this number.
const RECIPE: &str = "recipe 1\n";
/// Where a host looks for what a component says of itself.
const MANIFEST_SECTION: &[u8] = b"platform:manifest";

/// Makes the component and returns its file, and whether it was there already.
pub(crate) fn component(root: &Path, build_dir: &Path) -> Result<(PathBuf, bool)> {
    let source = root.join("tests/components").join(NAME);
    let wit = root.join(WIT);
    let dir = build_dir.join(NAME);
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let (component, made_of) = (dir.join("python.wasm"), dir.join("made-of"));
    let inputs = inputs(&source, &wit)?;
    if component.is_file() && fs::read_to_string(&made_of).is_ok_and(|text| text == inputs) {
        return Ok((component, true));
    }
    let requirements = source.join("requirements.txt");
    let works = |python: &Path| succeeds(componentize_py(python).arg("--version"));
    let python = environment(
        "componentize-py",
        &requirements,
        &build_dir.join("componentize-py"),
        works,
    )?;
    // Python keeps what it has compiled beside the source, so it gets a copy.
    let copy = dir.join("source");
    fs::create_dir_all(&copy)?;
    fs::copy(source.join("app.py"), copy.join("app.py"))?;
    let made = dir.join("made.wasm");
    let mut componentize = componentize_py(&python);
    componentize.arg("--wit-path").arg(&wit);
    componentize.args(["--world", "challenge", "componentize", "app", "--python-path"]);
    componentize.arg(&copy).arg("--output").arg(&made);
    run("making the guest in Python", &mut componentize)?;
    append_manifest(&made, &source.join("manifest.json"))?;
    fs::rename(&made, &component)?;
    // Last, so that an interrupted build is no build.
    fs::write(&made_of, inputs)?;
    Ok((component, false))
}

/// Makes a Python that has the Bittensor wallet, with which the example for miners signs, and returns it.
pub(crate) fn wallet(root: &Path, guests_dir: &Path) -> Result<PathBuf> {
    let requirements = root.join("tests/python/requirements.txt");
    let works = |python: &Path| succeeds(Command::new(python).args(["-c", "import bittensor_wallet"]));
    environment(
        "the Bittensor wallet",
        &requirements,
        &guests_dir.join("wallet"),
        works,
    )
}

/// A Python that can make virtual environments. The first on the `PATH` may be a version that is managed by hand and
/// lacks it, while the system's has it.
pub(crate) fn interpreter() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let beside_the_path = [PathBuf::from("/usr/bin")];
    let mut found = env::split_paths(&path)
        .chain(beside_the_path)
        .map(|folder| folder.join("python3"));
    found.find(|python| {
        let mut ask = Command::new(python);
        ask.args(["-c", "import ensurepip, venv"]);
        succeeds(&mut ask)
    })
}

/// Everything that the component depends on, as one text.
fn inputs(source: &Path, wit: &Path) -> Result<String> {
    let listed = fs::read_dir(wit).with_context(|| format!("listing {}", wit.display()))?;
    let mut files = listed
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    files.extend(["app.py", "manifest.json", "requirements.txt"].map(|name| source.join(name)));
    let mut text = RECIPE.to_owned();
    for file in files {
        text += &fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    }
    Ok(text)
}

/// The Python of an environment with what is required, made anew unless it works and was made for the same.
fn environment(
    what: &str,
    requirements: &Path,
    dir: &Path,
    works: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    let (python, made_for) = (dir.join("bin/python"), dir.join("made-for"));
    let required = fs::read_to_string(requirements)?;
    let is_current = fs::read_to_string(&made_for).is_ok_and(|text| text == required);
    // The Python it was made with may be gone.
    if is_current && works(&python) {
        return Ok(python);
    }
    let base = interpreter().context(
        "there is no Python 3 that can make virtual environments; `cargo xtask setup` installs one on Debian",
    )?;
    say(&format!("a virtual environment with {what} is made"));
    let mut make = Command::new(base);
    make.args(["-m", "venv", "--clear"]).arg(dir);
    run("making a virtual environment", &mut make)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args([
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--requirement",
    ]);
    run(&format!("installing {what}"), install.arg(requirements))?;
    fs::write(&made_for, required)?;
    Ok(python)
}

/// The program, without the script in front of it, which names a path that may have moved.
fn componentize_py(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args([
        "-c",
        "import sys, componentize_py; sys.exit(componentize_py.script())",
    ]);
    command
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Appends a custom section, as `docs/challenge-authors.md` tells authors of other languages.
fn append_manifest(component: &Path, manifest: &Path) -> Result<()> {
    let (mut bytes, manifest) = (fs::read(component)?, fs::read(manifest)?);
    let name_len = u8::try_from(MANIFEST_SECTION.len())?;
    let content = [&[name_len], MANIFEST_SECTION, &manifest].concat();
    bytes.push(0);
    bytes.extend(leb128(u32::try_from(content.len())?));
    bytes.extend(content);
    fs::write(component, bytes).with_context(|| format!("writing {}", component.display()))
}

/// A number as WebAssembly writes it.
fn leb128(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_at_a_time() {
        for (number, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (16_384, &[0x80, 0x80, 1]),
        ] {
            assert_eq!(leb128(number), bytes);
        }
    }
}

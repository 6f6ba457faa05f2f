//! Programs from crates.io that tests and searches need: built once, kept below the target directory.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::workspace::{cargo, run, target_dir};

/// A program that is the only one of its crate.
pub(crate) struct CargoTool {
    pub(crate) name: &'static str,
    /// The version that was tried.
    pub(crate) version: &'static str,
    /// How it is built, beyond what `cargo install` does anyway.
    pub(crate) arguments: &'static [&'static str],
}

/// A client of registries that is not ours. What it does for the tests takes milliseconds, so it is not optimised:
/// that would make it twice as long to build.
pub(crate) const WKG: CargoTool = CargoTool {
    name: "wkg",
    version: "0.16.1",
    arguments: &[
        "--no-default-features",
        "--debug",
        "--config",
        "profile.dev.debug=false",
    ],
};

impl CargoTool {
    /// Where it is, after it has been installed if it was not.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let tools = target_dir()?.join("tools");
        let program = tools.join("bin").join(self.name);
        if !self.is(&program) {
            let mut install = cargo(&["install", "--locked", "--quiet", "--force", self.name]);
            install.args(["--version", self.version, "--root"]).arg(tools);
            install.args(self.arguments);
            // Built where nothing of it stays.
            run(
                &format!("installing {} (some minutes, once)", self.name),
                install.env_remove("CARGO_TARGET_DIR"),
            )?;
        }
        Ok(program)
    }

    /// Whether this is the program in this version.
    fn is(&self, program: &Path) -> bool {
        let mut ask = Command::new(program);
        let said = ask
            .arg("--version")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        said.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(self.version))
    }
}

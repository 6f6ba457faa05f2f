//! `cargo xtask soak`: every hostile guest at once for minutes, and `target/soak/report.json`.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{
    prepare,
    workspace::{cargo, run, target_dir},
};

/// Long enough for what leaks slowly to show.
pub(crate) const MINUTES: &str = "10";

/// Builds the program and soaks it. An unoptimised build leaks what an optimised one leaks, and it is there
/// already when the tests have run.
pub(crate) fn soak(minutes: &str) -> Result<()> {
    let number: u32 = minutes.parse().context("--minutes takes a whole number")?;
    ensure!(number > 0, "--minutes takes a whole number from 1");
    let guests = prepare()?;
    // All of it, as for the tests: with fewer features the dependencies would be built once more.
    let build = ["build", "--locked", "--workspace", "--all-targets"];
    run("building the host", &mut cargo(&build))?;
    let target = target_dir()?;
    let dir = target.join("soak");
    fs::create_dir_all(&dir)?;
    let mut soak = Command::new(target.join("debug/soak"));
    run(
        &format!("soaking for {minutes} minutes"),
        soak.arg(dir.join("report.json"))
            .arg(minutes)
            .env("PLATFORM_GUESTS", guests),
    )
}

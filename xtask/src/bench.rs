//! `cargo xtask bench`: measures in a release build and writes `target/bench/report.json`.

use std::fs;

use anyhow::Result;

use crate::{
    prepare, setup,
    workspace::{cargo, run, target_dir},
};

/// Builds everything for speed, measures, and leaves the report.
pub(crate) fn run_all() -> Result<()> {
    let guests = prepare()?;
    setup::ensure_load_generator()?;
    let dir = target_dir()?.join("bench");
    fs::create_dir_all(&dir)?;
    let report = dir.join("report.json");
    let mut bench = cargo(&[
        "bench",
        "--locked",
        "--package",
        "platform-tests",
        "--bench",
        "report",
        "--",
    ]);
    run("measuring", bench.arg(&report).env("PLATFORM_GUESTS", guests))
}

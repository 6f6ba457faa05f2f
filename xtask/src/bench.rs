//! `cargo xtask bench [--quick] [NAME…]`: measures in a release build and writes `target/bench/report.json`. What is
//! measured, and against what, is told in `bench/src`; what the host is compared to is installed here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{
    prepare, setup,
    workspace::{cargo, run, say, target_dir},
};

/// The major version of the wasmtime that the host is built with, so that engines do not make the difference.
const WASMTIME: &str = "48";
/// Of `wasmtime-cli`, what `wasmtime serve` uses with its usual settings. The rest of the usual set (debuggers,
/// other compilers, tools) only makes it longer to build.
const WASMTIME_FEATURES: &str = "run,serve,cranelift,parallel-compilation,pooling-allocator,\
                                 component-model,component-model-async,threads,backtrace,demangle";

/// Builds everything for speed, measures, and leaves the report. `rest` are the options and names.
pub(crate) fn bench(rest: &[&str]) -> Result<()> {
    let guests = prepare()?;
    setup::ensure_benchmark()?;
    let target = target_dir()?;
    let wasmtime = wasmtime(&target)?;
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "platform-host",
        "--package",
        "platform-bench",
    ];
    run("building for speed", &mut cargo(&build))?;
    let dir = target.join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let mut bench = Command::new(target.join("release/bench"));
    bench.arg("--report").arg(&dir).arg("--wasmtime").arg(wasmtime);
    run("measuring", bench.args(rest).env("PLATFORM_GUESTS", guests))?;
    say(&format!("the report is {}", dir.join("report.json").display()));
    Ok(())
}

/// The program `wasmtime` below the target directory, installed when it is not there or has another version.
fn wasmtime(target: &Path) -> Result<PathBuf> {
    let root = target.join("peers");
    let program = root.join("bin/wasmtime");
    if !is_version(&program) {
        let version = format!("^{WASMTIME}");
        let mut install = cargo(&["install", "wasmtime-cli", "--locked", "--force"]);
        install.args(["--version", &version, "--no-default-features"]);
        install.args(["--features", WASMTIME_FEATURES]);
        install.arg("--root").arg(&root);
        run("installing wasmtime serve, which takes minutes", &mut install)?;
    }
    Ok(program)
}

fn is_version(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    let expected = format!("wasmtime {WASMTIME}.");
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(&expected))
}

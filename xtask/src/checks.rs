//! `cargo xtask test` and `cargo xtask ci`.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{
    fuzz::{Fuzzer, SECONDS, TARGETS},
    prepare,
    tally::Tally,
    tools::WKG,
    workspace::{cargo, root, run, target_dir},
};

/// Challenges whose own logic is tested natively, without Wasm.
const TESTED_EXAMPLES: [&str; 4] = ["echo", "echo-container", "prisoners", "tsp"];

/// Builds the guests, then runs every test and, unless only some are asked for, every fuzz target. `rest` goes to
/// `cargo test`.
pub(crate) fn test(rest: &[&str]) -> Result<()> {
    let guests = prepare()?;
    WKG.ensure()?;
    let mut tally = Tally::default();
    let mut all_passed = true;
    for example in TESTED_EXAMPLES {
        let manifest = root().join("examples").join(example).join("Cargo.toml");
        let mut tests = cargo(&["test", "--quiet", "--locked"]);
        tests.arg("--manifest-path").arg(manifest);
        tests.env("CARGO_TARGET_DIR", target_dir()?.join("guest-native"));
        all_passed &= tally.run(&format!("tests of the example {example}"), &mut tests)?;
    }
    // The integration tests start the program itself and find it beside their own.
    run(
        "building the host",
        &mut cargo(&["build", "--workspace", "--locked", "--all-targets"]),
    )?;
    let mut tests = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    all_passed &= tally.run("tests", tests.args(rest).env("PLATFORM_GUESTS", &guests))?;
    if rest.is_empty() {
        Fuzzer::build(&guests)?.search(&TARGETS, SECONDS, &mut tally)?;
    }
    tally.print();
    ensure!(
        all_passed && tally.all_passed(),
        "some tests failed; `cargo xtask test NAME` runs those whose name contains NAME"
    );
    Ok(())
}

/// Writes the documents that are made from the sources. The test that refuses a stale one writes it.
pub(crate) fn docs() -> Result<()> {
    // Not the one package alone: with fewer features its dependencies would be built once more.
    let write = [
        "test",
        "--workspace",
        "--locked",
        "--test",
        "integration",
        "limits_document",
    ];
    run("documents", cargo(&write).env("PLATFORM_WRITE_DOCS", "1"))
}

/// What a change must pass.
pub(crate) fn ci() -> Result<()> {
    run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    run("lints", &mut cargo(&lints))?;
    let docs = [
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
        "--document-private-items",
    ];
    run("documentation", cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"))?;
    test(&[])?;
    if Command::new("cargo-deny").arg("--version").output().is_err() {
        run(
            "installing cargo-deny",
            &mut cargo(&["install", "--locked", "cargo-deny"]),
        )?;
    }
    run(
        "licences, bans and sources",
        &mut cargo(&["deny", "check", "licenses", "bans", "sources"]),
    )
}

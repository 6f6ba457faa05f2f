//! Where the program is, for the tests of every crate that starts it.

use std::path::PathBuf;

/// The program that cargo built beside this test.
pub(crate) fn platform() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // Tests lie in a folder beside the programs.
    let folders = test.ancestors().skip(1).take(2);
    let mut programs = folders.map(|folder| folder.join("platform"));
    let program = programs.find(|program| program.exists()).unwrap_or_default();
    assert!(
        program.is_file(),
        "the program is missing; run: cargo build --workspace"
    );
    program
}

//! The host as a program: settings, command line, composition. The parts are crates of their own; this is the
//! only one that knows all of them, and the only one with `anyhow`.

pub mod app;
pub mod settings;

mod cli;
mod commands;
mod component_jobs;
mod failure;
mod hotkey;
mod keys;
mod memory;
mod open_files;
mod output;
mod owner;
mod registries;
mod state_dir;
mod tasks;
mod telemetry;
mod token;

use std::{error::Error, io::Write as _, process::ExitCode};

use clap::Parser as _;
use platform_wasm::CompilerProgram;
pub use tasks::Tasks;

/// The first argument of a process that compiles for a host. It is no command: nobody but a host can use it.
pub const COMPILE_WORKER: &str = "compile-worker";

/// Does the work of a compiling process, if that is what this one was started as.
pub fn compile_worker() -> Option<ExitCode> {
    let asked = std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == COMPILE_WORKER);
    asked.then(platform_wasm::compile_worker)
}

/// This very program as what compiles, also when its file was replaced since it was started.
pub(crate) fn own_compiler() -> CompilerProgram {
    CompilerProgram {
        program: "/proc/self/exe".into(),
        arguments: vec![COMPILE_WORKER.to_owned()],
    }
}

/// What is wrong with a component that imports and exports these, as its config says before it is there.
pub(crate) fn unfit(imports: &[String], exports: &[String]) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(platform_wasm::foresee(imports, exports)?)
}

/// Runs the command that the process was started with, tells what went wrong, and gives the exit code.
pub async fn run() -> ExitCode {
    let Err(error) = commands::run(cli::Cli::parse()).await else {
        return ExitCode::SUCCESS;
    };
    drop(writeln!(std::io::stderr(), "{}", failure::text(&error)));
    failure::exit_code(&error)
}

//! The host as a program: settings, command line, composition. The parts are crates of their own; this is the
//! only one that knows all of them, and the only one with `anyhow`.

pub mod app;
pub mod settings;

mod cli;
mod commands;
mod failure;
mod listener;
mod open_files;
mod output;
mod state_dir;
mod tasks;
mod telemetry;
mod token;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
pub use tasks::Tasks;

/// Runs the command that the process was started with, tells what went wrong, and gives the exit code.
pub async fn run() -> ExitCode {
    let Err(error) = commands::run(cli::Cli::parse()).await else {
        return ExitCode::SUCCESS;
    };
    drop(writeln!(std::io::stderr(), "{}", failure::text(&error)));
    failure::exit_code(&error)
}

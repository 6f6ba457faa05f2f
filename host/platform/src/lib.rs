//! The host as a program: settings, command line, composition. The parts are crates of their own; this is the
//! only one that knows all of them, and the only one with `anyhow`.

pub mod app;
pub mod settings;

mod cli;
mod commands;
mod listener;
mod output;
mod tasks;
mod telemetry;
mod token;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
pub use tasks::Tasks;

use crate::commands::serve::WrongConfiguration;

/// The configuration was refused before anything was done.
const EXIT_CONFIGURATION: u8 = 64;

/// Runs the command that the process was started with, tells what went wrong, and gives the exit code.
pub async fn run() -> ExitCode {
    let Err(error) = commands::run(cli::Cli::parse()).await else {
        return ExitCode::SUCCESS;
    };
    let causes = error.chain().skip(1).map(|cause| format!("\n  because: {cause}"));
    let text = format!("error: {error}{}", causes.collect::<String>());
    drop(writeln!(std::io::stderr(), "{text}"));
    if error.is::<WrongConfiguration>() {
        ExitCode::from(EXIT_CONFIGURATION)
    } else {
        ExitCode::FAILURE
    }
}

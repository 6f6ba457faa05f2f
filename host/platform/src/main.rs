//! Parses the command line, runs the command, prints what went wrong and chooses the exit code.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
use platform_host::{
    cli::Cli,
    commands::{self, serve::WrongConfiguration},
};

/// The configuration was refused before anything was done.
const EXIT_CONFIGURATION: u8 = 64;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("error: {error}");
            for cause in error.chain().skip(1) {
                text.push_str(&format!("\n  because: {cause}"));
            }
            drop(writeln!(std::io::stderr(), "{text}"));
            if error.is::<WrongConfiguration>() {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

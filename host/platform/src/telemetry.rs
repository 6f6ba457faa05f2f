//! Logging: to standard error, so that standard output stays a command's answer.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::Log;

/// Starts logging for the process. A second call changes nothing.
pub(crate) fn init(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for people; in a file they are noise.
    let ansi = stderr().is_terminal();
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(ansi)
        // It would tell of a full disk on the very stream that is full, and panic there, inside of a request.
        .log_internal_errors(false)
        .with_target(false);
    let started = if log.json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    drop(started);
}

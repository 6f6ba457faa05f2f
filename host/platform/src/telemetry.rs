//! Logging: to standard error, so that standard output stays a command's answer.

use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::Log;

/// Starts logging for the process. A second call changes nothing.
pub(crate) fn init(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = if log.json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    drop(started);
}

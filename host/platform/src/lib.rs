//! The host as a program: settings, command line, composition. The parts are crates of their own; this is the
//! only one that knows all of them, and the only one with `anyhow`.

pub mod app;
pub mod cli;
pub mod commands;
pub mod settings;
pub mod tasks;

mod listener;
mod output;
mod telemetry;
mod token;

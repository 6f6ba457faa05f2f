//! The registry from outside: a real store, content store and engine in a temporary directory, and small
//! components made from text.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

#[path = "../../../../tests/src/beside.rs"]
mod beside;
mod config;
mod create;
mod gpu_servers;
mod host;
mod lifecycle;
mod patch;
mod reconciler;
mod secrets;
mod tags;

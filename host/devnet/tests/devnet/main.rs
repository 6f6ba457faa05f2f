//! The test node from outside: a plain JSON-RPC client over a real WebSocket, extrinsics put together by hand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fixture that fails is a test that fails"
)]

mod bad_days;
mod beginnings;
mod blocks;
mod commits;
mod epochs;
mod faults;
mod proxies;
mod refusals;
mod reveals;
mod runtimes;
mod state;
mod submission;
mod wallet;

//! The test node from outside: a plain JSON-RPC client over a real WebSocket, extrinsics put together by hand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fixture that fails is a test that fails"
)]

mod blocks;
mod faults;
mod refusals;
mod state;
mod submission;
mod wallet;

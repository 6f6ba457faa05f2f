//! The test node from outside: a plain JSON-RPC client over a real WebSocket, extrinsics put together by hand.

mod blocks;
mod faults;
mod refusals;
mod state;
mod submission;
mod wallet;

//! The client of challenges over real sockets: what it sends, what it makes of answers, good and bad, and when it lets go.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod bodies;
mod dialed;
mod fixture;
mod hostile;
mod json;
mod outgoing;
mod places;
mod pool;
mod streams;
mod websocket;

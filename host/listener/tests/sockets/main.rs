//! The listener over real sockets, against clients as they should be and as they should not.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod caps;
mod frames;
mod hostile;
mod http1;
mod http2;
mod server;
mod stop;
mod tls;
mod upgrade;

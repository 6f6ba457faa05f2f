//! The public routes, in process and over a socket. The challenges here are down, so a request that passes
//! every check is answered 502; what a running challenge sees and says is tested with real components.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fixture;
mod limits;
mod rates;
mod signed;
mod statuses;
mod told;
mod wire;

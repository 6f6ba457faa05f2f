//! The public routes, in process and over a socket. The challenges here are down, so a request that passes
//! every check is answered 502, but for a container that a test runs; what a component sees and says is tested with real ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod browsers;
mod callers;
mod containers;
mod fixture;
mod limits;
mod listings;
mod rates;
mod signed;
mod statuses;
mod told;
mod wire;

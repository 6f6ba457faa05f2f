//! The host's own database, a SQLite file: who may open it, how transactions run, which tables exist.
//!
//! Callers compose synchronous functions over `&Connection` inside [`Store::read`] or [`Store::write`].
//! A table is one module of free functions; rows become domain values at this border. What the rows mean
//! and which changes are allowed is decided by the crates above. The databases of challenges live
//! elsewhere.

pub mod breakers;
pub mod challenges;
mod columns;
mod epoch;
pub mod epochs;
mod error;
mod migrations;
mod pool;
pub mod secrets;
mod store;
pub mod versions;

#[cfg(test)]
mod crash_test;

pub use epoch::{Answer, EpochRow, EpochState, Lane, RecordedExtrinsic, RecordedVector, Step};
pub use error::StoreError;
pub use store::Store;

//! The host's own database, a SQLite file: who may open it, how transactions run, which tables exist.
//!
//! Callers compose synchronous functions over `&Connection` inside [`Store::read`] or [`Store::write`].
//! A table is one module of free functions; rows become domain values at this border. What the rows mean
//! and which changes are allowed is decided by the crates above. The databases of challenges live
//! elsewhere.

mod answer;
pub mod breakers;
pub mod challenges;
mod columns;
mod epoch;
pub mod epochs;
mod error;
pub mod fetched_images;
pub mod gpu_leases;
pub mod gpu_servers;
pub mod jobs;
mod migrations;
mod numbering;
mod pool;
pub mod secrets;
mod step;
mod store;
pub mod tokens;
pub mod versions;

#[cfg(test)]
mod crash_test;

pub use answer::{Answer, Source};
pub use epoch::{EpochKey, EpochRow, EpochState, Lane, RecordedExtrinsic, RecordedVector};
pub use error::StoreError;
pub use gpu_leases::LeaseRefused;
pub use numbering::Numbering;
pub use rusqlite::Connection;
pub use step::{Change, JournalStep, Step};
pub use store::Store;

//! What the host keeps for one challenge beside its data directory: a SQLite database that the challenge asks by SQL or
//! as keys and values.
//!
//! Whoever asks is hostile. A statement has a time, an amount of memory and a size of its result; the database has a
//! number of pages; the authorizer knows what SQL may do. What is done here blocks its thread, so whoever calls has one
//! of his own.

mod authorizer;
mod connection;
mod cursor;
mod database;
mod databases;
mod error;
mod functions;
mod heap;
mod kv;
mod lease;
mod limits;
mod migrate;
mod transaction;
mod value;
mod watch;

pub use cursor::Cursor;
pub use database::{Database, DatabaseUsage, Patience, WeakDatabase};
pub use databases::Databases;
pub use error::{SqlError, StateError};
pub use kv::{Bucket, Change, MAX_BUCKET_BYTES, MAX_CHANGES, MAX_KEY_BYTES, MAX_LISTED};
pub use limits::{PAGE, SqlLimits};
pub use migrate::Rehearsal;
pub use transaction::{Kind, Transaction};
pub use value::{Changes, Parameters, Rows, Value};
pub use watch::Bounds;

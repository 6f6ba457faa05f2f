//! What the host keeps for one challenge beside its data directory: a SQLite database that the challenge asks by SQL or
//! as keys and values, and blobs.
//!
//! Whoever asks is hostile. A statement has a time, an amount of memory and a size of its result; the database has a
//! number of pages; the authorizer knows what SQL may do. What is done here blocks its thread, so whoever calls has one
//! of his own.

mod archive;
mod authorizer;
mod blob_io;
mod blobs;
mod connection;
mod cursor;
mod database;
mod digest;
mod error;
mod functions;
mod heap;
mod kv;
mod lease;
mod limits;
mod migrate;
mod overdue;
mod snapshot;
mod state;
mod transaction;
mod value;
mod watch;

pub use archive::{ArchiveError, ArchiveWriter, Contents, FileEntry, unpack};
pub use blob_io::{Download, Upload};
pub use blobs::{BlobInfo, BlobUsage, Blobs};
pub use cursor::Cursor;
pub use database::{Database, DatabaseUsage, Patience};
pub use error::{BlobError, SqlError, StateError};
pub use kv::{Bucket, Change};
pub use limits::{
    MAX_BLOB_NAME_BYTES, MAX_BLOB_STEP, MAX_BUCKET_BYTES, MAX_CHANGES, MAX_HASHED, MAX_KEY_BYTES, MAX_LISTED,
    PAGE, SqlLimits,
};
pub use migrate::Rehearsal;
pub use state::{BLOBS, DATABASE, State, StateLimits, StateUsage, States, WeakState};
pub use transaction::{Kind, Transaction};
pub use value::{Changes, Parameters, Rows, Value};
pub use watch::Bounds;

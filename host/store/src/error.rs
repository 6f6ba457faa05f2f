//! What can go wrong with the database.

use std::{collections::BTreeSet, error::Error, fmt::Display, io, path::PathBuf};

use platform_domain::{EpochId, GpuServerId, Slug};

use crate::LeaseRefused;

/// Why a database operation failed. After an error inside [`crate::Store::write`] nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be created or made private.
    #[error("the database file {path} cannot be created or made private")]
    File {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was written by a newer program, which knows tables and meanings that this one does not.
    #[error("the database has schema version {found} and this program knows {known}; run a newer program")]
    FutureSchema {
        /// In the file.
        found: i64,
        /// The newest this program can read.
        known: i64,
    },
    /// The transaction could not begin or be committed.
    #[error("the transaction {name:?} failed")]
    Transaction {
        /// As the caller named it.
        name: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// A statement failed.
    #[error("a database statement failed")]
    Statement(#[from] rusqlite::Error),
    /// A stored value is not what its column holds.
    #[error("the record of {table} {key:?} cannot be read: column {column:?}")]
    Row {
        /// The table, in the singular: `challenge`.
        table: &'static str,
        /// The row's key as stored: a challenge's slug.
        key: String,
        /// The column that cannot be read.
        column: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A value cannot be written in its column.
    #[error("a value cannot be stored in column {column:?}")]
    Value {
        /// The column.
        column: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is a challenge of this slug.
    #[error("challenge '{0}' already exists")]
    ChallengeExists(Slug),
    /// The epoch is not in a state that the step follows, or somebody else moved it.
    #[error("the step '{step}' cannot follow where epoch {epoch} is")]
    EpochMoved {
        /// The epoch.
        epoch: EpochId,
        /// What it was to do.
        step: &'static str,
    },
    /// The challenge has GPUs: what runs of it must be stopped, and its leases released.
    #[error("challenge '{slug}' has leases of GPU server {}", some(servers))]
    ChallengeHasGpus {
        /// The challenge.
        slug: Slug,
        /// Where.
        servers: BTreeSet<GpuServerId>,
    },
    /// There is no challenge of this slug.
    #[error("there is no challenge '{0}'")]
    NoSuchChallenge(Slug),
    /// There is a GPU server of this id.
    #[error("GPU server {0} already exists")]
    GpuServerExists(GpuServerId),
    /// Challenges have what would go.
    #[error("GPU server {server} is used by {}", some(holders))]
    GpuServerInUse {
        /// The server.
        server: GpuServerId,
        /// By whom.
        holders: BTreeSet<Slug>,
    },
    /// GPUs are not given.
    #[error(transparent)]
    Lease(#[from] LeaseRefused),
    /// The process is stopping, so the operation did not run.
    #[error("the host is stopping")]
    Stopping,
}

/// Names that one line tells; errors are read by people.
const TOLD: usize = 8;

fn some<T: Display>(names: &BTreeSet<T>) -> String {
    let told: Vec<_> = names.iter().take(TOLD).map(ToString::to_string).collect();
    let told = told.join(", ");
    match names.len().checked_sub(TOLD) {
        None | Some(0) => told,
        Some(more) => format!("{told} and {more} more"),
    }
}

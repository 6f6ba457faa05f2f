//! What can go wrong, for two readers: the guest, who gets SQLite's own codes, and the host.

use std::{fmt, io, path::PathBuf};

use rusqlite::ffi;

use crate::watch::Stop;

/// Why a statement failed, as the guest is told: about its own database and its own SQL, and nothing of the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// SQLite's extended result code; the lower byte is the primary one.
    pub code: i32,
    /// What happened, and where there is something to do, what.
    pub message: String,
}

/// Why a challenge's state cannot be opened or changed, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory or the file cannot be made or read.
    #[error("the state in {} cannot be used", path.display())]
    File {
        /// What was tried.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refuses the file.
    #[error("the database {} cannot be opened", path.display())]
    Database {
        /// What was tried.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A migration that was applied has another text now.
    #[error("migration {number} was applied with another text; append a new one instead of changing it")]
    MigrationChanged {
        /// Counted from 1.
        number: usize,
    },
    /// A migration failed; the schema is as it was.
    #[error("migration {number} of {all} failed, and nothing of them was applied")]
    Migration {
        /// Counted from 1.
        number: usize,
        /// How many there are.
        all: usize,
        /// Why.
        source: SqlError,
    },
    /// The table of blobs cannot be read.
    #[error("the names of the blobs cannot be read")]
    Blobs(#[source] SqlError),
    /// The moment cannot be kept.
    #[error("the state cannot be copied")]
    Snapshot(#[source] SqlError),
    /// The table of migrations cannot be read or written.
    #[error("the schema's history cannot be kept")]
    History(#[source] SqlError),
}

/// Why something with a blob failed, as the guest is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is no blob of this name.
    #[error("there is no such blob")]
    NotFound,
    /// All blobs together have what they may.
    #[error("the blobs are full: they may have {}", platform_domain::ByteSize(*.0))]
    Full(u64),
    /// A name that is none, or too much at once, or something that has ended.
    #[error("{0}")]
    Misuse(String),
    /// The table of names could not be used.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The host's disk failed.
    #[error("the host could not do it: {0}")]
    Host(io::ErrorKind),
}

impl BlobError {
    /// An error of the disk; what it says of the host's files is for the operator.
    pub(crate) fn io(error: io::Error) -> Self {
        tracing::error!(%error, "a challenge's blobs fail");
        Self::Host(error.kind())
    }
}

impl SqlError {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// The primary result code.
    pub const fn primary(&self) -> i32 {
        self.code & 0xff
    }

    /// How it is used is wrong, whatever the database holds.
    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Self::new(ffi::SQLITE_MISUSE, message)
    }

    pub(crate) fn not_utf8(column: &str) -> Self {
        let column: String = column.chars().take(MAX_SHOWN).collect();
        let message =
            format!("the text in column {column} is not UTF-8; read it with CAST({column} AS BLOB)");
        Self::new(ffi::SQLITE_MISMATCH, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(ffi::SQLITE_TOOBIG, message)
    }

    pub(crate) fn denied(what: impl fmt::Display) -> Self {
        Self::new(ffi::SQLITE_AUTH, format!("{what} is not allowed here"))
    }

    pub(crate) fn stopped(stop: Stop) -> Self {
        Self::new(ffi::SQLITE_INTERRUPT, stop.to_string())
    }
}

/// Characters of a name that is shown.
const MAX_SHOWN: usize = 80;

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sqlite;
        match error {
            Sqlite::SqliteFailure(error, message) => {
                let message = message.unwrap_or_else(|| ffi::code_to_str(error.extended_code).to_owned());
                Self::new(error.extended_code, message)
            }
            Sqlite::SqlInputError {
                error, msg, offset, ..
            } => {
                let at = usize::try_from(offset).ok();
                let at = at.map_or_else(String::new, |offset| format!(" at byte {offset}"));
                Self::new(error.extended_code, format!("{msg}{at}"))
            }
            Sqlite::MultipleStatement => {
                Self::misuse("more than one statement; run a script of them with execute-batch")
            }
            Sqlite::InvalidParameterName(name) => Self::new(
                ffi::SQLITE_RANGE,
                format!("the statement has no parameter {name:?}"),
            ),
            other => Self::new(ffi::SQLITE_ERROR, other.to_string()),
        }
    }
}

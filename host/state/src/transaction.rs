//! Several statements that happen together or not at all.

use rusqlite::{ffi, params};
use sha2::{Digest as _, Sha256};

use crate::{Bounds, Changes, Parameters, Rows, SqlError, connection::Access, lease::Lease, snapshot};

/// A transaction. Dropped without a commit, it is rolled back.
pub struct Transaction {
    lease: Lease,
    kind: Kind,
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads one state of the database, beside writers.
    Read,
    /// Writes. There is one at a time.
    Write,
}

impl Transaction {
    pub(crate) fn begin(lease: Lease, kind: Kind, bounds: Bounds) -> Result<Self, SqlError> {
        let sql = match kind {
            Kind::Read => "BEGIN",
            Kind::Write => "BEGIN IMMEDIATE",
        };
        lease.trusted(bounds, |sqlite| Ok(sqlite.execute_batch(sql)?))?;
        Ok(Self { lease, kind })
    }

    /// What it may do.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Runs a statement that changes something.
    pub fn execute(&self, sql: &str, parameters: &Parameters, bounds: Bounds) -> Result<Changes, SqlError> {
        self.check()?;
        self.lease.execute(sql, parameters, bounds)
    }

    /// Runs a statement for its rows.
    pub fn query(&self, sql: &str, parameters: &Parameters, bounds: Bounds) -> Result<Rows, SqlError> {
        self.check()?;
        let access = match self.kind {
            Kind::Read => Access::Read,
            Kind::Write => Access::Write,
        };
        let rows = self.lease.query(sql, parameters, bounds, access)?;
        rows.ok_or_else(|| SqlError::new(ffi::SQLITE_READONLY, "the transaction only reads"))
    }

    /// Runs a script.
    pub fn script(&self, sql: &str, bounds: Bounds) -> Result<(), SqlError> {
        self.check()?;
        self.lease.script(sql, bounds)
    }

    /// Makes it last.
    pub fn commit(self, bounds: Bounds) -> Result<(), SqlError> {
        self.check()?;
        self.lease
            .trusted(bounds, |sqlite| Ok(sqlite.execute_batch("COMMIT")?))
    }

    /// Undoes it.
    pub fn roll_back(self) -> Result<(), SqlError> {
        self.lease.roll_back()
    }

    /// The digests of the migrations that were applied, in order.
    pub(crate) fn history(&self, bounds: Bounds) -> Result<Vec<Vec<u8>>, SqlError> {
        self.lease.trusted(bounds, |sqlite| {
            let mut statement = sqlite.prepare("SELECT sha256 FROM platform_migrations ORDER BY number")?;
            let digests = statement.query_map([], |row| row.get(0))?;
            Ok(digests.collect::<Result<_, _>>()?)
        })
    }

    /// Writes down that a migration was applied.
    pub(crate) fn remember(&self, number: usize, sql: &str, bounds: Bounds) -> Result<(), SqlError> {
        const SQL: &str = "INSERT INTO platform_migrations (number, sha256) VALUES (?1, ?2)";
        let (number, digest) = (number.cast_signed(), Sha256::digest(sql).to_vec());
        self.lease.trusted(bounds, |sqlite| {
            sqlite.execute(SQL, params![number as i64, digest])?;
            Ok(())
        })
    }

    /// The files of the blobs that it sees.
    pub(crate) fn blob_ids(&self, bounds: Bounds) -> Result<Vec<i64>, SqlError> {
        self.lease.trusted(bounds, |sqlite| {
            let mut statement = sqlite.prepare("SELECT id FROM platform_blobs")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    /// Copies the database as it sees it.
    pub(crate) fn copy_database(&self, to: &std::path::Path) -> Result<(), SqlError> {
        snapshot::copy(&self.lease.sqlite, to)
    }

    /// SQLite itself ends a transaction after some errors: what comes after must not happen one by one.
    fn check(&self) -> Result<(), SqlError> {
        if self.lease.sqlite.is_autocommit() {
            return Err(SqlError::new(
                ffi::SQLITE_ABORT_ROLLBACK,
                "the transaction was rolled back after an error",
            ));
        }
        Ok(())
    }
}

//! A challenge's database: who writes, who reads, and for how long.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::ffi;

use crate::{
    Bounds, Changes, Cursor, Parameters, Rows, SqlError, SqlLimits, StateError, Transaction, blobs,
    connection::{Access, Connection},
    kv,
    lease::{Lease, Stash},
    limits::LOG,
    transaction::Kind,
};

/// A database and its connections. Cheap to clone; all clones share them.
#[derive(Clone)]
pub struct Database(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    path: PathBuf,
    /// The write-ahead log, which every writer looks at.
    log: PathBuf,
    /// Bytes of the file. Of two versions of a challenge that share the database the newer one says it.
    quota: Arc<AtomicU64>,
    writer: Arc<Stash>,
    /// For the time of one query.
    readers: Arc<Stash>,
    /// For cursors and transactions that read, which may stay open for as long as a call.
    holders: Arc<Stash>,
}

/// What to do when all connections are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Wait for a turn.
    Wait,
    /// Give up: whoever waits while he holds a cursor or a transaction may wait for somebody who waits for him.
    GiveUp,
}

/// What a database takes on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseUsage {
    /// The file and its write-ahead log.
    pub bytes: u64,
    /// What the file may have.
    pub limit: u64,
}

/// Only the host's own user may read what challenges keep.
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;
/// What the host's own tables may take to be made.
const SETUP: Duration = Duration::from_secs(30);

impl Database {
    /// Opens the file or makes it, with its directory. Blocks on the disk.
    pub fn open(path: &Path, limits: &SqlLimits) -> Result<Self, StateError> {
        let file_error = |source| StateError::File {
            path: path.to_owned(),
            source,
        };
        if let Some(dir) = path.parent() {
            let make = DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir);
            make.map_err(file_error)?;
        }
        // SQLite gives its other files the mode of this one.
        OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(path)
            .map_err(file_error)?;
        let quota = Arc::new(AtomicU64::new(limits.database));
        let limits = Arc::new(limits.clone());
        let stash = |most, access| {
            let (path, limits, quota) = (path.to_owned(), limits.clone(), quota.clone());
            Stash::new(
                most,
                Box::new(move || Connection::open(&path, access, &limits, &quota).map_err(cannot_open)),
            )
        };
        let database = Self(Arc::new(Inner {
            path: path.to_owned(),
            log: log(path),
            writer: stash(1, Access::Write),
            readers: stash(limits.readers, Access::Read),
            holders: stash(limits.readers, Access::Read),
            quota: quota.clone(),
        }));
        let failed = |source| StateError::Database {
            path: path.to_owned(),
            source,
        };
        let connection = Connection::open(path, Access::Write, &limits, &quota).map_err(failed)?;
        let tables = connection.trusted(Bounds::wall(SETUP), |sqlite| {
            Ok(sqlite.execute_batch(&[kv::TABLES, blobs::TABLE].concat())?)
        });
        tables.map_err(StateError::History)?;
        database.0.writer.put(connection);
        Ok(database)
    }

    /// Runs a statement that changes something.
    pub async fn execute(
        &self,
        sql: &str,
        parameters: &Parameters,
        bounds: Bounds,
    ) -> Result<Changes, SqlError> {
        let writer = self.writer().await?;
        let changes = writer.execute(sql, parameters, bounds)?;
        ended(&writer)?;
        Ok(changes)
    }

    /// Runs a statement for its rows, beside writers. `None`: it would write, and nothing was done.
    pub async fn query(
        &self,
        sql: &str,
        parameters: &Parameters,
        bounds: Bounds,
    ) -> Result<Option<Rows>, SqlError> {
        let reader = self.reader().await?;
        let rows = reader.query(sql, parameters, bounds, Access::Read)?;
        ended(&reader)?;
        Ok(rows)
    }

    /// Runs a statement that writes for its rows.
    pub async fn query_and_write(
        &self,
        sql: &str,
        parameters: &Parameters,
        bounds: Bounds,
    ) -> Result<Rows, SqlError> {
        let writer = self.writer().await?;
        let rows = writer.query(sql, parameters, bounds, Access::Write)?;
        ended(&writer)?;
        Ok(rows.unwrap_or_default())
    }

    /// Runs a statement whose rows are read step by step.
    pub async fn cursor(
        &self,
        sql: String,
        parameters: Parameters,
        bounds: Bounds,
        patience: Patience,
    ) -> Result<Cursor, SqlError> {
        Cursor::open(self.holder(patience).await?, sql, parameters, bounds).await
    }

    /// Runs a script as one transaction.
    pub async fn script(&self, sql: &str, bounds: Bounds) -> Result<(), SqlError> {
        let transaction = self.begin(Kind::Write, bounds, Patience::Wait).await?;
        transaction.script(sql, bounds)?;
        transaction.commit(bounds)
    }

    /// Begins a transaction. Only for one that reads it matters how patient the caller is: whoever writes waits for
    /// nobody but whoever writes.
    pub async fn begin(
        &self,
        kind: Kind,
        bounds: Bounds,
        patience: Patience,
    ) -> Result<Transaction, SqlError> {
        let lease = match kind {
            Kind::Read => self.holder(patience).await?,
            Kind::Write => self.writer().await?,
        };
        Transaction::begin(lease, kind, bounds)
    }

    /// What it takes on the disk. Looks at the file.
    pub fn usage(&self) -> DatabaseUsage {
        let length = |path: &Path| path.metadata().map_or(0, |file| file.len());
        DatabaseUsage {
            bytes: length(&self.0.path) + length(&self.0.log),
            limit: self.0.quota.load(Ordering::Relaxed),
        }
    }

    /// From now on the file may have so many bytes.
    pub fn set_quota(&self, bytes: u64) {
        self.0.quota.store(bytes, Ordering::Relaxed);
    }

    /// Closes connections that nobody used for so long. Blocks on the disk.
    pub fn retire(&self, age: Duration) {
        self.0.readers.retire(age);
        self.0.holders.retire(age);
        self.0.writer.retire(age);
    }

    pub(crate) async fn reader(&self) -> Result<Lease, SqlError> {
        self.0.readers.lease().await
    }

    async fn holder(&self, patience: Patience) -> Result<Lease, SqlError> {
        match patience {
            Patience::Wait => self.0.holders.lease().await,
            Patience::GiveUp => self.0.holders.lease_at_once(),
        }
    }

    /// The one connection that writes, if the log is not too long.
    pub(crate) async fn writer(&self) -> Result<Lease, SqlError> {
        let writer = self.0.writer.lease().await?;
        writer.apply_quota()?;
        if self.0.log.metadata().is_ok_and(|log| log.len() > LOG) {
            self.empty_log(&writer)?;
        }
        Ok(writer)
    }

    /// Moves the log into the database, which only works when nobody reads what was before.
    fn empty_log(&self, writer: &Lease) -> Result<(), SqlError> {
        let moved = writer.trusted(Bounds::wall(SETUP), |sqlite| {
            Ok(sqlite.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?)
        });
        match moved {
            Ok(0) => Ok(()),
            Ok(_) => Err(SqlError::new(
                ffi::SQLITE_BUSY,
                "a cursor or a transaction has read for so long that nothing more can be written",
            )),
            Err(error) => Err(error),
        }
    }
}

fn log(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push("-wal");
    name.into()
}

/// A statement outside of a transaction must not leave one.
fn ended(lease: &Lease) -> Result<(), SqlError> {
    if lease.sqlite.is_autocommit() {
        return Ok(());
    }
    lease.roll_back()?;
    Err(SqlError::misuse("a SAVEPOINT needs a transaction around it"))
}

fn cannot_open(error: rusqlite::Error) -> SqlError {
    tracing::error!(%error, "a challenge's database cannot be opened");
    SqlError::new(ffi::SQLITE_CANTOPEN, "the database cannot be opened")
}

//! The database of one harness, and its blobs: files in a directory of its own.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{Connection, bucket, call::Call, failure, misuse, open::Open};
use crate::{
    blobs::native as blobs,
    database::{Access, DatabaseError},
    testing::directory::Directory,
};

/// A database with blobs, for as long as somebody has them.
#[derive(Debug)]
pub(crate) struct Store {
    /// While it is there, SQLite does not tidy up whenever another one is closed.
    _first: Mutex<Open>,
    /// The number of the last blob.
    last: AtomicI64,
    /// After the connection, so that it goes when that is closed.
    directory: Directory,
}

impl Store {
    /// A new one, with these migrations applied as the host does it: all of them or none.
    pub(crate) fn new(migrations: &[&str]) -> Result<Arc<Self>, DatabaseError> {
        let directory = Directory::new().map_err(|error| misuse(error.to_string()))?;
        let first = Open::new(&directory.path().join(FILE), Access::Write)?;
        first.trusted(|sqlite| sqlite.execute_batch(bucket::TABLE))?;
        first.trusted(|sqlite| sqlite.execute_batch(blobs::TABLE))?;
        let store = Arc::new(Self {
            _first: Mutex::new(first),
            last: AtomicI64::new(0),
            directory,
        });
        if !migrations.is_empty() {
            store.migrate(migrations)?;
        }
        Ok(store)
    }

    /// One more connection.
    pub(super) fn open(&self, access: Access) -> Result<Open, DatabaseError> {
        Open::new(&self.directory.path().join(FILE), access)
    }

    /// The number of one more blob.
    pub(crate) fn number(&self) -> i64 {
        self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Where the bytes of the blob with this number are.
    pub(crate) fn place(&self, number: i64) -> PathBuf {
        self.directory.path().join(format!("blob-{number}"))
    }

    fn migrate(self: &Arc<Self>, migrations: &[&str]) -> Result<(), DatabaseError> {
        let connection = Connection { call: Call::of(self) };
        let transaction = connection.begin(Access::Write)?;
        for (sql, number) in migrations.iter().zip(1_usize..) {
            transaction.script(sql).map_err(|error| match error {
                DatabaseError::Sqlite { code, message } => {
                    failure(code, format!("migration {number}: {message}"))
                }
                other => other,
            })?;
        }
        transaction.commit()
    }
}

const FILE: &str = "database";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_happen_as_a_whole_and_one_that_fails_is_named() {
        for (migrations, says) in [
            (&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"][..], None),
            (
                &["CREATE TABLE t (a)", "SELEC 1"],
                Some("migration 2: near \"SELEC\""),
            ),
            (
                &["CREATE TABLE platform_t (a)"],
                Some("begins with platform_, which are the host's, is not allowed"),
            ),
            (&["CREATE TABLE t (a); BEGIN"], Some("BEGIN, COMMIT or ROLLBACK")),
            (&["CREATE TABLE t (a)\0"], Some("a NUL in the SQL at byte 18")),
        ] {
            let error = Store::new(migrations).err().map(|error| error.to_string());
            let fits = says.map(|says| error.as_ref().is_some_and(|error| error.contains(says)));
            assert!(fits.unwrap_or(error.is_none()), "{migrations:?}: {error:?}");
        }
    }
}

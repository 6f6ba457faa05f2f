//! The database of one harness: a file in a directory of its own.

use std::sync::{Arc, Mutex};

use super::{Connection, bucket, call::Call, failure, misuse, open::Open};
use crate::{
    database::{Access, DatabaseError},
    testing::directory::Directory,
};

/// A database, for as long as somebody has it.
#[derive(Debug)]
pub(crate) struct Store {
    /// While it is there, SQLite does not tidy up whenever another one is closed.
    _first: Mutex<Open>,
    /// After the connection, so that it goes when that is closed.
    directory: Directory,
}

impl Store {
    /// A new one, with these migrations applied as the host does it: all of them or none.
    pub(crate) fn new(migrations: &[&str]) -> Result<Arc<Self>, DatabaseError> {
        let directory = Directory::new().map_err(|error| misuse(error.to_string()))?;
        let first = Open::new(&directory.path().join(FILE), Access::Write)?;
        first.trusted(|sqlite| sqlite.execute_batch(bucket::TABLE))?;
        let store = Arc::new(Self {
            _first: Mutex::new(first),
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

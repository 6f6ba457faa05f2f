//! Opening the file and running named transactions on it.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{StoreError, migrations::migrate, pool::Pool};

/// The host's database. Cheap to clone; all clones share the same connections.
#[derive(Clone)]
pub struct Store {
    /// One connection: SQLite has one writer at a time, and a queue here is fairer than its lock.
    writer: Pool,
    readers: Pool,
}

/// Reads are short and rare (no request of a miner reads here); they only must not wait for a writer.
const READERS: usize = 2;
/// How long to wait for another process, such as a backup or the command line, to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements a connection keeps compiled: more than all the modules here have.
const STATEMENT_CACHE: usize = 128;
/// Only the host's own user may read the registry: environment values are in it.
const FILE_MODE: u32 = 0o600;

impl Store {
    /// Opens or creates the database and brings its schema up to date. SQLite gives its `-wal` and `-shm`
    /// files the mode of the main file, 0600. Blocks; meant for the start of the program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::File {
            path: path.to_owned(),
            source,
        };
        OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(path)
            .map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(FILE_MODE)).map_err(failed)?;
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Before the journal mode, which would already change a file from the future.
        migrate(&mut writer)?;
        // WAL: readers and the writer do not wait for each other. FULL: what was answered survives a loss
        // of power; a registry changes rarely enough to pay for it.
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        let readers: Result<_, _> = (0..READERS)
            .map(|_| connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .collect();
        Ok(Self {
            writer: Pool::new(vec![writer]),
            readers: Pool::new(readers?),
        })
    }

    /// Runs `work` on one consistent snapshot. The name is for logs and errors.
    pub async fn read<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers
            .run(move |connection| {
                let transaction = connection
                    .transaction()
                    .map_err(|source| StoreError::Transaction { name, source })?;
                let result = work(&transaction);
                if result.is_err() {
                    tracing::debug!(store.operation = name, "A database read ended with an error");
                }
                result
            })
            .await
    }

    /// Runs `work` as one transaction: all of it is on disk when this returns `Ok`, none of it after `Err`.
    /// It holds the only write lock, so `work` runs SQL and nothing slow. The name is for logs and errors.
    pub async fn write<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let failed = move |source| StoreError::Transaction { name, source };
        self.writer
            .run(move |connection| {
                let transaction = connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)
                    .map_err(failed)?;
                let result = work(&transaction);
                match &result {
                    Ok(_) => transaction.commit().map_err(failed)?,
                    Err(_) => tracing::debug!(store.operation = name, "A transaction was rolled back"),
                }
                result
            })
            .await
    }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    // No shared mutex: a connection is with one thread at a time.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A damaged or crafted schema must not run functions or write through shadow tables.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_private_durable_and_in_wal_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.sqlite3");
        fs::write(&path, []).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let store = Store::open(&path).unwrap();
        let pragma = |name: &'static str| {
            let store = store.clone();
            async move {
                let read = move |connection: &Connection| {
                    let value = connection.pragma_query_value(None, name, |row| row.get(0))?;
                    Ok::<rusqlite::types::Value, StoreError>(value)
                };
                store.write("read a pragma", read).await.unwrap()
            }
        };
        assert_eq!(pragma("journal_mode").await, "wal".to_owned().into());
        assert_eq!(pragma("synchronous").await, 2.into());
        assert_eq!(pragma("foreign_keys").await, 1.into());
        for file in fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
        }
    }

    #[tokio::test]
    async fn a_transaction_that_fails_or_panics_changes_nothing_and_the_store_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("registry.sqlite3")).unwrap();
        store
            .write("create", |connection| {
                Ok::<_, StoreError>(connection.execute_batch("CREATE TABLE t (x)")?)
            })
            .await
            .unwrap();
        let insert = |connection: &Connection| connection.execute("INSERT INTO t VALUES (1)", []);
        let failed: Result<(), StoreError> = store
            .write("fail", move |connection| {
                insert(connection)?;
                Err(StoreError::Stopping)
            })
            .await;
        assert!(matches!(failed, Err(StoreError::Stopping)));
        let writer = store.clone();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let work = move |connection: &Connection| -> Result<(), StoreError> {
                insert(connection)?;
                panic!("a defect")
            };
            writer.write("panic", work).await
        });
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
        let count = |connection: &Connection| -> Result<i64, StoreError> {
            Ok(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
        };
        assert_eq!(store.read("count", count).await.unwrap(), 0);
        assert_eq!(store.write("count", count).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("registry.sqlite3")).unwrap();
        let delete =
            |connection: &Connection| Ok::<_, StoreError>(connection.execute("DELETE FROM challenges", [])?);
        assert!(matches!(
            store.read("delete", delete).await,
            Err(StoreError::Statement(_))
        ));
        assert_eq!(store.write("delete", delete).await.unwrap(), 0);
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.sqlite3");
        fs::write(
            &path,
            "not a database, but long enough to have a header of one hundred bytes".repeat(3),
        )
        .unwrap();
        assert!(Store::open(&path).is_err());
        assert!(matches!(Store::open(dir.path()), Err(StoreError::File { .. })));
    }
}

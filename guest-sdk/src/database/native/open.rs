//! One connection. Each statement and each transaction has its own: to open one is quick enough for a test, and what
//! was begun on it and not committed ends with it.

use std::{path::Path, time::Duration};

use rusqlite::{OpenFlags, config::DbConfig, ffi};

use super::{failure, rules::Rules, statement::failed};
use crate::database::{Access, DatabaseError};

#[derive(Debug)]
pub(crate) struct Open {
    pub(super) sqlite: rusqlite::Connection,
    rules: Rules,
}

/// How long a writer waits for another one; in the host it waits for as long as its call may take.
const BUSY: Duration = Duration::from_secs(5);

impl Open {
    /// Opens the file; who may write also makes it.
    pub(super) fn new(path: &Path, access: Access) -> Result<Self, DatabaseError> {
        let (mut sqlite, rules) = (connect(path, access).map_err(failed)?, Rules::default());
        let deciding = rules.clone();
        let decide = move |context: rusqlite::hooks::AuthContext<'_>| deciding.decide(&context);
        sqlite.authorizer(Some(decide)).map_err(failed)?;
        Ok(Self { sqlite, rules })
    }

    /// The author's SQL that is prepared next.
    pub(super) fn read(&self, sql: &str) {
        self.rules.read(sql);
    }

    /// Runs the author's SQL.
    pub(super) fn bound<T>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        work(&self.sqlite).map_err(|error| self.explain(error))
    }

    /// Runs the host's own SQL, to which the rules do not apply.
    pub(crate) fn trusted<T>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let done = self.rules.suspended(|| work(&self.sqlite));
        done.map_err(failed)
    }

    /// What SQLite's word means here.
    pub(super) fn explain(&self, error: rusqlite::Error) -> DatabaseError {
        let error = failed(error);
        match (error.code(), self.rules.refused()) {
            (Some(ffi::SQLITE_AUTH), Some(what)) => {
                failure(ffi::SQLITE_AUTH, format!("{what} is not allowed here"))
            }
            _ => error,
        }
    }
}

fn connect(path: &Path, access: Access) -> rusqlite::Result<rusqlite::Connection> {
    let flags = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let sqlite = rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    sqlite.busy_timeout(BUSY)?;
    if access == Access::Write {
        // No test outlives a loss of power. Readers are beside the writer, as in the host.
        sqlite.pragma_update(None, "synchronous", "OFF")?;
        sqlite.pragma_update(None, "journal_mode", "WAL")?;
    }
    sqlite.pragma_update(None, "foreign_keys", true)?;
    for (config, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        sqlite.set_db_config(config, value)?;
    }
    Ok(sqlite)
}

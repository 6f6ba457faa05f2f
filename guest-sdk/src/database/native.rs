//! What stands for the host when an author's tests run natively: the same operations on a SQLite of the same kind, which
//! refuses what the host would refuse. The host's limits of time, memory and size are the operator's and are not here.

mod bucket;
mod call;
mod cursor;
mod open;
mod rules;
mod statement;
mod store;

use std::sync::Arc;

pub(crate) use bucket::Bucket;
pub(crate) use call::{Call, Held, Kind};
pub(crate) use cursor::Cursor;
use rusqlite::ffi;
pub(crate) use store::Store;

use super::{Access, Changes, DatabaseError, Parameters, Rows};
use crate::Environment;
use call::MAX_HELD;
use open::Open;

#[derive(Debug)]
pub(crate) struct Connection {
    call: Arc<Call>,
}

#[derive(Debug)]
pub(crate) struct Transaction {
    // In this order: it is rolled back before another may begin.
    open: Open,
    access: Access,
    _held: Held,
}

impl Connection {
    pub(crate) fn open(environment: &Environment) -> Result<Self, DatabaseError> {
        let call = of(environment)?;
        Ok(Self { call })
    }

    pub(crate) fn execute(&self, sql: &str, parameters: Parameters) -> Result<Changes, DatabaseError> {
        let writer = self.call.writer()?;
        let changes = statement::execute(&writer, sql, &parameters)?;
        check_ended(&writer)?;
        Ok(changes)
    }

    pub(crate) fn query(&self, sql: &str, parameters: Parameters) -> Result<Rows, DatabaseError> {
        let reader = self.call.reader()?;
        if let Some(rows) = statement::query(&reader, sql, &parameters, Access::Read)? {
            check_ended(&reader)?;
            return Ok(rows);
        }
        let writer = self.call.writer()?;
        let rows = statement::query(&writer, sql, &parameters, Access::Write)?;
        check_ended(&writer)?;
        rows.ok_or_else(only_reads)
    }

    pub(crate) fn cursor(&self, sql: &str, parameters: Parameters) -> Result<Cursor, DatabaseError> {
        let held = self.hold(Access::Read)?;
        Cursor::open(self.call.reader()?, held, sql.to_owned(), parameters)
    }

    pub(crate) fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        let transaction = self.begin(Access::Write)?;
        transaction.script(sql)?;
        transaction.commit()
    }

    pub(crate) fn begin(&self, access: Access) -> Result<Transaction, DatabaseError> {
        let (open, sql) = match access {
            Access::Read => (self.call.reader()?, "BEGIN"),
            Access::Write => (self.call.writer()?, "BEGIN IMMEDIATE"),
        };
        let held = self.hold(access)?;
        open.trusted(|sqlite| sqlite.execute_batch(sql))?;
        Ok(Transaction {
            open,
            access,
            _held: held,
        })
    }

    fn hold(&self, access: Access) -> Result<Held, DatabaseError> {
        let kind = match access {
            Access::Read => Kind::Reading,
            Access::Write => Kind::Writing,
        };
        let too_many = || {
            let message = format!("a call has at most {MAX_HELD} cursors and reading transactions open");
            misuse(message)
        };
        self.call.hold(kind).ok_or_else(too_many)
    }
}

impl Transaction {
    pub(crate) fn execute(&self, sql: &str, parameters: Parameters) -> Result<Changes, DatabaseError> {
        self.check()?;
        statement::execute(&self.open, sql, &parameters)
    }

    pub(crate) fn query(&self, sql: &str, parameters: Parameters) -> Result<Rows, DatabaseError> {
        self.check()?;
        let rows = statement::query(&self.open, sql, &parameters, self.access)?;
        rows.ok_or_else(only_reads)
    }

    pub(crate) fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        self.check()?;
        statement::script(&self.open, sql)
    }

    pub(crate) fn commit(self) -> Result<(), DatabaseError> {
        self.check()?;
        self.open.trusted(|sqlite| sqlite.execute_batch("COMMIT"))
    }

    /// Its connection goes, and all that was begun on it.
    pub(crate) fn rollback(self) -> Result<(), DatabaseError> {
        Ok(())
    }

    /// SQLite itself ends a transaction after some errors: what comes after must not happen one by one.
    fn check(&self) -> Result<(), DatabaseError> {
        match self.open.sqlite.is_autocommit() {
            false => Ok(()),
            true => {
                let message = "the transaction was rolled back after an error";
                Err(failure(ffi::SQLITE_ABORT_ROLLBACK, message))
            }
        }
    }
}

/// A statement outside of a transaction must not begin one.
fn check_ended(open: &Open) -> Result<(), DatabaseError> {
    match open.sqlite.is_autocommit() {
        true => Ok(()),
        false => Err(misuse("a SAVEPOINT needs a transaction around it")),
    }
}

/// The database of the call that this environment is of.
pub(crate) fn of(environment: &Environment) -> Result<Arc<Call>, DatabaseError> {
    let none = || {
        let message = "there is none in this environment; natively, take one from testing::Harness";
        failure(ffi::SQLITE_CANTOPEN, message)
    };
    environment.call.clone().ok_or_else(none)
}

fn only_reads() -> DatabaseError {
    failure(ffi::SQLITE_READONLY, "the transaction only reads")
}

/// How it is used is wrong, whatever the database holds.
fn misuse(message: impl Into<String>) -> DatabaseError {
    failure(ffi::SQLITE_MISUSE, message)
}

fn failure(code: i32, message: impl Into<String>) -> DatabaseError {
    let message = message.into();
    DatabaseError::Sqlite { code, message }
}

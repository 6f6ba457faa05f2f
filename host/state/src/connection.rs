//! One connection to a challenge's database, bounded in every direction, and the running of one statement on it.

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::{CachedStatement, OpenFlags, Row, config::DbConfig, ffi, limits::Limit};
use rustix::fs::statvfs;

use crate::{
    Bounds, Changes, Parameters, Rows, SqlError, SqlLimits, Value,
    authorizer::{Authorizer, RESERVED},
    functions,
    limits::{
        ARGUMENTS, BUSY, CACHE_KIB, COLUMNS, COMPOUND_SELECTS, DISK_ROOM, EXPRESSION_DEPTH, INSTRUCTIONS,
        LOG_KEPT, LOOK_EVERY, PAGE, PARAMETERS, PARSER_DEPTH, PATTERN, SCHEMA_OBJECTS, STATEMENTS,
        TRIGGER_DEPTH,
    },
    overdue,
    watch::Watch,
};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// An open database with its bounds.
pub(crate) struct Connection {
    pub(crate) sqlite: rusqlite::Connection,
    limits: Arc<SqlLimits>,
    /// Bytes of the file, as it is to be, and as SQLite was told last.
    quota: Arc<AtomicU64>,
    applied: Cell<u64>,
    watch: Arc<Watch>,
    authorizer: Authorizer,
}

impl Connection {
    /// Opens the file; who may write also makes it.
    pub(crate) fn open(
        path: &Path,
        access: Access,
        limits: &Arc<SqlLimits>,
        quota: &Arc<AtomicU64>,
    ) -> rusqlite::Result<Self> {
        let flags = match access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        // No shared mutex: a connection is with one thread at a time. No URIs: a path is a path.
        let mut sqlite =
            rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        sqlite.busy_timeout(BUSY)?;
        sqlite.set_prepared_statement_cache_capacity(STATEMENTS);
        if access == Access::Write {
            // WAL: readers and the writer do not wait for each other. FULL: a transaction that was committed
            // survives a loss of power; what a miner was told is stored is worth a write to the disk.
            sqlite.pragma_update(None, "journal_mode", "WAL")?;
            sqlite.pragma_update(None, "synchronous", "FULL")?;
            sqlite.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        }
        for (name, value) in [
            ("foreign_keys", 1),
            ("cache_size", -CACHE_KIB),
            // In memory, where it is counted: files for sorting would be beside every quota.
            ("temp_store", 2),
            ("cell_size_check", 1),
        ] {
            sqlite.pragma_update(None, name, value)?;
        }
        for (config, value) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        ] {
            sqlite.set_db_config(config, value)?;
        }
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_LENGTH, whole(limits.value)),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, whole(limits.sql)),
            (Limit::SQLITE_LIMIT_COLUMN, COLUMNS),
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH),
            (Limit::SQLITE_LIMIT_COMPOUND_SELECT, COMPOUND_SELECTS),
            (Limit::SQLITE_LIMIT_VDBE_OP, INSTRUCTIONS),
            (Limit::SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN),
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, TRIGGER_DEPTH),
            (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
            (Limit::SQLITE_LIMIT_PARSER_DEPTH, PARSER_DEPTH),
            (Limit::SQLITE_LIMIT_SCHEMA, SCHEMA_OBJECTS),
        ] {
            sqlite.set_limit(limit, value)?;
        }
        functions::install(&sqlite, limits.value)?;
        let (watch, authorizer) = (Watch::new(limits.memory), Authorizer::default());
        let looking = watch.clone();
        sqlite.progress_handler(LOOK_EVERY, Some(move || looking.look()))?;
        overdue::look_after(&watch, sqlite.get_interrupt_handle());
        let deciding = authorizer.clone();
        sqlite.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
            deciding.decide(&context)
        }))?;
        Ok(Self {
            sqlite,
            limits: limits.clone(),
            quota: quota.clone(),
            applied: Cell::new(0),
            watch,
            authorizer,
        })
    }

    /// Tells SQLite how large the file may get.
    pub(crate) fn apply_quota(&self) -> Result<(), SqlError> {
        let quota = self.quota.load(Ordering::Relaxed);
        if self.applied.get() == quota {
            return Ok(());
        }
        let pages = (quota / PAGE).clamp(1, u64::from(u32::MAX - 1));
        self.trusted(Bounds::wall(BUSY), |sqlite| {
            // It answers with what it is now.
            sqlite.pragma_update_and_check(None, "max_page_count", pages.cast_signed(), |_| Ok(()))?;
            Ok(())
        })?;
        self.applied.set(quota);
        Ok(())
    }

    /// Runs a statement that changes something, or nothing. Rows that it returns are not looked at.
    pub(crate) fn execute(
        &self,
        sql: &str,
        parameters: &Parameters,
        bounds: Bounds,
    ) -> Result<Changes, SqlError> {
        self.within(bounds, || {
            let mut statement = self.prepare(sql, parameters)?;
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            drop(rows);
            let rows = match statement.readonly() {
                // What it changed is nothing, and SQLite still tells of the statement before.
                true => 0,
                false => self.sqlite.changes(),
            };
            Ok(Changes {
                rows,
                last_rowid: self.sqlite.last_insert_rowid(),
            })
        })
    }

    /// Runs a statement for its rows. `None`: it would write, and this connection only reads.
    pub(crate) fn query(
        &self,
        sql: &str,
        parameters: &Parameters,
        bounds: Bounds,
        access: Access,
    ) -> Result<Option<Rows>, SqlError> {
        self.within(bounds, || {
            let mut statement = self.prepare(sql, parameters)?;
            if access == Access::Read && !statement.readonly() {
                return Ok(None);
            }
            let columns = columns(&statement);
            let mut result = Rows {
                columns,
                values: Vec::new(),
            };
            let (mut number, mut bytes) = (0, 0);
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                number += 1;
                if number > self.limits.rows {
                    let most = self.limits.rows;
                    let message = format!("the result has more than {most} rows; use a cursor or a LIMIT");
                    return Err(SqlError::too_large(message));
                }
                bytes += self.read(row, &result.columns, &mut result.values)?;
                self.check_bytes(bytes)?;
            }
            Ok(Some(result))
        })
    }

    /// Runs a statement and hands over its rows in steps: `next` asks for so many at most, `None` ends it. Each step
    /// ends early when it has the bytes of a result; an empty one means that there are no more.
    pub(crate) fn stream(
        &self,
        sql: &str,
        parameters: &Parameters,
        bounds: Bounds,
        opened: impl FnOnce(Vec<String>),
        mut next: impl FnMut(Result<Vec<Value>, SqlError>) -> Option<(u64, Bounds)>,
    ) -> Result<(), SqlError> {
        self.within(bounds, || {
            let mut statement = self.prepare(sql, parameters)?;
            if !statement.readonly() {
                return Err(SqlError::misuse("a cursor only reads"));
            }
            let columns = columns(&statement);
            opened(columns.clone());
            let mut rows = statement.raw_query();
            let mut answer = Ok(Vec::new());
            self.watch.end();
            while let Some((most, bounds)) = next(answer) {
                self.watch.begin(bounds);
                answer = self.step(&mut rows, &columns, most);
                self.watch.end();
            }
            Ok(())
        })
    }

    fn step(
        &self,
        rows: &mut rusqlite::Rows<'_>,
        columns: &[String],
        most: u64,
    ) -> Result<Vec<Value>, SqlError> {
        let (mut values, mut bytes) = (Vec::new(), 0);
        for _ in 0..most.min(self.limits.rows) {
            let row = rows.next().map_err(|error| self.explain(error.into()))?;
            let Some(row) = row else { break };
            bytes += self.read(row, columns, &mut values)?;
            // One row may be more than a whole result, and then never comes.
            if bytes >= self.limits.result {
                if values.len() <= columns.len() {
                    self.check_bytes(bytes)?;
                }
                break;
            }
        }
        Ok(values)
    }

    /// Runs a script of statements.
    pub(crate) fn script(&self, sql: &str, bounds: Bounds) -> Result<(), SqlError> {
        if sql.len() as u64 > self.limits.sql {
            let most = self.limits.sql;
            return Err(SqlError::too_large(format!(
                "the script has more than {most} bytes"
            )));
        }
        check_text(sql)?;
        self.authorizer.read(sql);
        self.within(bounds, || Ok(self.sqlite.execute_batch(sql)?))
    }

    /// Runs the host's own statements, which the authorizer lets pass.
    pub(crate) fn trusted<T>(
        &self,
        bounds: Bounds,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let _trust = self.authorizer.trust();
        self.within(bounds, || work(&self.sqlite))
    }

    fn within<T>(&self, bounds: Bounds, work: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
        self.watch.begin(bounds);
        let done = work();
        self.watch.end();
        done.map_err(|error| self.explain(error))
    }

    /// What SQLite's word means here.
    fn explain(&self, error: SqlError) -> SqlError {
        match error.primary() {
            ffi::SQLITE_INTERRUPT => self.watch.stopped().map_or(error, SqlError::stopped),
            ffi::SQLITE_AUTH => self.authorizer.refused().map_or(error, SqlError::denied),
            ffi::SQLITE_FULL if self.has_disk() => {
                let most = platform_domain::ByteSize(self.quota.load(Ordering::Relaxed));
                SqlError::new(
                    ffi::SQLITE_FULL,
                    format!("the database is full: it may have {most}"),
                )
            }
            // Texts of SQLite that name files of the host, or might.
            ffi::SQLITE_CANTOPEN | ffi::SQLITE_IOERR | ffi::SQLITE_FULL | ffi::SQLITE_CORRUPT => {
                tracing::error!(sqlite.code = error.code, sqlite.message = %error.message, "A challenge's database fails");
                SqlError::new(error.code, ffi::code_to_str(error.code).to_owned())
            }
            _ => error,
        }
    }

    /// Whether there is room where the file is: then it is full because it has what it may. After the rollback it is
    /// smaller than that again.
    fn has_disk(&self) -> bool {
        let free = self.sqlite.path().and_then(|path| statvfs(path).ok());
        free.is_some_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) > DISK_ROOM)
    }

    fn prepare(&self, sql: &str, parameters: &Parameters) -> Result<CachedStatement<'_>, SqlError> {
        check_text(sql)?;
        if memchr::memmem::find(sql.as_bytes(), RESERVED.as_bytes()).is_some() {
            // The host's own statements are kept prepared too, and the authorizer has let them pass.
            self.sqlite.flush_prepared_statement_cache();
        }
        self.authorizer.read(sql);
        let mut statement = self.sqlite.prepare_cached(sql)?;
        bind(&mut statement, parameters)?;
        Ok(statement)
    }

    /// Copies a row, and says what it weighs.
    fn read(&self, row: &Row<'_>, columns: &[String], values: &mut Vec<Value>) -> Result<u64, SqlError> {
        let mut bytes = 0;
        for (index, column) in columns.iter().enumerate() {
            let value = row.get_ref(index)?;
            bytes += Value::weight(value);
            self.check_bytes(bytes)?;
            values.push(Value::read(value, column)?);
        }
        Ok(bytes)
    }

    fn check_bytes(&self, bytes: u64) -> Result<(), SqlError> {
        if bytes <= self.limits.result {
            return Ok(());
        }
        let most = self.limits.result;
        let message = format!("the result has more than {most} bytes; use a cursor or a LIMIT");
        Err(SqlError::too_large(message))
    }
}

/// SQLite would take a NUL for the end.
fn check_text(sql: &str) -> Result<(), SqlError> {
    match memchr::memchr(0, sql.as_bytes()) {
        None => Ok(()),
        Some(at) => Err(SqlError::misuse(format!("a NUL in the SQL at byte {at}"))),
    }
}

fn columns(statement: &CachedStatement<'_>) -> Vec<String> {
    let names = statement.column_names();
    names.into_iter().map(ToOwned::to_owned).collect()
}

fn bind(statement: &mut CachedStatement<'_>, parameters: &Parameters) -> Result<(), SqlError> {
    let expected = statement.parameter_count();
    let given = match parameters {
        Parameters::Positional(values) => values.len(),
        Parameters::Named(values) => values.len(),
    };
    if given != expected {
        let message = format!("the statement has {expected} parameters, {given} values were given");
        return Err(SqlError::new(ffi::SQLITE_RANGE, message));
    }
    match parameters {
        Parameters::Positional(values) => {
            for (index, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, value)?;
            }
        }
        Parameters::Named(values) => {
            let mut bound = std::collections::HashSet::new();
            for (name, value) in values {
                let index = statement.parameter_index(name)?;
                let Some(index) = index.filter(|index| bound.insert(*index)) else {
                    let name: String = name.chars().take(40).collect();
                    let message = format!("the statement has no parameter {name:?}, or it was given twice");
                    return Err(SqlError::new(ffi::SQLITE_RANGE, message));
                };
                statement.raw_bind_parameter(index, value)?;
            }
        }
    }
    Ok(())
}

/// A limit as SQLite takes it.
fn whole(limit: u64) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

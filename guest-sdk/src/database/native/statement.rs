//! Running one statement.

use std::collections::HashSet;

use rusqlite::{
    Statement, ToSql, ffi,
    types::{ToSqlOutput, ValueRef},
};

use super::{failure, misuse, open::Open};
use crate::database::{Access, Changes, DatabaseError, Parameters, Rows, Value};

/// Runs a statement for what it changes. Rows that it returns are not looked at.
pub(super) fn execute(open: &Open, sql: &str, parameters: &Parameters) -> Result<Changes, DatabaseError> {
    let mut statement = prepare(open, sql, parameters)?;
    open.bound(|sqlite| {
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        drop(rows);
        Ok(Changes {
            rows: match statement.readonly() {
                // It changed nothing, and SQLite still tells of the statement before.
                true => 0,
                false => sqlite.changes(),
            },
            last_rowid: sqlite.last_insert_rowid(),
        })
    })
}

/// Runs a statement for its rows. `None`: it would write, and this only reads.
pub(super) fn query(
    open: &Open,
    sql: &str,
    parameters: &Parameters,
    access: Access,
) -> Result<Option<Rows>, DatabaseError> {
    let mut statement = prepare(open, sql, parameters)?;
    if access == Access::Read && !statement.readonly() {
        return Ok(None);
    }
    let (columns, mut values) = (columns(&statement), Vec::new());
    each_row(open, &mut statement, &columns, |row| {
        values.extend(row);
        true
    })?;
    Ok(Some(Rows { columns, values }))
}

/// Runs a statement and hands over its columns and then each row, for as long as these say that they want more.
pub(super) fn stream(
    open: &Open,
    sql: &str,
    parameters: &Parameters,
    opened: impl FnOnce(Vec<String>) -> bool,
    row: impl FnMut(Vec<Value>) -> bool,
) -> Result<(), DatabaseError> {
    let mut statement = prepare(open, sql, parameters)?;
    if !statement.readonly() {
        return Err(misuse("a cursor only reads"));
    }
    let columns = columns(&statement);
    match opened(columns.clone()) {
        true => each_row(open, &mut statement, &columns, row),
        false => Ok(()),
    }
}

/// Runs a script of statements.
pub(super) fn script(open: &Open, sql: &str) -> Result<(), DatabaseError> {
    check_text(sql)?;
    open.read(sql);
    open.bound(|sqlite| sqlite.execute_batch(sql))
}

fn each_row(
    open: &Open,
    statement: &mut Statement<'_>,
    columns: &[String],
    mut want: impl FnMut(Vec<Value>) -> bool,
) -> Result<(), DatabaseError> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| open.explain(error))? {
        let values = columns.iter().enumerate().map(|(index, column)| {
            let value = row.get_ref(index).map_err(failed)?;
            read(value, column)
        });
        if !want(values.collect::<Result<_, _>>()?) {
            break;
        }
    }
    Ok(())
}

fn prepare<'a>(open: &'a Open, sql: &str, parameters: &Parameters) -> Result<Statement<'a>, DatabaseError> {
    check_text(sql)?;
    open.read(sql);
    let mut statement = open.sqlite.prepare(sql).map_err(|error| open.explain(error))?;
    bind(&mut statement, parameters)?;
    Ok(statement)
}

fn bind(statement: &mut Statement<'_>, parameters: &Parameters) -> Result<(), DatabaseError> {
    let expected = statement.parameter_count();
    let given = match parameters {
        Parameters::Positional(values) => values.len(),
        Parameters::Named(values) => values.len(),
    };
    if given != expected {
        let message = format!("the statement has {expected} parameters, {given} values were given");
        return Err(failure(ffi::SQLITE_RANGE, message));
    }
    match parameters {
        Parameters::Positional(values) => {
            for (value, place) in values.iter().zip(1..) {
                statement.raw_bind_parameter(place, value).map_err(failed)?;
            }
        }
        Parameters::Named(values) => {
            let mut bound = HashSet::new();
            for (name, value) in values {
                let place = statement.parameter_index(name).map_err(failed)?;
                let Some(place) = place.filter(|place| bound.insert(*place)) else {
                    let message = format!("the statement has no parameter {name:?}, or it was given twice");
                    return Err(failure(ffi::SQLITE_RANGE, message));
                };
                statement.raw_bind_parameter(place, value).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// SQLite would take a NUL for the end.
fn check_text(sql: &str) -> Result<(), DatabaseError> {
    match sql.find('\0') {
        None => Ok(()),
        Some(at) => Err(misuse(format!("a NUL in the SQL at byte {at}"))),
    }
}

fn columns(statement: &Statement<'_>) -> Vec<String> {
    let names = statement.column_names();
    names.into_iter().map(ToOwned::to_owned).collect()
}

fn read(value: ValueRef<'_>, column: &str) -> Result<Value, DatabaseError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => {
                let message =
                    format!("the text in column {column} is not UTF-8; read it with CAST({column} AS BLOB)");
                return Err(failure(ffi::SQLITE_MISMATCH, message));
            }
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// With the code and the words that the host gives.
pub(super) fn failed(error: rusqlite::Error) -> DatabaseError {
    use rusqlite::Error as Sqlite;
    match error {
        Sqlite::SqliteFailure(error, message) => {
            let message = message.unwrap_or_else(|| ffi::code_to_str(error.extended_code).to_owned());
            failure(error.extended_code, message)
        }
        Sqlite::SqlInputError {
            error, msg, offset, ..
        } => {
            let at =
                usize::try_from(offset).map_or_else(|_| String::new(), |offset| format!(" at byte {offset}"));
            failure(error.extended_code, format!("{msg}{at}"))
        }
        Sqlite::MultipleStatement => {
            misuse("more than one statement; run a script of them with execute_batch")
        }
        other => failure(ffi::SQLITE_ERROR, other.to_string()),
    }
}

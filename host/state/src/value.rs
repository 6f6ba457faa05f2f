//! What crosses between SQL and whoever asks.

use rusqlite::{
    ToSql,
    types::{ToSqlOutput, ValueRef},
};

use crate::SqlError;

/// One value, of one of SQLite's five types.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`
    Null,
    /// `INTEGER`
    Integer(i64),
    /// `REAL`; SQLite stores not-a-number as `NULL`.
    Real(f64),
    /// `TEXT`
    Text(String),
    /// `BLOB`
    Blob(Vec<u8>),
}

/// The values for a statement's parameters. Every parameter needs one, and every value a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// The first value for `?1`, and so on.
    Positional(Vec<Value>),
    /// By name, which includes its first character: `:id`, `@id` or `$id`.
    Named(Vec<(String, Value)>),
}

/// The rows of a result, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The names of the columns; `values` has so many for each row.
    pub columns: Vec<String>,
    /// Row by row.
    pub values: Vec<Value>,
}

/// What a statement has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that it inserted, updated or deleted, without those of triggers and foreign keys.
    pub rows: u64,
    /// The rowid of the last row that was inserted over this connection, by whomever; 0 when there was none.
    pub last_rowid: i64,
}

impl Value {
    /// What a value counts in a result, in bytes: its content, and what the host keeps for it.
    pub(crate) fn weight(value: ValueRef<'_>) -> u64 {
        let content = match value {
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        };
        size_of::<Self>() as u64 + content as u64
    }

    /// Copies a value out of a row.
    pub(crate) fn read(value: ValueRef<'_>, column: &str) -> Result<Self, SqlError> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Self::Text(text.to_owned()),
                Err(_) => return Err(SqlError::not_utf8(column)),
            },
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        })
    }
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

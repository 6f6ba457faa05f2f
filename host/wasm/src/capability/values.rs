//! The values of `sqlite` as wasmtime sees them, and the way from and to those of the database. Texts and bytes are
//! moved, not copied.

use platform_state::{self as state, SqlError};
use wasmtime::component::{ComponentType, Lift, Lower};

/// `variant value`
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum Value {
    #[component(name = "null")]
    Null,
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "real")]
    Real(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "blob")]
    Blob(Vec<u8>),
}

/// `variant parameters`
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Parameters {
    #[component(name = "positional")]
    Positional(Vec<Value>),
    #[component(name = "named")]
    Named(Vec<(String, Value)>),
}

/// `record error`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Error {
    code: i32,
    message: String,
}

/// `record rows`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Rows {
    columns: Vec<String>,
    values: Vec<Value>,
}

/// `record changes`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Changes {
    rows: u64,
    #[component(name = "last-rowid")]
    last_rowid: i64,
}

/// `enum access`
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the guest makes them")]
pub(super) enum Access {
    #[component(name = "read")]
    Read,
    #[component(name = "write")]
    Write,
}

impl From<Value> for state::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<state::Value> for Value {
    fn from(value: state::Value) -> Self {
        match value {
            state::Value::Null => Self::Null,
            state::Value::Integer(number) => Self::Integer(number),
            state::Value::Real(number) => Self::Real(number),
            state::Value::Text(text) => Self::Text(text),
            state::Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Parameters> for state::Parameters {
    fn from(parameters: Parameters) -> Self {
        match parameters {
            Parameters::Positional(values) => Self::Positional(values.into_iter().map(Into::into).collect()),
            Parameters::Named(values) => {
                let values = values.into_iter();
                Self::Named(values.map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        let SqlError { code, message } = error;
        Self { code, message }
    }
}

impl From<state::Rows> for Rows {
    fn from(rows: state::Rows) -> Self {
        let state::Rows { columns, values } = rows;
        Self {
            columns,
            values: all(values),
        }
    }
}

impl From<state::Changes> for Changes {
    fn from(changes: state::Changes) -> Self {
        let state::Changes { rows, last_rowid } = changes;
        Self { rows, last_rowid }
    }
}

impl From<Access> for state::Kind {
    fn from(access: Access) -> Self {
        match access {
            Access::Read => Self::Read,
            Access::Write => Self::Write,
        }
    }
}

pub(super) fn all(values: Vec<state::Value>) -> Vec<Value> {
    values.into_iter().map(Into::into).collect()
}

//! The border to the host, where the database is. Only in Wasm.

pub(crate) mod wit {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        world: "imports",
    });
}

use wit::platform::challenge::{kv, sqlite};

use super::{Access, Changes, DatabaseError, Parameters, Rows, Value};
use crate::{Environment, kv::Change};

#[derive(Debug)]
pub(crate) struct Connection(sqlite::Connection);

#[derive(Debug)]
pub(crate) struct Transaction(sqlite::Transaction);

#[derive(Debug)]
pub(crate) struct Cursor(sqlite::Cursor);

#[derive(Debug)]
pub(crate) struct Bucket(kv::Bucket);

impl Connection {
    pub(crate) fn open(_: &Environment) -> Result<Self, DatabaseError> {
        Ok(Self(sqlite::Connection::open()?))
    }

    pub(crate) fn execute(&self, sql: &str, parameters: Parameters) -> Result<Changes, DatabaseError> {
        Ok(self.0.execute(sql, &parameters.into())?.into())
    }

    pub(crate) fn query(&self, sql: &str, parameters: Parameters) -> Result<Rows, DatabaseError> {
        Ok(self.0.query(sql, &parameters.into())?.into())
    }

    pub(crate) fn cursor(&self, sql: &str, parameters: Parameters) -> Result<Cursor, DatabaseError> {
        Ok(Cursor(self.0.open_cursor(sql, &parameters.into())?))
    }

    pub(crate) fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        Ok(self.0.execute_batch(sql)?)
    }

    pub(crate) fn begin(&self, access: Access) -> Result<Transaction, DatabaseError> {
        let access = match access {
            Access::Read => sqlite::Access::Read,
            Access::Write => sqlite::Access::Write,
        };
        Ok(Transaction(self.0.begin(access)?))
    }
}

impl Transaction {
    pub(crate) fn execute(&self, sql: &str, parameters: Parameters) -> Result<Changes, DatabaseError> {
        Ok(self.0.execute(sql, &parameters.into())?.into())
    }

    pub(crate) fn query(&self, sql: &str, parameters: Parameters) -> Result<Rows, DatabaseError> {
        Ok(self.0.query(sql, &parameters.into())?.into())
    }

    pub(crate) fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        Ok(self.0.execute_batch(sql)?)
    }

    pub(crate) fn commit(self) -> Result<(), DatabaseError> {
        Ok(sqlite::Transaction::commit(self.0)?)
    }

    pub(crate) fn rollback(self) -> Result<(), DatabaseError> {
        Ok(sqlite::Transaction::rollback(self.0)?)
    }
}

impl Cursor {
    pub(crate) fn columns(&self) -> Vec<String> {
        self.0.columns()
    }

    pub(crate) fn next(&self, most: u32) -> Result<Vec<Value>, DatabaseError> {
        Ok(ours(self.0.next(most)?))
    }
}

impl Bucket {
    pub(crate) fn open(_: &Environment, name: &str) -> Result<Self, DatabaseError> {
        Ok(Self(kv::Bucket::open(name)?))
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
        Ok(self.0.get(key)?)
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), DatabaseError> {
        Ok(self.0.set(key, value)?)
    }

    pub(crate) fn delete(&self, key: &str) -> Result<bool, DatabaseError> {
        Ok(self.0.delete(key)?)
    }

    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        Ok(self.0.list(prefix, after, most)?)
    }

    pub(crate) fn apply(&self, changes: Vec<Change>) -> Result<bool, DatabaseError> {
        let changes: Vec<_> = changes.into_iter().map(kv::Change::from).collect();
        Ok(self.0.apply(&changes)?)
    }
}

impl From<kv::Error> for DatabaseError {
    fn from(error: kv::Error) -> Self {
        let kv::Error { code, message } = error;
        Self::Sqlite { code, message }
    }
}

impl From<sqlite::Error> for DatabaseError {
    fn from(error: sqlite::Error) -> Self {
        let sqlite::Error { code, message } = error;
        Self::Sqlite { code, message }
    }
}

// Texts and bytes are moved, not copied.

impl From<Value> for sqlite::Value {
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

impl From<sqlite::Value> for Value {
    fn from(value: sqlite::Value) -> Self {
        match value {
            sqlite::Value::Null => Self::Null,
            sqlite::Value::Integer(number) => Self::Integer(number),
            sqlite::Value::Real(number) => Self::Real(number),
            sqlite::Value::Text(text) => Self::Text(text),
            sqlite::Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Parameters> for sqlite::Parameters {
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

impl From<sqlite::Changes> for Changes {
    fn from(changes: sqlite::Changes) -> Self {
        let sqlite::Changes { rows, last_rowid } = changes;
        Self { rows, last_rowid }
    }
}

impl From<sqlite::Rows> for Rows {
    fn from(rows: sqlite::Rows) -> Self {
        let sqlite::Rows { columns, values } = rows;
        Self {
            columns,
            values: ours(values),
        }
    }
}

impl From<Change> for kv::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Set(key, value) => Self::Set((key, value)),
            Change::Delete(key) => Self::Delete(key),
            Change::Check(key, expected) => Self::Check((key, expected)),
        }
    }
}

fn ours(values: Vec<sqlite::Value>) -> Vec<Value> {
    values.into_iter().map(Into::into).collect()
}

//! Reading a row's columns into domain values, with an error that names the row and the column; and
//! writing values that SQLite has no type for.

use std::{error::Error, str::FromStr};

use platform_domain::{Slug, UnixSeconds};
use rusqlite::{Connection, Row, types::FromSql};
use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// The columns `slug` and `what` of a query.
pub(crate) fn by_slug<T>(
    connection: &Connection,
    table: &'static str,
    query: &str,
) -> Result<Vec<(Slug, T)>, StoreError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get("slug")?;
        let columns = Columns {
            table,
            key: &key,
            row,
        };
        found.push((columns.text("slug")?, columns.text("what")?));
    }
    Ok(found)
}

/// One row of a known table and key.
pub(crate) struct Columns<'a> {
    /// In the singular, for errors.
    pub(crate) table: &'static str,
    /// As stored, for errors.
    pub(crate) key: &'a str,
    pub(crate) row: &'a Row<'a>,
}

impl Columns<'_> {
    /// A value that SQLite has a type for.
    pub(crate) fn get<T: FromSql>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|source| self.error(column, source))
    }

    /// A value by its text form.
    pub(crate) fn text<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        let text: String = self.get(column)?;
        text.parse().map_err(|source| self.error(column, source))
    }

    /// A value by its text form, or NULL.
    pub(crate) fn optional_text<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        match self.get::<Option<String>>(column)? {
            Some(_) => self.text(column).map(Some),
            None => Ok(None),
        }
    }

    /// A set, map or tree in JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|source| self.error(column, source))
    }

    /// A tree in JSON, or NULL.
    pub(crate) fn optional_json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        match self.get::<Option<String>>(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }

    /// A point in time.
    pub(crate) fn seconds(&self, column: &'static str) -> Result<UnixSeconds, StoreError> {
        let seconds: i64 = self.get(column)?;
        u64::try_from(seconds)
            .map(UnixSeconds)
            .map_err(|source| self.error(column, source))
    }

    /// The column cannot be read.
    pub(crate) fn error(
        &self,
        column: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Row {
            table: self.table,
            key: self.key.to_owned(),
            column,
            source: source.into(),
        }
    }
}

/// What [`Columns::json`] reads.
pub(crate) fn json(column: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Value {
        column,
        source: source.into(),
    })
}

/// What [`Columns::seconds`] reads.
pub(crate) fn seconds(column: &'static str, time: UnixSeconds) -> Result<i64, StoreError> {
    i64::try_from(time.0).map_err(|source| StoreError::Value {
        column,
        source: source.into(),
    })
}

//! Keys and values, in the table in which the host has them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Result, ffi, params};

use super::{Call, failure, misuse, open::Open};
use crate::{
    Environment,
    database::DatabaseError,
    kv::{Change, MAX_BUCKET_BYTES, MAX_CHANGES, MAX_KEY_BYTES, MAX_LISTED},
};

pub(super) const TABLE: &str = "
    CREATE TABLE platform_kv (
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
";

/// A part of the keys, by its name.
#[derive(Debug)]
pub(crate) struct Bucket {
    call: Arc<Call>,
    name: String,
}

impl Bucket {
    pub(crate) fn open(environment: &Environment, name: &str) -> Result<Self, DatabaseError> {
        check_length("a bucket's name", name, MAX_BUCKET_BYTES)?;
        Ok(Self {
            call: super::of(environment)?,
            name: name.to_owned(),
        })
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
        check_key(key)?;
        self.call.reader()?.trusted(|sqlite| get(sqlite, &self.name, key))
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), DatabaseError> {
        check_key(key)?;
        self.call
            .writer()?
            .trusted(|sqlite| set(sqlite, &self.name, key, value))
    }

    pub(crate) fn delete(&self, key: &str) -> Result<bool, DatabaseError> {
        check_key(key)?;
        self.call
            .writer()?
            .trusted(|sqlite| delete(sqlite, &self.name, key))
    }

    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        // As bytes: the length of a text ends at a NUL.
        const SQL: &str = "SELECT key FROM platform_kv WHERE bucket = ?1 \
                           AND substr(CAST(key AS BLOB), 1, length(CAST(?2 AS BLOB))) = CAST(?2 AS BLOB) \
                           AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4";
        self.call.reader()?.trusted(|sqlite| {
            let mut statement = sqlite.prepare(SQL)?;
            let most = most.min(MAX_LISTED);
            let keys = statement.query_map(params![self.name, prefix, after, most], |row| row.get(0))?;
            keys.collect()
        })
    }

    pub(crate) fn apply(&self, changes: Vec<Change>) -> Result<bool, DatabaseError> {
        if changes.len() > MAX_CHANGES {
            let message = format!("a batch has at most {MAX_CHANGES} changes");
            return Err(failure(ffi::SQLITE_TOOBIG, message));
        }
        // Whatever is not committed ends with the connection.
        let writer = self.call.writer()?;
        writer.trusted(|sqlite| sqlite.execute_batch("BEGIN IMMEDIATE"))?;
        for change in &changes {
            if !self.happens(&writer, change)? {
                return Ok(false);
            }
        }
        writer.trusted(|sqlite| sqlite.execute_batch("COMMIT"))?;
        Ok(true)
    }

    /// Does one part of a batch; false when it is a check that does not hold.
    fn happens(&self, writer: &Open, change: &Change) -> Result<bool, DatabaseError> {
        let (Change::Set(key, _) | Change::Delete(key) | Change::Check(key, _)) = change;
        check_key(key)?;
        writer.trusted(|sqlite| match change {
            Change::Set(_, value) => set(sqlite, &self.name, key, value).map(|()| true),
            Change::Delete(_) => delete(sqlite, &self.name, key).map(|_| true),
            Change::Check(_, expected) => Ok(get(sqlite, &self.name, key)? == *expected),
        })
    }
}

fn get(sqlite: &Connection, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "SELECT value FROM platform_kv WHERE bucket = ?1 AND key = ?2";
    sqlite.query_row(SQL, [bucket, key], |row| row.get(0)).optional()
}

fn set(sqlite: &Connection, bucket: &str, key: &str, value: &[u8]) -> Result<()> {
    const SQL: &str = "INSERT INTO platform_kv (bucket, key, value) VALUES (?1, ?2, ?3) \
                       ON CONFLICT DO UPDATE SET value = excluded.value";
    sqlite.execute(SQL, params![bucket, key, value]).map(drop)
}

fn delete(sqlite: &Connection, bucket: &str, key: &str) -> Result<bool> {
    const SQL: &str = "DELETE FROM platform_kv WHERE bucket = ?1 AND key = ?2";
    Ok(sqlite.execute(SQL, [bucket, key])? > 0)
}

fn check_key(key: &str) -> Result<(), DatabaseError> {
    check_length("a key", key, MAX_KEY_BYTES)
}

fn check_length(what: &str, name: &str, most: usize) -> Result<(), DatabaseError> {
    match name.len() {
        0 => Err(misuse(format!("{what} is empty"))),
        length if length > most => {
            let message = format!("{what} has {length} bytes, at most {most} are allowed");
            Err(failure(ffi::SQLITE_TOOBIG, message))
        }
        _ => Ok(()),
    }
}

//! Keys and values in buckets, in a table of the host's own in the challenge's database.

use rusqlite::{OptionalExtension as _, params};

use crate::{
    Bounds, Database, SqlError,
    lease::Lease,
    limits::{MAX_BUCKET_BYTES, MAX_CHANGES, MAX_KEY_BYTES, MAX_LISTED},
};

/// The host's own tables. They are made before any SQL of the challenge runs, so that none takes their names.
pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS platform_kv (
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS platform_migrations (
        number INTEGER PRIMARY KEY,
        sha256 BLOB NOT NULL,
        applied_at INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
";

/// A part of the challenge's keys, by its name.
#[derive(Clone)]
pub struct Bucket {
    database: Database,
    name: String,
}

/// One part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key has this value afterwards.
    Set(String, Vec<u8>),
    /// The key is gone afterwards.
    Delete(String),
    /// The batch only happens if the key has this value before it, or with `None` if there is no such key.
    Check(String, Option<Vec<u8>>),
}

impl Bucket {
    /// The bucket of this name; it need not be made.
    pub fn open(database: &Database, name: &str) -> Result<Self, SqlError> {
        check_length("a bucket's name", name, MAX_BUCKET_BYTES)?;
        Ok(Self {
            database: database.clone(),
            name: name.to_owned(),
        })
    }

    /// The value of a key.
    pub async fn get(&self, key: &str, bounds: Bounds) -> Result<Option<Vec<u8>>, SqlError> {
        check_key(key)?;
        get(&self.database.reader().await?, &self.name, key, bounds)
    }

    /// Gives a key a value.
    pub async fn set(&self, key: &str, value: &[u8], bounds: Bounds) -> Result<(), SqlError> {
        check_key(key)?;
        set(&self.database.writer().await?, &self.name, key, value, bounds)
    }

    /// Removes a key; whether there was one.
    pub async fn delete(&self, key: &str, bounds: Bounds) -> Result<bool, SqlError> {
        check_key(key)?;
        delete(&self.database.writer().await?, &self.name, key, bounds)
    }

    /// Keys that begin with `prefix` and come after `after`, in order of their bytes, at most so many.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: u32,
        bounds: Bounds,
    ) -> Result<Vec<String>, SqlError> {
        const SQL: &str = "SELECT key FROM platform_kv WHERE bucket = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) \
                           AND (?4 IS NULL OR key > ?4) ORDER BY key LIMIT ?5";
        let (end, most) = (successor(prefix), most.min(MAX_LISTED));
        let reader = self.database.reader().await?;
        reader.trusted(bounds, |sqlite| {
            let mut statement = sqlite.prepare_cached(SQL)?;
            let keys = statement.query_map(params![self.name, prefix, end, after, most], |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// Does all of it or nothing: whether it was done, which it is not when a [`Change::Check`] does not hold.
    pub async fn apply(&self, changes: &[Change], bounds: Bounds) -> Result<bool, SqlError> {
        if changes.len() > MAX_CHANGES {
            let message = format!("a batch has at most {MAX_CHANGES} changes");
            return Err(SqlError::too_large(message));
        }
        let writer = self.database.writer().await?;
        let sql = |sql: &'static str| writer.trusted(bounds, |sqlite| Ok(sqlite.execute_batch(sql)?));
        sql("BEGIN IMMEDIATE")?;
        for change in changes {
            match change {
                Change::Set(key, value) => {
                    check_key(key)?;
                    set(&writer, &self.name, key, value, bounds)?;
                }
                Change::Delete(key) => {
                    check_key(key)?;
                    delete(&writer, &self.name, key, bounds)?;
                }
                Change::Check(key, expected) => {
                    check_key(key)?;
                    if get(&writer, &self.name, key, bounds)? != *expected {
                        return Ok(false);
                    }
                }
            }
        }
        sql("COMMIT")?;
        Ok(true)
    }
}

fn get(lease: &Lease, bucket: &str, key: &str, bounds: Bounds) -> Result<Option<Vec<u8>>, SqlError> {
    const SQL: &str = "SELECT value FROM platform_kv WHERE bucket = ?1 AND key = ?2";
    lease.trusted(bounds, |sqlite| {
        let mut statement = sqlite.prepare_cached(SQL)?;
        Ok(statement.query_row([bucket, key], |row| row.get(0)).optional()?)
    })
}

fn set(lease: &Lease, bucket: &str, key: &str, value: &[u8], bounds: Bounds) -> Result<(), SqlError> {
    const SQL: &str = "INSERT INTO platform_kv (bucket, key, value) VALUES (?1, ?2, ?3) \
                       ON CONFLICT DO UPDATE SET value = excluded.value";
    lease.trusted(bounds, |sqlite| {
        sqlite.prepare_cached(SQL)?.execute(params![bucket, key, value])?;
        Ok(())
    })
}

fn delete(lease: &Lease, bucket: &str, key: &str, bounds: Bounds) -> Result<bool, SqlError> {
    const SQL: &str = "DELETE FROM platform_kv WHERE bucket = ?1 AND key = ?2";
    lease.trusted(bounds, |sqlite| {
        Ok(sqlite.prepare_cached(SQL)?.execute([bucket, key])? > 0)
    })
}

/// The first text in the order of bytes that is behind all that begin with `prefix`; none when nothing is.
pub(crate) fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // The code points between are no characters.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

fn check_key(key: &str) -> Result<(), SqlError> {
    check_length("a key", key, MAX_KEY_BYTES)
}

fn check_length(what: &str, name: &str, most: usize) -> Result<(), SqlError> {
    match name.len() {
        0 => Err(SqlError::misuse(format!("{what} is empty"))),
        length if length > most => Err(SqlError::too_large(format!(
            "{what} has {length} bytes, at most {most} are allowed"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_prefix_lies_before_its_successor() {
        for (prefix, expected) in [
            ("", None),
            ("a", Some("b")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("\u{d7ff}", Some("\u{e000}")),
            ("\u{7f}", Some("\u{80}")),
        ] {
            assert_eq!(successor(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}

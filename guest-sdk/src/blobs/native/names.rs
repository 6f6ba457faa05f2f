//! The names of blobs and the numbers of their files, in the table in which the host has them.

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

use crate::blobs::BlobInfo;

pub(crate) const TABLE: &str = "
    CREATE TABLE platform_blobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        stored_at INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
";

pub(super) fn find(sqlite: &Connection, name: &str) -> Result<Option<(i64, BlobInfo)>> {
    const SQL: &str = "SELECT id, name, size, sha256, stored_at FROM platform_blobs WHERE name = ?1";
    let found = sqlite.query_row(SQL, [name], |row| Ok((row.get(0)?, read(row)?)));
    found.optional()
}

pub(super) fn list(
    sqlite: &Connection,
    prefix: &str,
    after: Option<&str>,
    most: u32,
) -> Result<Vec<BlobInfo>> {
    // As bytes: the length of a text ends at a NUL.
    const SQL: &str = "SELECT id, name, size, sha256, stored_at FROM platform_blobs \
                       WHERE substr(CAST(name AS BLOB), 1, length(CAST(?1 AS BLOB))) = CAST(?1 AS BLOB) \
                       AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3";
    let mut statement = sqlite.prepare(SQL)?;
    let found = statement.query_map(params![prefix, after, most], read)?;
    found.collect()
}

/// The number of the blob that had the name.
pub(super) fn delete(sqlite: &Connection, name: &str) -> Result<Option<i64>> {
    const SQL: &str = "DELETE FROM platform_blobs WHERE name = ?1 RETURNING id";
    sqlite.query_row(SQL, [name], |row| row.get(0)).optional()
}

/// The number of the blob that had the name, and when the new one was stored.
pub(super) fn give(sqlite: &Connection, number: i64, info: &BlobInfo) -> Result<(Option<i64>, u64)> {
    const SQL: &str = "INSERT INTO platform_blobs (id, name, size, sha256) VALUES (?1, ?2, ?3, ?4) \
                       RETURNING stored_at";
    let values = params![number, info.name, info.size.cast_signed(), info.sha256];
    // Whatever is not committed ends with the connection.
    sqlite.execute_batch("BEGIN IMMEDIATE")?;
    let before = delete(sqlite, &info.name)?;
    let stored_at: i64 = sqlite.query_row(SQL, values, |row| row.get(0))?;
    sqlite.execute_batch("COMMIT")?;
    Ok((before, stored_at.cast_unsigned()))
}

fn read(row: &Row<'_>) -> Result<BlobInfo> {
    Ok(BlobInfo {
        name: row.get(1)?,
        size: row.get::<_, i64>(2)?.cast_unsigned(),
        sha256: row.get(3)?,
        stored_at: row.get::<_, i64>(4)?.cast_unsigned(),
    })
}

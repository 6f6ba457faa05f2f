//! A SQLite that fills the disk and goes on afterwards.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, Result};

fn open() -> Result<Connection> {
    let connection = Connection::open("/data/rows.sqlite3")?;
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, text TEXT) STRICT")?;
    Ok(connection)
}

fn insert(connection: &Connection) -> Result<()> {
    let row = "x".repeat(100 << 10);
    connection
        .execute("INSERT INTO entry (text) VALUES (?1)", [row])
        .map(drop)
}

fn rows(connection: &Connection) -> Result<u32> {
    connection.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
}

/// Without waiting for the disk: it is to be full soon.
pub(crate) fn fill() -> Result<(u32, Error)> {
    let connection = open()?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    loop {
        if let Err(refused) = insert(&connection) {
            return Ok((rows(&connection)?, refused));
        }
    }
}

pub(crate) fn halve() -> Result<()> {
    open()?
        .execute("DELETE FROM entry WHERE id % 2 = 0", [])
        .map(drop)
}

pub(crate) fn add() -> Result<()> {
    insert(&open()?)
}

pub(crate) fn transactions(many: u64) -> Result<()> {
    let connection = open()?;
    for row in 0..many {
        connection.execute("INSERT INTO entry (text) VALUES (?1)", [row.to_string()])?;
    }
    Ok(())
}

/// The points that the speed of a database is measured with.
const POINTS: &str = "CREATE TABLE points (id INTEGER PRIMARY KEY, x REAL NOT NULL, name TEXT NOT NULL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        INSERT INTO points SELECT i, i / 3.0, 'point ' || i FROM n";

pub(crate) fn points(times: u32) -> Result<Duration> {
    let connection = Connection::open("/data/points.sqlite3")?;
    if !connection.table_exists(None, "points")? {
        connection.execute_batch(POINTS)?;
    }
    let mut statement = connection.prepare("SELECT x, name FROM points WHERE id = ?1")?;
    let started = Instant::now();
    for n in 0..times {
        let point: (f64, String) =
            statement.query_row([n * 7919 % 10_000 + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
        assert!(point.1.starts_with("point"));
    }
    Ok(started.elapsed())
}

pub(crate) fn state() -> Result<(u32, String)> {
    let connection = open()?;
    let integrity = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    Ok((rows(&connection)?, integrity))
}

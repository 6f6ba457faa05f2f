//! Dies inside a SQLite transaction, which leaves a lock and a hot journal behind, and says afterwards what is
//! left of the database. `?journal=wal` for another journal mode.

use platform_guest_sdk::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};

struct StaleLock;

/// Enough that the tiny cache below spills half of a transaction into the database file.
const ROWS: u32 = 500;

#[challenge(name = "stale-lock", data = exclusive)]
impl StaleLock {
    /// Commits rows.
    #[post("/commit")]
    fn commit(request: &Request) -> Result<()> {
        let connection = open(request)?;
        write(&connection)?;
        Ok(connection.execute_batch("COMMIT")?)
    }

    /// Writes rows, does not commit, and panics.
    #[post("/trap")]
    fn trap(request: &Request) -> Result<()> {
        let connection = open(request)?;
        write(&connection)?;
        panic!("inside a transaction, on purpose");
    }

    /// Writes rows, does not commit, and never comes back.
    #[post("/spin")]
    fn spin(request: &Request) -> Result<()> {
        let connection = open(request)?;
        write(&connection)?;
        loop {
            std::hint::black_box(&connection);
        }
    }

    /// Commits pairs of rows with the same number, the next one each time, until somebody stops it.
    #[post("/pairs")]
    fn pairs(_: &Request) -> Result<()> {
        let connection = pairs()?;
        loop {
            connection.execute_batch(
                "BEGIN IMMEDIATE;
                INSERT INTO pair SELECT coalesce(max(number), 0) + 1 FROM pair;
                INSERT INTO pair SELECT max(number) FROM pair;
                COMMIT",
            )?;
        }
    }

    /// How many pairs there are, whether all are whole, and what SQLite thinks of the file.
    #[get("/pairs")]
    fn whole(_: &Request) -> Result<Json<Value>> {
        let connection = pairs()?;
        let sql = "SELECT coalesce(max(number), 0), count(*), count(DISTINCT number) FROM pair";
        let (last, rows, numbers): (u32, u32, u32) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let whole = rows == 2 * last && numbers == last;
        Ok(Json(
            json!({ "last": last, "whole": whole, "integrity": integrity }),
        ))
    }

    /// The number of committed rows and what SQLite thinks of the file.
    #[get("/state")]
    fn state(request: &Request) -> Result<Json<Value>> {
        let connection = open(request)?;
        let rows: u32 = connection.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?;
        let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok(Json(json!({ "rows": rows, "integrity": integrity })))
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        Ok(Weights::new())
    }
}

/// As an author would open it who has not read about locks.
fn pairs() -> Result<Connection> {
    let connection = Connection::open("/data/pairs.sqlite3")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS pair (number INTEGER NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS pair_by_number ON pair (number)",
    )?;
    Ok(connection)
}

fn open(request: &Request) -> Result<Connection> {
    let connection = Connection::open(request.environment().data_dir()?.join("stale.sqlite3"))?;
    connection.busy_timeout(std::time::Duration::from_millis(100))?;
    let journal = request.query("journal")?.unwrap_or_else(|| "delete".to_owned());
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", journal)?;
    connection.pragma_update(None, "cache_size", 4)?;
    connection.execute_batch("CREATE TABLE IF NOT EXISTS entry (text TEXT NOT NULL) STRICT")?;
    Ok(connection)
}

fn write(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut insert = connection.prepare("INSERT INTO entry VALUES (?1)")?;
    for row in 0..ROWS {
        insert.execute([format!("{row} {}", "x".repeat(200))])?;
    }
    Ok(())
}

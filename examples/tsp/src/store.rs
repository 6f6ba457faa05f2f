//! Every hotkey's shortest tour of a round, in SQLite in the data directory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_guest_sdk::prelude::*;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde::Serialize;

/// How many rounds stay; with a round an hour, four days.
const KEPT_ROUNDS: u64 = 100;
/// The host lets one call at a time in, so nobody can hold the lock; waiting for it would only hide a fault.
const BUSY_TIMEOUT: Duration = Duration::from_millis(100);
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE best (
        -- Rises with time, so that of two equal lengths the earlier is known.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        round INTEGER NOT NULL,
        hotkey TEXT NOT NULL,
        length INTEGER NOT NULL,
        submitted_at INTEGER NOT NULL,
        -- JSON, for whoever wants to check.
        tour TEXT NOT NULL,
        UNIQUE (round, hotkey)
    ) STRICT;
    CREATE INDEX best_by_length ON best (round, length, id);
";

pub(crate) struct Store(Connection);

/// One line of a leaderboard.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) hotkey: String,
    pub(crate) length: u64,
    pub(crate) submitted_at: u64,
}

impl Store {
    pub(crate) fn open(environment: &Environment) -> Result<Self> {
        let mut connection = Connection::open(environment.data_dir()?.join("tsp.sqlite3"))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // SQLite's locks under WASI are directories beside the file; exclusive, it makes one a call, not one a
        // statement. A connection lives for one call, so a write-ahead log would be folded back and deleted
        // every time: it measured no faster, and a rollback journal leaves a single plain file between calls.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        // A tour that was answered with 201 survives a power cut.
        connection.pragma_update(None, "synchronous", "FULL")?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            SCHEMA_VERSION => {}
            0 => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                transaction.commit()?;
            }
            other => {
                return Err(Error::internal(format!(
                    "tsp.sqlite3 has the unknown version {other}"
                )));
            }
        }
        Ok(Self(connection))
    }

    /// Keeps a tour if it is the hotkey's shortest of the round.
    pub(crate) fn record(&mut self, round: u64, hotkey: &str, length: u64, tour: &[u32]) -> Result<()> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = "SELECT length FROM best WHERE round = ?1 AND hotkey = ?2";
        let known: Option<u64> = transaction
            .query_row(known, params![round, hotkey], |row| row.get(0))
            .optional()?;
        if known.is_some_and(|known| known <= length) {
            return Ok(());
        }
        let submitted_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        transaction.execute(
            "INSERT OR REPLACE INTO best (round, hotkey, length, submitted_at, tour) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![round, hotkey, length, submitted_at, serde_json::to_string(tour)?],
        )?;
        transaction.execute(
            "DELETE FROM best WHERE round < ?1",
            [round.saturating_sub(KEPT_ROUNDS)],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Shortest first, of equal ones the earlier.
    pub(crate) fn leaderboard(&self, round: u64) -> Result<Vec<Entry>> {
        let query = "SELECT hotkey, length, submitted_at FROM best WHERE round = ?1 ORDER BY length, id";
        let mut statement = self.0.prepare(query)?;
        let entries = statement.query_map([round], |row| {
            Ok(Entry {
                hotkey: row.get(0)?,
                length: row.get(1)?,
                submitted_at: row.get(2)?,
            })
        })?;
        Ok(entries.collect::<Result<_, _>>()?)
    }

    /// The round that runs or else the last one before it that has a tour.
    pub(crate) fn last_round_with_a_tour(&self, running: u64) -> Result<Option<u64>> {
        let query = "SELECT max(round) FROM best WHERE round <= ?1";
        Ok(self.0.query_row(query, [running], |row| row.get(0))?)
    }
}

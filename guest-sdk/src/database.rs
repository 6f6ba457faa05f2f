//! The challenge's database: SQLite in the host, asked by SQL.
//!
//! It is where state belongs. Calls run side by side, reads beside writes; a call that dies leaves nothing half done;
//! what a statement has changed lasts when it returns. Tables are made by the migrations that
//! [`challenge`](macro@crate::challenge) names: the host applies them before it calls, and [`Harness`] before a test.
//!
//! ```
//! # use platform_guest_sdk::{prelude::*, testing::Harness};
//! # struct Scores;
//! # #[challenge(name = "scores", migrations("migrations/0001_scores.sql"))]
//! # impl Scores {
//! #     #[any]
//! #     fn any(_: &Request) -> Result<()> { Ok(()) }
//! # }
//! # fn main() -> Result<()> {
//! # let environment = Harness::<Scores>::new().environment();
//! let database = environment.database()?;
//! let insert = "INSERT INTO scores (hotkey, score) VALUES (?1, ?2)";
//! database.execute(insert, params!["5Alice", 0.5])?;
//!
//! // All of it, or nothing: a transaction that is dropped before its commit is rolled back.
//! let transaction = database.transaction()?;
//! transaction.execute(insert, ("5Bob", 2))?;
//! transaction.execute("UPDATE scores SET score = score + :more", named_params! { ":more": 1 })?;
//! transaction.commit()?;
//!
//! let sql = "SELECT hotkey, score FROM scores ORDER BY score DESC";
//! let all: Vec<(String, f64)> = database.query_map(sql, [], |row| Ok((row.get("hotkey")?, row.get("score")?)))?;
//! assert_eq!(all, [("5Bob".to_owned(), 3.0), ("5Alice".to_owned(), 1.5)]);
//!
//! let carol = database.query_row("SELECT score FROM scores WHERE hotkey = ?1", ["5Carol"], |row| row.get::<f64>(0));
//! assert_eq!(carol.optional()?, None);
//!
//! // For a result that need not fit into memory.
//! let (mut cursor, mut sum) = (database.cursor(sql, [])?, 0.0);
//! while let Some(row) = cursor.next()? {
//!     sum += row.get::<f64>(1)?;
//! }
//! assert_eq!(sum, 4.5);
//!
//! assert!(database.execute(insert, ("5Alice", 0)).is_err_and(|error| error.is_unique()));
//! # Ok(())
//! # }
//! ```
//!
//! [`Harness`]: crate::testing::Harness

#[cfg(target_family = "wasm")]
pub(crate) mod component;
mod cursor;
mod error;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
mod params;
mod row;
mod transaction;
mod types;
mod value;

pub use cursor::Cursor;
pub use error::{DatabaseError, OptionalExtension};
pub use params::{Parameters, Params};
pub use row::{Row, RowIndex};
pub use transaction::Transaction;
pub use value::{ConversionError, FromSql, ToSql, Value};

#[cfg(target_family = "wasm")]
pub(crate) use component as border;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native as border;
pub(crate) use row::Rows;

use crate::Environment;

/// The challenge's database. See the [module](self) for how it is used.
#[derive(Debug)]
pub struct Database {
    connection: border::Connection,
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What a statement has changed.
pub(crate) struct Changes {
    pub(crate) rows: u64,
    pub(crate) last_rowid: i64,
}

impl Database {
    pub(crate) fn open(environment: &Environment) -> Result<Self, DatabaseError> {
        let connection = border::Connection::open(environment)?;
        Ok(Self { connection })
    }

    /// Runs one statement and says how many rows it has inserted, updated or deleted.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<u64, DatabaseError> {
        Ok(self.connection.execute(sql, params.into_parameters()?)?.rows)
    }

    /// Runs an `INSERT` of one row and says its rowid. One that inserts nothing, such as an `INSERT OR IGNORE`, is
    /// [`DatabaseError::NoRows`]. An upsert says its rowid in a `RETURNING`, for [`query_row`](Self::query_row).
    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64, DatabaseError> {
        self.connection.execute(sql, params.into_parameters()?)?.rowid()
    }

    /// Runs one statement and reads its first row; without one it is [`DatabaseError::NoRows`]. The whole result is
    /// fetched, so let it have a `LIMIT`.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.connection.query(sql, params.into_parameters()?)?.first(read)
    }

    /// Runs one statement and reads all of its rows.
    pub fn query_map<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        self.connection.query(sql, params.into_parameters()?)?.all(read)
    }

    /// Runs one statement whose rows are fetched a few at a time. It sees one state of the database, whatever is written
    /// meanwhile. A call has two cursors and reading transactions open at most.
    pub fn cursor(&self, sql: &str, params: impl Params) -> Result<Cursor, DatabaseError> {
        let cursor = self.connection.cursor(sql, params.into_parameters()?)?;
        Ok(Cursor::new(cursor))
    }

    /// Runs a script of statements as one transaction.
    pub fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        self.connection.script(sql)
    }

    /// Begins a transaction that writes. There is one at a time, and until it ends nothing else in this call writes.
    pub fn transaction(&self) -> Result<Transaction, DatabaseError> {
        self.connection.begin(Access::Write).map(Transaction::new)
    }

    /// Begins a transaction that sees one state of the database, beside those who write.
    pub fn read_transaction(&self) -> Result<Transaction, DatabaseError> {
        self.connection.begin(Access::Read).map(Transaction::new)
    }
}

impl Changes {
    /// Of the row that was inserted; otherwise it would be that of another statement.
    fn rowid(self) -> Result<i64, DatabaseError> {
        match self.rows {
            0 => Err(DatabaseError::NoRows),
            _ => Ok(self.last_rowid),
        }
    }
}

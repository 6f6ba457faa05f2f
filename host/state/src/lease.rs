//! Connections, taken in turn: one that writes, a few that read. Whoever waits is served in the order of arrival.

use std::{
    mem,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::ffi;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Bounds, SqlError, connection::Connection};

/// How to open one more.
type Open = Box<dyn Fn() -> Result<Connection, SqlError> + Send + Sync>;

/// Connections of one kind that nobody uses.
pub(crate) struct Stash {
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<(Connection, Instant)>>,
    open: Open,
}

/// A connection until it is dropped. What was begun on it and not committed is rolled back then.
pub(crate) struct Lease {
    // In this order: the connection is back before the turn is.
    connection: Option<Connection>,
    stash: Arc<Stash>,
    _turn: OwnedSemaphorePermit,
}

/// What a rollback may take: it writes nothing.
const ROLLBACK: Duration = Duration::from_secs(60);

impl Stash {
    /// At most so many at the same time.
    pub(crate) fn new(most: usize, open: Open) -> Arc<Self> {
        Arc::new(Self {
            turns: Arc::new(Semaphore::new(most)),
            idle: Mutex::default(),
            open,
        })
    }

    /// Takes a connection that is open already.
    pub(crate) fn put(&self, connection: Connection) {
        self.idle().push((connection, Instant::now()));
    }

    /// Waits for a turn, and opens a connection if none is idle.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, SqlError> {
        let turn = self.turns.clone().acquire_owned().await;
        // Nobody closes it.
        self.open(turn.map_err(|_| SqlError::misuse("the database is closed"))?)
    }

    /// The same for whoever must not wait.
    pub(crate) fn lease_at_once(self: &Arc<Self>) -> Result<Lease, SqlError> {
        let turn = self.turns.clone().try_acquire_owned();
        self.open(turn.map_err(|_| {
            let message = "others read, and who has a cursor or a transaction open cannot wait for them";
            SqlError::new(ffi::SQLITE_BUSY, message)
        })?)
    }

    fn open(self: &Arc<Self>, turn: OwnedSemaphorePermit) -> Result<Lease, SqlError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some((connection, _)) => connection,
            None => (self.open)()?,
        };
        Ok(Lease {
            connection: Some(connection),
            stash: self.clone(),
            _turn: turn,
        })
    }

    /// Closes those that nobody used for so long.
    pub(crate) fn retire(&self, age: Duration) {
        let old: Vec<_> = {
            let mut idle = self.idle();
            let (old, young) = mem::take(&mut *idle)
                .into_iter()
                .partition(|(_, since)| since.elapsed() >= age);
            *idle = young;
            old
        };
        // Closing writes; nobody waits for the stash meanwhile.
        drop(old);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Ends the transaction without its changes, if there is one.
    pub(crate) fn roll_back(&self) -> Result<(), SqlError> {
        if self.sqlite.is_autocommit() {
            return Ok(());
        }
        self.trusted(Bounds::wall(ROLLBACK), |sqlite| {
            Ok(sqlite.execute_batch("ROLLBACK")?)
        })
    }
}

impl Deref for Lease {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "it is taken out in drop only")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lease has its connection")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let clean = self.roll_back();
        let Some(connection) = self.connection.take() else {
            return;
        };
        match clean {
            Ok(()) => self.stash.put(connection),
            // Closing it ends the transaction as well.
            Err(error) => tracing::error!(%error, "a connection could not be rolled back and is closed"),
        }
    }
}

//! A fixed set of connections, each lent to one blocking closure at a time.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StoreError;

/// Connections of one kind. Waiting happens in the async world, so a queue of writers does not occupy
/// blocking threads.
#[derive(Clone)]
pub(crate) struct Pool {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// A borrowed connection; it goes back when this is dropped, also by a panic.
struct Lease {
    /// `None` only while it is being given back.
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// Dropped after the connection is back, so a permit always finds one.
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Runs `work` with a connection on a blocking thread. When the caller goes away, the work still ends.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Stopping)?;
        let idle = Arc::clone(&self.idle);
        let done = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut lease = Lease {
                connection,
                idle,
                _permit: permit,
            };
            match lease.connection.as_mut() {
                Some(connection) => work(connection),
                None => Err(StoreError::Stopping.into()),
            }
        });
        match done.await {
            Ok(result) => result,
            // A defect in the closure: the caller's own, so it surfaces where it was called.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Stopping.into()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

//! What one call has open of the database, so that it does not wait for itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{misuse, open::Open, store::Store};
use crate::database::{Access, DatabaseError};

/// One call's way to the database.
#[derive(Debug)]
pub(crate) struct Call {
    store: Arc<Store>,
    /// Cursors, and transactions that read.
    reading: AtomicUsize,
    /// Transactions that write.
    writing: AtomicUsize,
}

/// That a cursor or a transaction is open, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    call: Arc<Call>,
    access: Access,
}

/// Cursors and reading transactions that the host lets a call have open.
const MAX_HELD: usize = 2;

impl Call {
    /// One that has nothing open.
    pub(crate) fn of(store: &Arc<Store>) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            reading: AtomicUsize::new(0),
            writing: AtomicUsize::new(0),
        })
    }

    pub(super) fn reader(&self) -> Result<Open, DatabaseError> {
        self.store.open(Access::Read)
    }

    pub(super) fn writer(&self) -> Result<Open, DatabaseError> {
        if self.writing.load(Ordering::Relaxed) > 0 {
            let message = "a writing transaction is open in this call; use it, or end it";
            return Err(misuse(message));
        }
        self.store.open(Access::Write)
    }

    pub(super) fn hold(self: &Arc<Self>, access: Access) -> Result<Held, DatabaseError> {
        let call = self.clone();
        let held = Held { call, access };
        let before = held.count().fetch_add(1, Ordering::Relaxed);
        if access == Access::Read && before >= MAX_HELD {
            let message = format!("a call has at most {MAX_HELD} cursors and reading transactions open");
            return Err(misuse(message));
        }
        Ok(held)
    }
}

impl Held {
    fn count(&self) -> &AtomicUsize {
        match self.access {
            Access::Read => &self.call.reading,
            Access::Write => &self.call.writing,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::Relaxed);
    }
}

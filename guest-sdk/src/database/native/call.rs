//! What one call has open of the database and the blobs, so that it does not wait for itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{misuse, open::Open, store::Store};
use crate::{
    blobs::MAX_OPEN,
    database::{Access, DatabaseError},
};

/// One call's way to the database and the blobs.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) store: Arc<Store>,
    reading: AtomicUsize,
    writing: AtomicUsize,
    blobs: AtomicUsize,
}

/// What a call may have open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Cursors, and transactions that read.
    Reading,
    /// Transactions that write.
    Writing,
    /// Blobs that are written or read.
    Blob,
}

/// That something is open, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    call: Arc<Call>,
    kind: Kind,
}

/// Cursors and reading transactions that the host lets a call have open.
pub(super) const MAX_HELD: usize = 2;

impl Call {
    /// One that has nothing open.
    pub(crate) fn of(store: &Arc<Store>) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            reading: AtomicUsize::new(0),
            writing: AtomicUsize::new(0),
            blobs: AtomicUsize::new(0),
        })
    }

    pub(crate) fn reader(&self) -> Result<Open, DatabaseError> {
        self.store.open(Access::Read)
    }

    pub(crate) fn writer(&self) -> Result<Open, DatabaseError> {
        if self.writing.load(Ordering::Relaxed) > 0 {
            let message = "a writing transaction is open in this call; use it, or end it";
            return Err(misuse(message));
        }
        self.store.open(Access::Write)
    }

    /// None when the call has as many of them open as it may.
    pub(crate) fn hold(self: &Arc<Self>, kind: Kind) -> Option<Held> {
        let call = self.clone();
        let held = Held { call, kind };
        let before = held.count().fetch_add(1, Ordering::Relaxed);
        (before < kind.most()).then_some(held)
    }
}

impl Kind {
    fn most(self) -> usize {
        match self {
            Self::Reading => MAX_HELD,
            // A second one is refused its connection.
            Self::Writing => usize::MAX,
            Self::Blob => MAX_OPEN,
        }
    }
}

impl Held {
    fn count(&self) -> &AtomicUsize {
        match self.kind {
            Kind::Reading => &self.call.reading,
            Kind::Writing => &self.call.writing,
            Kind::Blob => &self.call.blobs,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::Relaxed);
    }
}

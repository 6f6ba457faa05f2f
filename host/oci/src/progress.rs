//! How far a transfer has come, for whoever waits for it.

use std::{fmt, sync::Arc};

/// Part of a component's transfer is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes so far; fewer than before when it had to be begun anew.
    pub done: u64,
    /// Bytes in all.
    pub size: u64,
}

/// Is told of transfers of components from and to registries, often and on the way: it must not wait.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Transferred) + Send + Sync>);

impl Progress {
    /// Tells this function.
    pub fn new(told: impl Fn(Transferred) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(crate) fn tell(&self, done: u64, size: u64) {
        (self.0)(Transferred { done, size });
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress(…)")
    }
}

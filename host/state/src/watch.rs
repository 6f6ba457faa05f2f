//! Stops a statement that takes too long or too much memory. SQLite asks every so many instructions; what is late within one
//! is interrupted (`overdue.rs`).

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{heap::taken, limits::CLOCK_EVERY};

/// How long a statement may go on.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// When it must have ended.
    pub until: Instant,
    /// Asked on the thread that runs the statement, now and then: whether it has computed for as long as it may.
    pub computed_too_long: fn() -> bool,
}

/// Why a statement was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    #[error("the call's time is over")]
    Late,
    #[error("the call has computed for as long as it may")]
    Computed,
    #[error("the statement takes more memory than it may; give it an index, a LIMIT, or less to sort")]
    Memory,
}

/// What a connection's progress handler looks at. Written by whoever runs a statement, on the same thread; only who looks
/// for what is late does so from another one.
pub(crate) struct Watch {
    /// Those of what runs now.
    bounds: Mutex<Option<Bounds>>,
    /// What the thread had taken when the statement began.
    memory_before: AtomicU64,
    memory: u64,
    looks: AtomicU32,
    stop: AtomicU8,
}

impl Bounds {
    /// For the host's own work: so long from now.
    pub fn wall(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
            computed_too_long: || false,
        }
    }
}

impl Watch {
    pub(crate) fn new(memory: u64) -> Arc<Self> {
        Arc::new(Self {
            bounds: Mutex::new(None),
            memory_before: AtomicU64::new(0),
            memory,
            looks: AtomicU32::new(0),
            stop: AtomicU8::new(0),
        })
    }

    /// A statement begins on this thread, or goes on.
    pub(crate) fn begin(&self, bounds: Bounds) {
        self.memory_before.store(taken(), Ordering::Relaxed);
        self.looks.store(0, Ordering::Relaxed);
        self.stop.store(0, Ordering::Relaxed);
        *self.bounds() = Some(bounds);
    }

    /// It has ended, or waits to be gone on with. Nobody interrupts what comes next.
    pub(crate) fn end(&self) {
        *self.bounds() = None;
    }

    /// For another thread than that of the statement.
    pub(crate) fn interrupt_if_late(&self, interrupt: impl FnOnce()) {
        let bounds = self.bounds();
        if bounds.is_some_and(|bounds| Instant::now() >= bounds.until) {
            self.note(Stop::Late);
            // While it cannot end.
            interrupt();
        }
    }

    /// SQLite's progress handler: whether to stop.
    pub(crate) fn look(&self) -> bool {
        let stop = self.find();
        if let Some(stop) = stop {
            self.note(stop);
        }
        stop.is_some()
    }

    fn note(&self, stop: Stop) {
        self.stop.store(stop as u8 + 1, Ordering::Relaxed);
    }

    fn bounds(&self) -> MutexGuard<'_, Option<Bounds>> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the statement was stopped, if it was.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Stop::Late),
            2 => Some(Stop::Computed),
            _ => Some(Stop::Memory),
        }
    }

    fn find(&self) -> Option<Stop> {
        // It may be less than before: the statement gave back what another one took.
        let more = taken().wrapping_sub(self.memory_before.load(Ordering::Relaxed));
        if more.cast_signed() > self.memory.cast_signed() {
            return Some(Stop::Memory);
        }
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        if !looks.is_multiple_of(CLOCK_EVERY) {
            return None;
        }
        let bounds = (*self.bounds())?;
        if Instant::now() >= bounds.until {
            return Some(Stop::Late);
        }
        (bounds.computed_too_long)().then_some(Stop::Computed)
    }
}

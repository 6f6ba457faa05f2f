//! Instances that wait for their next call.
//!
//! Of a program without files the newest is taken first, so that a quiet hour lets the others grow old. A program
//! over a data directory has one, and it lies in the directory itself: whoever has the directory's turn sees what
//! a former program left there. All of them together are bounded, for each keeps a slot and its memory.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use platform_domain::Warm;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{data_dir::Turn, live::Live};

/// The room for idle instances on this host.
#[derive(Clone)]
pub(crate) struct WarmRoom(Arc<Semaphore>);

/// An instance between two calls.
pub(crate) struct Idle {
    live: Live,
    _room: OwnedSemaphorePermit,
}

/// The idle instances of one program.
pub(crate) struct Pool {
    warm: Warm,
    room: WarmRoom,
    idle: Mutex<Vec<Idle>>,
}

impl WarmRoom {
    pub(crate) fn new(instances: usize) -> Self {
        Self(Arc::new(Semaphore::new(instances)))
    }

    /// Keeps an instance, if there is room and it may answer once more.
    pub(crate) fn keep(&self, live: Live, warm: &Warm) -> Option<Idle> {
        if !live.is_fresh_enough(warm, Instant::now()) {
            return None;
        }
        let _room = self.0.clone().try_acquire_owned().ok()?;
        Some(Idle { live, _room })
    }
}

impl Idle {
    /// The instance, if it has not grown too old while it waited.
    pub(crate) fn wake(self, warm: &Warm) -> Option<Live> {
        self.live
            .is_fresh_enough(warm, Instant::now())
            .then_some(self.live)
    }

    pub(crate) fn is_too_old(&self, warm: &Warm) -> bool {
        !self.live.is_fresh_enough(warm, Instant::now())
    }
}

impl Pool {
    pub(crate) fn new(warm: Warm, room: WarmRoom) -> Self {
        Self {
            warm,
            room,
            idle: Mutex::default(),
        }
    }

    /// An instance for the next call.
    pub(crate) fn take(&self) -> Option<Live> {
        let idle = self.idle().pop()?;
        idle.wake(&self.warm)
    }

    /// Leaves an instance in its data directory.
    pub(crate) fn leave(&self, live: Live, program: u64, turn: &mut Turn) {
        if let Some(idle) = self.room.keep(live, &self.warm) {
            turn.keep(program, idle);
        }
    }

    pub(crate) fn warm(&self) -> &Warm {
        &self.warm
    }

    /// Keeps an instance after a call that ended well.
    pub(crate) fn put(&self, live: Live) {
        let Some(idle) = self.room.keep(live, &self.warm) else {
            return;
        };
        let mut all = self.idle();
        let surplus = if all.len() < self.warm.idle.get() as usize {
            all.push(idle);
            None
        } else {
            Some(idle)
        };
        drop(all);
        // Not under the lock: taking an instance apart takes longer than all else here.
        drop(surplus);
    }

    /// Ends the instances that nobody has asked for in time.
    pub(crate) fn retire(&self) {
        let old: Vec<Idle> = {
            let mut all = self.idle();
            all.extract_if(.., |idle| idle.is_too_old(&self.warm)).collect()
        };
        drop(old);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

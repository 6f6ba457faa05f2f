//! The logs of all challenges, and those who follow them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform_domain::{LogLevel, Slug};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{challenge::ChallengeLog, ring::LogPage};
use crate::limits::{LOG_FOLLOWERS, Limits};

/// One log for each challenge, for as long as the engine lives. Who writes a line does not come here: a program holds
/// its challenge's log.
pub struct LogBook {
    limits: Arc<Limits>,
    logs: Mutex<BTreeMap<Slug, Arc<ChallengeLog>>>,
    followers: Arc<Semaphore>,
}

/// Where one begins to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowFrom {
    /// With so many of the newest lines.
    Newest(usize),
    /// After this number.
    After(u64),
}

/// Someone who reads a log while it is written. It is a number, and nothing is kept for it: who reads too slowly is told
/// how many lines are gone, and goes on with those that are there.
pub struct Follower {
    log: Arc<ChallengeLog>,
    level: LogLevel,
    last: u64,
    _place: OwnedSemaphorePermit,
}

impl LogBook {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self {
            limits,
            logs: Mutex::default(),
            followers: Arc::new(Semaphore::new(LOG_FOLLOWERS)),
        }
    }

    /// The log of a challenge, the same each time.
    pub fn of(&self, slug: &Slug) -> Arc<ChallengeLog> {
        let mut logs = self.logs();
        let fresh = || ChallengeLog::new(slug.clone(), &self.limits);
        logs.entry(slug.clone()).or_insert_with(fresh).clone()
    }

    /// The challenge is gone; another one of this name begins anew.
    pub fn forget(&self, slug: &Slug) {
        let forgotten = self.logs().remove(slug);
        if let Some(log) = forgotten {
            log.close();
        }
    }

    /// Follows the lines of a challenge that matter so much; `None` when too many follow already.
    pub fn follow(&self, slug: &Slug, level: LogLevel, from: FollowFrom) -> Option<Follower> {
        let place = self.followers.clone().try_acquire_owned().ok()?;
        let log = self.of(slug);
        let last = match from {
            FollowFrom::Newest(most) => log.before_newest(level, most),
            FollowFrom::After(seq) => seq,
        };
        Some(Follower {
            log,
            level,
            last,
            _place: place,
        })
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<Slug, Arc<ChallengeLog>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// The next lines, as soon as there are any; `None` when the challenge is gone. Nothing is lost when this is not
    /// waited for to its end.
    pub async fn next(&mut self) -> Option<LogPage> {
        self.log.next(&mut self.last, self.level).await
    }
}

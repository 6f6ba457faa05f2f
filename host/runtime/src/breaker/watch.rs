//! What is counted of each caller from the first failure on, and what all of them say together.

use std::{collections::BTreeMap, time::Duration};

use crate::breaker::{Outcome, Voice};

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) since: Duration,
    pub(super) failures: u32,
    /// As many as there are registered miners, and one.
    tallies: BTreeMap<Voice, Tally>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    answered: u32,
    failed: u32,
}

impl Watch {
    pub(super) fn begin(now: Duration) -> Self {
        Self {
            since: now,
            failures: 0,
            tallies: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, voice: Voice, outcome: Outcome) {
        let tally = self.tallies.entry(voice).or_default();
        if outcome == Outcome::Failed {
            self.failures = self.failures.saturating_add(1);
            tally.failed = tally.failed.saturating_add(1);
        } else {
            tally.answered = tally.answered.saturating_add(1);
        }
    }

    /// A voice says that the challenge is broken when at least half of its calls failed; it is, when more than
    /// half of the voices say so.
    pub(super) fn most_fail(&self) -> bool {
        let broken = self
            .tallies
            .values()
            .filter(|tally| tally.failed >= tally.answered);
        broken.count() * 2 > self.tallies.len()
    }

    pub(super) fn story(&self, watched: Duration) -> String {
        let answered: u64 = self.tallies.values().map(|tally| u64::from(tally.answered)).sum();
        format!(
            "{} of {} calls ended with a crash or a time-out within {:.0?}",
            self.failures,
            u64::from(self.failures).saturating_add(answered),
            watched,
        )
    }
}

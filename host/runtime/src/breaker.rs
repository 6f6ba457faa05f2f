//! The circuit breaker of one challenge: whether its routes are asked at all. A pure state machine; time is an
//! argument, counted from any fixed moment.
//!
//! ```text
//! closed ──most callers fail──► open ──back-off over──► one probe ──answered──► closed
//!                                ▲                          │
//!                                └────failed, twice as long─┘
//! ```
//!
//! A miner can make a challenge fail by what it sends, so the breaker must not become a weapon of one miner
//! against all others. It therefore does not count failures but callers that fail: each registered miner is one
//! caller, and all who cannot be told apart are one caller together. However much one of them sends, it has one
//! voice; the breaker opens only when more than half of all voices say that the challenge is broken.

mod watch;

use std::{sync::Arc, time::Duration};

use platform_domain::Uid;

use crate::{BreakerPolicy, breaker::watch::Watch};

/// Who asks, as far as the breaker tells callers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Voice {
    /// Everyone without a place in the subnet: unsigned requests, and hotkeys, which cost nothing to make.
    Anyone,
    /// A registered miner.
    Miner(Uid),
}

/// The right to make one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Which stretch between two changes it belongs to; what comes back later counts no more.
    pub(crate) generation: u64,
    pub(crate) voice: Voice,
}

/// How a call ended, as far as it says something about the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It came to its end.
    Answered,
    /// It was stopped: a trap, a time-out.
    Failed,
    /// It says nothing: it did not begin, nobody waited for its end, or the host failed.
    Nothing,
}

/// What to keep over a restart, and to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) until: Duration,
    /// For the operator.
    pub(crate) reason: Arc<str>,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Goes up whenever it opens or closes.
    generation: u64,
    /// How often the back-off was doubled.
    doublings: u32,
    /// How often it opened after it had been closed.
    trips: u64,
    closed_at: Duration,
    /// Whose probe failed last: others go first.
    waits: Option<Voice>,
}

#[derive(Debug)]
enum State {
    /// Nothing failed lately.
    Calm,
    /// Something failed, so calls are counted.
    Watching(Watch),
    /// Routes are refused until then; after that one call is let through.
    Open(Opening),
    /// That call is on its way.
    Probing(Opening),
}

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Calm,
            generation: 0,
            doublings: 0,
            trips: 0,
            closed_at: Duration::ZERO,
            waits: None,
        }
    }

    /// As it was before a restart.
    pub(crate) fn restore(&mut self, now: Duration, opening: Option<Opening>, doublings: u32, trips: u64) {
        self.generation += 1;
        (self.doublings, self.trips, self.closed_at) = (doublings, trips, now);
        if let Some(Opening { until, reason }) = opening {
            // A clock that was set back must not keep it open for longer than it ever could be.
            let until = until.min(now + self.policy.longest_backoff);
            self.state = State::Open(Opening { until, reason });
        }
    }

    /// Asks for a call; otherwise says after what time to ask again.
    pub(crate) fn admit(&mut self, now: Duration, voice: Voice) -> Result<Ticket, Duration> {
        self.may_ask(now)?;
        if let State::Open(opening) = &self.state {
            if self.waits == Some(voice) {
                remaining(opening.until + self.policy.first_backoff, now)?;
            }
            self.state = State::Probing(opening.clone());
        }
        Ok(Ticket {
            generation: self.generation,
            voice,
        })
    }

    /// Whether a call of anyone could be let through now, without asking for it.
    pub(crate) fn may_ask(&self, now: Duration) -> Result<(), Duration> {
        match &self.state {
            State::Calm | State::Watching(_) => Ok(()),
            State::Open(opening) => remaining(opening.until, now),
            // Whether it closes is known when the probe has ended, which nobody can foresee.
            State::Probing(_) => Err(self.policy.first_backoff),
        }
    }

    /// Takes the outcome of an admitted call.
    pub(crate) fn settle(&mut self, now: Duration, ticket: Ticket, outcome: Outcome) {
        if ticket.generation != self.generation {
            return;
        }
        match (&mut self.state, outcome) {
            (State::Probing(_), Outcome::Answered) => self.close(now),
            (State::Probing(_), Outcome::Failed) => {
                self.waits = Some(ticket.voice);
                self.open(now, "the call that was let through as a test failed, too".into());
            }
            (State::Probing(opening), Outcome::Nothing) => {
                // Others go first, so that nobody keeps it open by beginning probes and going away.
                self.waits = Some(ticket.voice);
                self.state = State::Open(Opening {
                    until: now,
                    reason: Arc::clone(&opening.reason),
                });
            }
            (State::Open(_), _) | (_, Outcome::Nothing) => {}
            (State::Calm, Outcome::Answered) => {}
            (State::Calm, Outcome::Failed) => {
                let mut watch = Watch::begin(now);
                watch.count(ticket.voice, outcome);
                self.state = State::Watching(watch);
                self.judge(now);
            }
            (State::Watching(watch), _) => {
                if now.saturating_sub(watch.since) >= self.policy.window {
                    self.state = State::Calm;
                    return self.settle(now, ticket, outcome);
                }
                watch.count(ticket.voice, outcome);
                if outcome == Outcome::Failed {
                    self.judge(now);
                }
            }
        }
    }

    /// Lets everything through again. The back-off begins anew after a long quiet time only, so that a
    /// challenge that fails again at once is left alone for longer each time.
    pub(crate) fn close(&mut self, now: Duration) {
        self.generation += 1;
        self.state = State::Calm;
        self.closed_at = now;
        self.waits = None;
    }

    /// The same, by decision: nothing of what was is held against it.
    pub(crate) fn reset(&mut self, now: Duration) {
        self.close(now);
        self.doublings = 0;
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The opening it is in, if it is.
    pub(crate) fn opening(&self) -> Option<&Opening> {
        match &self.state {
            State::Calm | State::Watching(_) => None,
            State::Open(opening) | State::Probing(opening) => Some(opening),
        }
    }

    /// Whether calls are counted.
    pub(crate) fn is_watching(&self) -> bool {
        matches!(self.state, State::Watching(_))
    }

    /// Whether its time is over, so that the next call, or one that is on its way, decides.
    pub(crate) fn is_half_open(&self, now: Duration) -> bool {
        match &self.state {
            State::Calm | State::Watching(_) => false,
            State::Open(opening) => opening.until <= now,
            State::Probing(_) => true,
        }
    }

    pub(crate) fn doublings(&self) -> u32 {
        self.doublings
    }

    pub(crate) fn trips(&self) -> u64 {
        self.trips
    }

    /// Opens when enough was seen, and most of it is bad.
    fn judge(&mut self, now: Duration) {
        let State::Watching(watch) = &self.state else {
            return;
        };
        let watched = now.saturating_sub(watch.since);
        if watch.failures < self.policy.failures || watched < self.policy.watch || !watch.most_fail() {
            return;
        }
        let reason = watch.story(watched);
        if now.saturating_sub(self.closed_at) >= self.policy.longest_backoff {
            self.doublings = 0;
        }
        self.trips += 1;
        self.waits = None;
        self.open(now, reason.into());
    }

    fn open(&mut self, now: Duration, reason: Arc<str>) {
        let BreakerPolicy {
            first_backoff,
            longest_backoff,
            ..
        } = self.policy;
        let factor = 1_u32.checked_shl(self.doublings).unwrap_or(u32::MAX);
        let backoff = first_backoff.saturating_mul(factor);
        if backoff < longest_backoff {
            self.doublings += 1;
        }
        self.generation += 1;
        let until = now + backoff.min(longest_backoff);
        self.state = State::Open(Opening { until, reason });
    }
}

fn remaining(until: Duration, now: Duration) -> Result<(), Duration> {
    match until.checked_sub(now) {
        Some(wait) if !wait.is_zero() => Err(wait),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

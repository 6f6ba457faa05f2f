//! How a challenge does: its breaker and the record of its incidents, in one object that outlives its programs.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use platform_domain::{CalledFunction, IncidentKind, Slug};
use tokio::sync::Notify;

use crate::{
    BreakerMemory, BreakerPolicy, BreakerReport, BreakerState, Incident,
    breaker::{Breaker, Opening, Outcome, Ticket, Voice},
    incidents::Incidents,
};

/// One for each challenge. Calls of a healthy challenge read one atomic number of it and write nothing.
pub struct Health {
    slug: Slug,
    /// The breaker counts time from here on.
    started: Instant,
    /// The breaker's generation, and in the two lowest bits whether it counts and whether it is open: what a
    /// call has to know, without the lock.
    signal: AtomicU64,
    breaker: Mutex<Breaker>,
    incidents: Mutex<Incidents>,
    counts: [AtomicU64; IncidentKind::ALL.len()],
    busy: AtomicU64,
    /// Woken when there is something new to write down.
    changed: Arc<Notify>,
}

/// An admitted call. When it is dropped without [`Pass::end`], nobody waited for the call's end.
#[derive(Debug)]
pub(crate) struct Pass {
    health: Arc<Health>,
    ticket: Ticket,
    ended: bool,
}

const WATCHING: u64 = 1;
const SHUT: u64 = 2;

impl Health {
    /// Of a challenge that has done nothing wrong yet. `changed` is notified when the breaker opens or closes.
    pub fn new(slug: Slug, policy: BreakerPolicy, changed: Arc<Notify>) -> Self {
        Self {
            slug,
            started: Instant::now(),
            signal: AtomicU64::new(0),
            breaker: Mutex::new(Breaker::new(policy)),
            incidents: Mutex::default(),
            counts: Default::default(),
            busy: AtomicU64::new(0),
            changed,
        }
    }

    /// Puts the breaker where it was before a restart.
    pub fn restore(&self, memory: BreakerMemory) {
        let BreakerMemory {
            generation: _,
            open,
            doublings,
            trips,
        } = memory;
        let now = self.now();
        let opening = open.map(|(until, reason)| {
            let left = until.duration_since(SystemTime::now()).unwrap_or_default();
            Opening {
                until: now.saturating_add(left),
                reason,
            }
        });
        self.change(|breaker| breaker.restore(now, opening, doublings, trips));
    }

    /// What to keep over a restart.
    pub fn memory(&self) -> BreakerMemory {
        let now = self.now();
        let breaker = self.breaker();
        let open = breaker
            .opening()
            .map(|it| (wall(it.until, now), Arc::clone(&it.reason)));
        BreakerMemory {
            generation: breaker.generation(),
            open,
            doublings: breaker.doublings(),
            trips: breaker.trips(),
        }
    }

    /// Closes the breaker by decision: of the operator, or because another program runs.
    pub fn reset(&self) {
        let now = self.now();
        if self.change(|breaker| {
            let open = breaker.opening().is_some();
            breaker.reset(now);
            open
        }) {
            tracing::info!(challenge.slug = %self.slug, "the breaker of the challenge is closed by decision");
        }
    }

    /// Where the breaker stands.
    pub fn report(&self) -> BreakerReport {
        let now = self.now();
        let breaker = self.breaker();
        let state = match breaker.opening() {
            None => BreakerState::Closed,
            Some(opening) if breaker.is_half_open(now) => BreakerState::HalfOpen {
                reason: Arc::clone(&opening.reason),
            },
            Some(opening) => {
                let until = wall(opening.until, now) + Duration::from_nanos(999_999_999);
                BreakerState::Open {
                    until: until.into(),
                    reason: Arc::clone(&opening.reason),
                }
            }
        };
        BreakerReport {
            state,
            trips: breaker.trips(),
        }
    }

    /// The incidents that are kept, newest first.
    pub fn incidents(&self) -> Vec<Incident> {
        lock(&self.incidents).list()
    }

    /// The newest incident.
    pub fn last_incident(&self) -> Option<Incident> {
        lock(&self.incidents).last()
    }

    /// How many incidents of each kind there were since the host started.
    pub fn counts(&self) -> impl Iterator<Item = (IncidentKind, u64)> {
        let count = |(kind, count): (_, &AtomicU64)| (kind, count.load(Ordering::Relaxed));
        IncidentKind::ALL.into_iter().zip(&self.counts).map(count)
    }

    /// How many calls were refused since the host started because the challenge was busy.
    pub fn busy_count(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Takes note of a call that went wrong.
    pub(crate) fn record(
        &self,
        kind: IncidentKind,
        function: CalledFunction,
        request_id: &str,
        text: impl FnOnce() -> String,
    ) {
        let counted = IncidentKind::ALL
            .into_iter()
            .zip(&self.counts)
            .find(|(it, _)| *it == kind);
        if let Some((_, count)) = counted {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let now = SystemTime::now().into();
        let new = lock(&self.incidents).record(now, (kind, function), request_id, text);
        if let Some(new) = new {
            tracing::warn!(
                challenge.slug = %self.slug, request.id = new.request_id, incident.kind = %kind,
                incident.function = %function, error = %new.text,
                "a call of the challenge went wrong; more of the kind are counted"
            );
        }
    }

    /// Takes note of a call that was refused because there are too many.
    pub(crate) fn record_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a route could be called by anyone now, without asking for it; otherwise after what time to ask again.
    pub(crate) fn may_ask(&self) -> Result<(), Duration> {
        if self.signal.load(Ordering::Acquire) & SHUT == 0 {
            return Ok(());
        }
        let now = self.now();
        self.breaker().may_ask(now)
    }

    /// Asks for a call of a route; otherwise says after what time to ask again.
    pub(crate) fn admit(self: &Arc<Self>, voice: Voice) -> Result<Pass, Duration> {
        let signal = self.signal.load(Ordering::Acquire);
        let ticket = if signal & SHUT == 0 {
            Ticket {
                generation: signal >> 2,
                voice,
            }
        } else {
            let now = self.now();
            self.change(|breaker| breaker.admit(now, voice))?
        };
        Ok(Pass {
            health: self.clone(),
            ticket,
            ended: false,
        })
    }

    fn settle(&self, ticket: Ticket, outcome: Outcome) {
        let quiet = self.signal.load(Ordering::Acquire) & (WATCHING | SHUT) == 0;
        if quiet && outcome != Outcome::Failed {
            return;
        }
        let now = self.now();
        let (before, after, opening) = self.change(|breaker| {
            let before = breaker.generation();
            breaker.settle(now, ticket, outcome);
            (before, breaker.generation(), breaker.opening().cloned())
        });
        match opening {
            _ if before == after => {}
            Some(Opening { until, reason }) => {
                let seconds = until.saturating_sub(now).as_secs_f32();
                tracing::warn!(challenge.slug = %self.slug, seconds, reason = %reason, "the breaker of the challenge is open");
            }
            None => {
                tracing::info!(challenge.slug = %self.slug, "the breaker of the challenge is closed again")
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker();
        let before = breaker.generation();
        let done = change(&mut breaker);
        let bits = match (breaker.opening(), breaker.is_watching()) {
            (Some(_), _) => SHUT,
            (None, true) => WATCHING,
            (None, false) => 0,
        };
        // Under the lock, so that the last signal is that of the last change.
        self.signal
            .store(breaker.generation() << 2 | bits, Ordering::Release);
        if breaker.generation() != before {
            self.changed.notify_one();
        }
        done
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Pass {
    /// The call came to an end.
    pub(crate) fn end(mut self, outcome: Outcome) {
        self.ended = true;
        self.health.settle(self.ticket, outcome);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.ended {
            self.health.settle(self.ticket, Outcome::Nothing);
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}

/// What is behind such a lock is whole at every moment, also when a thread that held it has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moment of the breaker on the clock of the wall.
fn wall(at: Duration, now: Duration) -> SystemTime {
    SystemTime::now() + at.saturating_sub(now)
}

#[cfg(test)]
mod tests;

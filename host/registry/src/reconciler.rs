//! The one task that starts and stops programs. It takes no input: woken by a change or by the clock, it
//! reads the whole intended state and makes it so, challenge by challenge; one that fails is shown as failed
//! and tried again later, and never keeps the others from running.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use platform_domain::{Artifact, Challenge, PinnedComponent, Slug, Status, UnixSeconds, with_causes};
use platform_runtime::{Route, RoutePublisher, RouteTable, Target};
use platform_store::{Store, challenges};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    board::{Board, BoardPublisher, Observed},
    load::{Loaded, Loader},
    plan::{Action, Present, Wanted, plan},
};

/// Starts and stops programs. There is one per host.
pub struct Reconciler {
    store: Store,
    loader: Loader,
    wake: Arc<Notify>,
    board: BoardPublisher,
    routes: RoutePublisher,
    /// What runs or failed to start; nothing else.
    present: BTreeMap<Slug, Entry>,
}

struct Entry {
    wanted: Wanted,
    state: State,
}

enum State {
    Running {
        loaded: Loaded,
        since: UnixSeconds,
    },
    Failed {
        reason: Arc<str>,
        at: UnixSeconds,
        attempts: u32,
        retry_at: Instant,
    },
}

/// A pass happens at least this often, in case something changed without a wake-up.
const PERIOD: Duration = Duration::from_secs(30);
/// The first retry of a failed start comes after this, each further one after twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// No retry waits longer: an operator who repaired something should not have to wait for long.
const LONGEST_RETRY: Duration = Duration::from_secs(300);

impl Reconciler {
    pub(crate) fn new(
        store: Store,
        loader: Loader,
        wake: Arc<Notify>,
        board: BoardPublisher,
        routes: RoutePublisher,
    ) -> Self {
        Self {
            store,
            loader,
            wake,
            board,
            routes,
            present: BTreeMap::new(),
        }
    }

    /// Runs until `stop`; leaves between two steps. What runs stays callable until the table is dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut patience = Duration::ZERO;
        while !stop.is_cancelled() {
            self.pass(Instant::now() + patience, &stop).await;
            let next = self.next_retry().map_or(PERIOD, |retry| PERIOD.min(retry));
            patience = tokio::select! {
                () = stop.cancelled() => break,
                // The operator did something: what failed before may start now.
                () = self.wake.notified() => LONGEST_RETRY,
                () = tokio::time::sleep(next) => Duration::ZERO,
            };
        }
    }

    /// Reads what should run and makes it so. Failed starts whose retry comes before `due` are tried again.
    async fn pass(&mut self, due: Instant, stop: &CancellationToken) {
        self.post(|board| board.begun += 1);
        let records = match self.store.read("reconcile", challenges::list).await {
            Ok(records) => records,
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "The registry cannot be read; all stays as it is");
                self.end(false);
                return;
            }
        };
        let active = records
            .into_iter()
            .filter(|record| record.status == Status::Active);
        let active: BTreeMap<_, _> = active.map(|record| (record.slug.clone(), record)).collect();
        let intended = active
            .iter()
            .map(|(slug, record)| (slug.clone(), Wanted::of(record)))
            .collect();
        let present = self
            .present
            .iter()
            .map(|(slug, entry)| (slug.clone(), entry.present()))
            .collect();
        let actions = plan(&intended, &present, due);
        // Emissions and capabilities may have changed without anything to do.
        self.publish(&active);
        for action in actions {
            if stop.is_cancelled() {
                return;
            }
            match action {
                Action::Stop(slug) => {
                    self.present.remove(&slug);
                    tracing::info!(challenge.slug = %slug, "The challenge is stopped");
                }
                Action::Start(slug) => {
                    if let Some(record) = active.get(&slug) {
                        self.start(record).await;
                    }
                }
            }
            self.publish(&active);
        }
        self.end(true);
    }

    /// Loads a program while what ran before still answers, then takes its place.
    async fn start(&mut self, record: &Challenge) {
        let wanted = Wanted::of(record);
        let slug = &record.slug;
        let state = match self.loader.load(record).await {
            Ok(loaded) => {
                tracing::info!(challenge.slug = %slug, "The challenge is running");
                State::Running { loaded, since: now() }
            }
            Err(error) => {
                let reason = with_causes(&error);
                let attempts = match self.present.get(slug) {
                    Some(Entry {
                        wanted: before,
                        state: State::Failed { attempts, .. },
                    }) if *before == wanted => attempts.saturating_add(1),
                    _ => 1,
                };
                tracing::warn!(challenge.slug = %slug, attempts, error = %reason, "The challenge cannot be started");
                let retry_at = Instant::now() + retry_after(attempts);
                State::Failed {
                    reason: reason.into(),
                    at: now(),
                    attempts,
                    retry_at,
                }
            }
        };
        self.present.insert(slug.clone(), Entry { wanted, state });
    }

    /// Shows the present to the readers of routes and of the board.
    fn publish(&self, active: &BTreeMap<Slug, Challenge>) {
        let route = |record: &Challenge| self.route(record);
        self.routes
            .publish(active.values().map(route).collect::<RouteTable>());
        let observed = self
            .present
            .iter()
            .map(|(slug, entry)| (slug.clone(), entry.observed()));
        let observed: BTreeMap<_, _> = observed.collect();
        self.post(|board| board.observed = observed);
    }

    /// A challenge that cannot run keeps its place in the table: it exists, it only does not answer.
    fn route(&self, record: &Challenge) -> Route {
        let (target, rules) = match self.present.get(&record.slug).map(|entry| &entry.state) {
            Some(State::Running { loaded, .. }) => {
                (Target::Wasm(Arc::clone(&loaded.program)), loaded.rules.clone())
            }
            Some(State::Failed { reason, .. }) => (Target::Down(Arc::clone(reason)), Vec::new()),
            None => (Target::Down("it is being started".into()), Vec::new()),
        };
        let component = match &record.artifact {
            Artifact::Component(PinnedComponent { component, .. }) => Some(*component),
            Artifact::Image(_) => None,
        };
        Route {
            slug: record.slug.clone(),
            target,
            rules,
            capabilities: record.capabilities.clone(),
            emission_percent: record.emission_percent,
            component,
        }
    }

    fn end(&self, registry_readable: bool) {
        self.post(|board| {
            board.ended = board.begun;
            board.last_pass_at = Some(now());
            board.registry_readable = registry_readable;
        });
    }

    fn post(&self, change: impl FnOnce(&mut Board)) {
        self.board.send_modify(|board| change(Arc::make_mut(board)));
    }

    /// How long until a failed start is due again.
    fn next_retry(&self) -> Option<Duration> {
        let due = self.present.values().filter_map(|entry| match entry.state {
            State::Failed { retry_at, .. } => Some(retry_at),
            State::Running { .. } => None,
        });
        due.min().map(|due| due.saturating_duration_since(Instant::now()))
    }
}

impl Entry {
    fn present(&self) -> Present {
        let wanted = self.wanted.clone();
        match self.state {
            State::Running { .. } => Present::Running(wanted),
            State::Failed { retry_at, .. } => Present::Failed { wanted, retry_at },
        }
    }

    fn observed(&self) -> Observed {
        match &self.state {
            State::Running { since, .. } => Observed::Running { since: *since },
            State::Failed { reason, at, .. } => Observed::Failed {
                reason: Arc::clone(reason),
                at: *at,
            },
        }
    }
}

fn retry_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY)
}

/// The host's clock.
pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_keeps_failing_is_tried_less_and_less_often() {
        let seconds: Vec<_> = [1, 2, 3, 9, 10, 1000, u32::MAX]
            .map(|n| retry_after(n).as_secs())
            .into();
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300, 300]);
    }
}

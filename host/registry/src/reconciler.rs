//! The one task that decides what runs. It takes no input: woken by a change or by the clock, it reads the
//! whole intended state and makes it so. Starts run beside it, so that one that compiles for seconds delays
//! neither another start nor a stop; one that fails is shown as failed and tried again later.

use std::{
    collections::{BTreeMap, BTreeSet},
    future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use platform_domain::{Challenge, Digest, Slug, Status, UnixSeconds, with_causes};
use platform_fleet::{FleetError, Running};
use platform_runtime::{RoutePublisher, RouteTable};
use platform_store::{Store, StoreError, challenges, secrets};
use platform_wasm::Engine;
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    board::{Board, BoardPublisher, StartStep},
    containers::{Containers, has_container},
    entry::{Entry, LONGEST_RETRY},
    health::HealthBook,
    load::{Callable, LoadError, Loaded, Loader},
    plan::{Action, Wanted, plan},
    starts::{StartEvent, Starts},
};

/// Starts and stops programs. There is one per host.
pub struct Reconciler {
    store: Store,
    starts: Starts,
    health: HealthBook,
    wake: Arc<Notify>,
    board: BoardPublisher,
    routes: RoutePublisher,
    /// Every active challenge, as the registry was last read.
    entries: BTreeMap<Slug, Entry>,
    containers: Containers,
    /// Keeps the logs.
    engine: Engine,
    /// A task for each container that runs, until it does not.
    watched: JoinSet<(Slug, Arc<Running>, FleetError)>,
    /// Of which challenges containers are to run.
    wanted: watch::Sender<Option<BTreeSet<Slug>>>,
    next_pass: Instant,
    shown_at: Instant,
    /// When to show what has changed since; `None` when nothing has.
    show_at: Option<Instant>,
}

/// A pass happens at least this often, in case something changed without a wake-up.
const PERIOD: Duration = Duration::from_secs(30);
/// Starts that end within this time are shown together: a table of all routes for each of a thousand starts
/// would cost more than the starts.
const SHOW_TOGETHER: Duration = Duration::from_millis(10);

impl Reconciler {
    pub(crate) fn new(
        store: Store,
        loader: Loader,
        health: HealthBook,
        wake: Arc<Notify>,
        board: BoardPublisher,
        routes: RoutePublisher,
    ) -> Self {
        let now = Instant::now();
        let (containers, engine) = (loader.containers().clone(), loader.engine().clone());
        Self {
            store,
            containers,
            engine,
            watched: JoinSet::new(),
            wanted: watch::Sender::new(None),
            starts: Starts::new(loader),
            health,
            wake,
            board,
            routes,
            entries: BTreeMap::new(),
            next_pass: now,
            shown_at: now,
            show_at: None,
        }
    }

    /// Runs until `stop`. What runs stays callable until the table is dropped.
    pub async fn run(self, stop: CancellationToken) {
        // Before the first challenge is there, so that none is served that was left alone.
        self.health.restore(&self.store).await;
        let keep = self.health.clone().keep(self.store.clone(), stop.clone());
        let tidy = self
            .containers
            .clone()
            .keep_tidy(self.wanted.subscribe(), stop.clone());
        tokio::join!(keep, tidy, self.reconcile(stop));
    }

    async fn reconcile(mut self, stop: CancellationToken) {
        let fleet = self.containers.fleet().clone();
        loop {
            tokio::select! {
                // In this order: what is due is shown also while one start after the other ends.
                biased;
                () = stop.cancelled() => return,
                () = due(self.show_at) => self.show(),
                event = self.starts.next() => match event {
                    StartEvent::Step(slug, step) => self.step(&slug, step),
                    StartEvent::Ended(slug, outcome) => self.end(&slug, outcome),
                },
                Some(lost) = self.watched.join_next() => self.lost(lost),
                // The operator did something: what failed before may start now.
                () = self.wake.notified() => self.pass(Instant::now() + LONGEST_RETRY).await,
                () = fleet.found() => self.pass(Instant::now() + LONGEST_RETRY).await,
                () = sleep_until(self.next_pass) => self.pass(Instant::now()).await,
            }
        }
    }

    /// Reads what should run, stops what should not and begins the starts. Failed starts whose retry comes
    /// before `due` are tried again.
    async fn pass(&mut self, due: Instant) {
        self.post(|board| board.begun += 1);
        let read = self.store.read("reconcile", |connection| {
            Ok::<_, StoreError>((challenges::list(connection)?, secrets::revisions(connection)?))
        });
        let readable = match read.await {
            Ok((records, revisions)) => {
                self.apply(records, &revisions, due);
                true
            }
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "The registry cannot be read; all stays as it is");
                false
            }
        };
        let retry = self.entries.values().filter_map(Entry::retry_at).min();
        let period = Instant::now() + PERIOD;
        self.next_pass = retry.map_or(period, |retry| retry.min(period));
        self.post(|board| {
            board.ended = board.begun;
            board.last_pass_at = Some(now());
            board.registry_readable = readable;
            board.settled |= board.starting.is_empty();
        });
    }

    fn apply(&mut self, records: Vec<Challenge>, revisions: &BTreeMap<Slug, Digest>, due: Instant) {
        let active = records
            .into_iter()
            .filter(|record| record.status == Status::Active);
        let mut active: BTreeMap<_, _> = active.map(|record| (record.slug.clone(), record)).collect();
        let mut intended = active
            .iter()
            .map(|(slug, record)| (slug.clone(), Wanted::of(record, revisions.get(slug).copied())))
            .collect();
        let containers = active.values().filter(|record| has_container(record));
        let containers = containers.map(|record| record.slug.clone()).collect();
        for (slug, record) in &active {
            // Emissions and capabilities may have changed without anything to do.
            self.entries
                .entry(slug.clone())
                .and_modify(|entry| entry.describe(record))
                .or_insert_with(|| Entry::new(record, self.health.of(slug)));
        }
        for action in plan(&intended, &self.present(), due) {
            match action {
                Action::Stop(slug) => {
                    self.starts.abandon(&slug);
                    self.entries.remove(&slug);
                    self.health.of(&slug).reset();
                    tracing::info!(challenge.slug = %slug, "The challenge is stopped");
                }
                Action::Start(slug) => {
                    if let (Some(wanted), Some(record), Some(entry)) = (
                        intended.remove(&slug),
                        active.remove(&slug),
                        self.entries.get_mut(&slug),
                    ) {
                        entry.begin(wanted);
                        self.starts.begin(record);
                    }
                }
            }
        }
        // After the starts have begun, so that none finds what nobody wanted a moment ago.
        self.wanted.send_replace(Some(containers));
        self.show();
    }

    /// A container has ended by itself, or with its engine.
    fn lost(&mut self, lost: Result<(Slug, Arc<Running>, FleetError), JoinError>) {
        let Ok((slug, running, why)) = lost else { return };
        let Some(entry) = self.entries.get_mut(&slug) else {
            return;
        };
        if entry.lost(&running, &why) {
            self.next_pass = entry
                .retry_at()
                .map_or(self.next_pass, |retry| retry.min(self.next_pass));
            self.show();
        }
    }

    fn step(&mut self, slug: &Slug, step: StartStep) {
        if let Some(entry) = self.entries.get_mut(slug) {
            entry.step(step);
            self.show_by(self.shown_at + SHOW_TOGETHER);
        }
    }

    fn end(&mut self, slug: &Slug, outcome: Result<Loaded, LoadError>) {
        let Some(entry) = self.entries.get_mut(slug) else {
            return;
        };
        if let Ok(Loaded {
            callable: Callable::Container(_, Some(running)),
            ..
        }) = &outcome
        {
            let watch = self.containers.clone();
            self.watched
                .spawn(watch.watch(slug.clone(), Arc::clone(running), self.engine.clone()));
        }
        entry.end(outcome);
        self.next_pass = entry
            .retry_at()
            .map_or(self.next_pass, |retry| retry.min(self.next_pass));
        // After the last there is nothing to wait for.
        self.show_by(if self.starts.none() {
            Instant::now()
        } else {
            self.shown_at + SHOW_TOGETHER
        });
    }

    fn show_by(&mut self, at: Instant) {
        self.show_at = Some(self.show_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// Shows the present to the readers of routes and of the board.
    fn show(&mut self) {
        let routes = self.entries.values().map(Entry::route);
        self.routes.publish(routes.collect::<RouteTable>());
        let observed = self.entries.iter();
        let observed = observed
            .map(|(slug, entry)| (slug.clone(), entry.observed()))
            .collect();
        let starting = self.entries.iter().filter(|(_, entry)| entry.is_starting());
        let starting = starting.map(|(slug, _)| slug.clone()).collect();
        self.post(|board| {
            board.observed = observed;
            board.starting = starting;
            board.settled |= board.ended > 0 && board.starting.is_empty();
        });
        (self.shown_at, self.show_at) = (Instant::now(), None);
    }

    fn present(&self) -> BTreeMap<Slug, crate::plan::Present<'_>> {
        let present = self.entries.iter();
        present
            .filter_map(|(slug, entry)| Some((slug.clone(), entry.present()?)))
            .collect()
    }

    fn post(&self, change: impl FnOnce(&mut Board)) {
        self.board.send_modify(|board| change(Arc::make_mut(board)));
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => future::pending().await,
    }
}

/// The host's clock.
pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

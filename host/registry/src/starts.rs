//! The starts that are under way: of each challenge the newest only. What they share, the engine hands out.

use std::collections::{BTreeMap, HashMap};

use platform_domain::{Challenge, Slug};
use platform_wasm::{ComponentError, Start};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{AbortHandle, Id, JoinSet},
};

use crate::{
    board::StartStep,
    load::{LoadError, Loaded, Loader},
};

/// Begins starts and tells how they go. Dropping it abandons what has not ended.
pub(crate) struct Starts {
    loader: Loader,
    tasks: JoinSet<Result<Loaded, LoadError>>,
    newest: BTreeMap<Slug, AbortHandle>,
    /// Whose each of the newest is.
    slugs: HashMap<Id, Slug>,
    /// At most two of each start.
    steps: (UnboundedSender<Told>, UnboundedReceiver<Told>),
}

/// Which start has come how far.
type Told = (Id, StartStep);

/// What happened to a start.
pub(crate) enum StartEvent {
    /// It has come this far.
    Step(Slug, StartStep),
    /// It has ended.
    Ended(Slug, Result<Loaded, LoadError>),
}

impl Starts {
    pub(crate) fn new(loader: Loader) -> Self {
        Self {
            loader,
            tasks: JoinSet::new(),
            newest: BTreeMap::new(),
            slugs: HashMap::new(),
            steps: unbounded_channel(),
        }
    }

    /// Begins to load a challenge. An earlier start of the same challenge is abandoned: what it would bring is
    /// no longer wanted.
    pub(crate) fn begin(&mut self, challenge: Challenge) {
        let (loader, steps) = (self.loader.clone(), self.steps.0.clone());
        let slug = challenge.slug.clone();
        self.abandon(&slug);
        let task = self.tasks.spawn(async move {
            let id = tokio::task::id();
            // Nobody listens when the host stops.
            let tell = |step: platform_wasm::Step| {
                let _ = steps.send((id, step.into()));
            };
            loader.load(&challenge, Start::Live, tell).await
        });
        self.slugs.insert(task.id(), slug.clone());
        self.newest.insert(slug, task);
    }

    /// Forgets a start. What compiles for it is stopped.
    pub(crate) fn abandon(&mut self, slug: &Slug) {
        if let Some(task) = self.newest.remove(slug) {
            self.slugs.remove(&task.id());
            task.abort();
        }
    }

    /// Whether all have ended.
    pub(crate) fn none(&self) -> bool {
        self.newest.is_empty()
    }

    /// What happens next to a start that was not abandoned. Waits for ever while there is none.
    pub(crate) async fn next(&mut self) -> StartEvent {
        loop {
            tokio::select! {
                // The steps of a start before its end.
                biased;
                Some((id, step)) = self.steps.1.recv() => {
                    if let Some(slug) = self.slugs.get(&id) {
                        return StartEvent::Step(slug.clone(), step);
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => {
                    let (id, outcome) = ended.unwrap_or_else(|panic| {
                        let error = ComponentError::Host(panic.to_string());
                        (panic.id(), Err(LoadError::Component(error)))
                    });
                    if let Some(slug) = self.slugs.remove(&id) {
                        self.newest.remove(&slug);
                        return StartEvent::Ended(slug, outcome);
                    }
                }
            }
        }
    }
}

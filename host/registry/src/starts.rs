//! The starts that are under way: a few at a time, and of each challenge the newest only.

use std::{
    collections::{BTreeMap, HashMap},
    future,
    sync::Arc,
};

use platform_domain::{Challenge, Slug};
use platform_wasm::ComponentError;
use tokio::{
    sync::Semaphore,
    task::{AbortHandle, Id, JoinSet},
};

use crate::load::{LoadError, Loaded, Loader};

/// Begins starts and tells how they ended. Dropping it abandons what has not ended.
pub(crate) struct Starts {
    loader: Loader,
    turns: Arc<Semaphore>,
    tasks: JoinSet<Result<Loaded, LoadError>>,
    newest: BTreeMap<Slug, AbortHandle>,
    /// Whose each of the newest is.
    slugs: HashMap<Id, Slug>,
}

/// Starts that run at the same time: enough that one waits for the disk while another one computes.
const PARALLEL: usize = 4;

impl Starts {
    pub(crate) fn new(loader: Loader) -> Self {
        Self {
            loader,
            turns: Arc::new(Semaphore::new(PARALLEL)),
            tasks: JoinSet::new(),
            newest: BTreeMap::new(),
            slugs: HashMap::new(),
        }
    }

    /// Begins to load a challenge. An earlier start of the same challenge is abandoned: what it would bring is
    /// no longer wanted.
    pub(crate) fn begin(&mut self, challenge: Challenge) {
        let (loader, turns) = (self.loader.clone(), Arc::clone(&self.turns));
        let slug = challenge.slug.clone();
        self.abandon(&slug);
        let task = self.tasks.spawn(async move {
            // Nobody closes it.
            let _turn = turns.acquire().await;
            loader.load(&challenge).await
        });
        self.slugs.insert(task.id(), slug.clone());
        self.newest.insert(slug, task);
    }

    /// Forgets a start. A compilation that has begun may run to its end; its code stays in the cache.
    pub(crate) fn abandon(&mut self, slug: &Slug) {
        if let Some(task) = self.newest.remove(slug) {
            self.slugs.remove(&task.id());
            task.abort();
        }
    }

    /// The next start that ends, and how. Waits for ever while there is none.
    pub(crate) async fn next(&mut self) -> (Slug, Result<Loaded, LoadError>) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            let (id, outcome) = ended.unwrap_or_else(|panic| {
                let error = ComponentError::Host(panic.to_string());
                (panic.id(), Err(LoadError::Component(error)))
            });
            // Nobody knows of it when it was abandoned.
            if let Some(slug) = self.slugs.remove(&id) {
                self.newest.remove(&slug);
                return (slug, outcome);
            }
        }
        future::pending().await
    }
}

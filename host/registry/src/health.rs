//! The health of every challenge: handed to each of its programs, shown to the operator, and written down off
//! the path of requests, so that a restart does not forget an open breaker.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform_domain::{Slug, with_causes};
use platform_runtime::{BreakerMemory, BreakerPolicy, Health};
use platform_store::{
    Store,
    breakers::{self, BreakerRow},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// One health for each challenge, for as long as the host runs. Cheap to clone. Requests of miners do not come
/// here: their route holds its challenge's health.
#[derive(Clone)]
pub(crate) struct HealthBook {
    policy: BreakerPolicy,
    changed: Arc<Notify>,
    book: Arc<Mutex<BTreeMap<Slug, Kept>>>,
}

struct Kept {
    health: Arc<Health>,
    /// The generation that is on the disk.
    written: u64,
}

impl HealthBook {
    pub(crate) fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            changed: Arc::new(Notify::new()),
            book: Arc::default(),
        }
    }

    /// The health of a challenge, the same each time.
    pub(crate) fn of(&self, slug: &Slug) -> Arc<Health> {
        let mut book = self.book();
        let fresh = || Kept {
            health: Arc::new(Health::new(slug.clone(), self.policy, Arc::clone(&self.changed))),
            written: 0,
        };
        Arc::clone(&book.entry(slug.clone()).or_insert_with(fresh).health)
    }

    /// The challenge is gone; another one of this name begins anew.
    pub(crate) fn forget(&self, slug: &Slug) {
        self.book().remove(slug);
    }

    /// Puts the breakers where they were before a restart. What cannot be read begins closed: serving is better
    /// than not serving for a reason that is lost.
    pub(crate) async fn restore(&self, store: &Store) {
        match store.read("breakers_restore", breakers::list).await {
            Ok(rows) => rows
                .into_iter()
                .for_each(|row| self.of(&row.slug).restore(memory(row))),
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "The breakers cannot be read; all begin closed")
            }
        }
    }

    /// Writes down every opening and closing until `stop`, and what is left then.
    pub(crate) async fn keep(self, store: Store, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
            }
            self.write(&store).await;
        }
        // What changed while the last was being written.
        self.write(&store).await;
    }

    async fn write(&self, store: &Store) {
        let (mut rows, mut generations) = (Vec::new(), Vec::new());
        for (slug, kept) in self.book().iter() {
            let memory = kept.health.memory();
            if memory.generation != kept.written {
                generations.push((slug.clone(), Arc::clone(&kept.health), memory.generation));
                rows.push(row(slug.clone(), memory));
            }
        }
        if rows.is_empty() {
            return;
        }
        let put = move |connection: &_| rows.iter().try_for_each(|row| breakers::put(connection, row));
        if let Err(error) = store.write("breakers_keep", put).await {
            // The next change tries again.
            tracing::error!(error = %with_causes(&error), "The breakers cannot be written down");
            return;
        }
        let mut book = self.book();
        for (slug, health, generation) in generations {
            // Another one may have its name by now.
            if let Some(kept) = book
                .get_mut(&slug)
                .filter(|kept| Arc::ptr_eq(&kept.health, &health))
            {
                kept.written = generation;
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<Slug, Kept>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn memory(row: BreakerRow) -> BreakerMemory {
    let BreakerRow {
        slug: _,
        open,
        doublings,
        trips,
    } = row;
    BreakerMemory {
        generation: 0,
        open: open.map(|(until, reason)| (until, reason.into())),
        doublings,
        trips,
    }
}

fn row(slug: Slug, memory: BreakerMemory) -> BreakerRow {
    let BreakerMemory {
        generation: _,
        open,
        doublings,
        trips,
    } = memory;
    BreakerRow {
        slug,
        open: open.map(|(until, reason)| (until, reason.to_string())),
        doublings,
        trips,
    }
}

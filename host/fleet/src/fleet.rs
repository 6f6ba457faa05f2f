//! The containers of challenges on all engines, one start or stop of a challenge at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use platform_docker::{Engine, Owner};
use platform_domain::{GpuLeaseId, GpuServerId, Slug, UpstreamAddress};
use platform_store::Store;
use platform_upstream::{Limits, Upstream};
use tokio::sync::{Notify, OwnedMutexGuard};

use crate::{Behind, Engines, FleetError, RelayImage};

/// Starts, finds again and stops containers. Cheap to clone.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    store: Store,
    engines: Engines,
    owner: Owner,
    ready: Duration,
    relays: Option<RelayImage>,
    /// Told when a server is in reach again.
    found: Notify,
    /// By challenge, while somebody works on it.
    busy: Mutex<BTreeMap<Slug, Weak<tokio::sync::Mutex<()>>>>,
}

/// A container that was started or found, and is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// On which server; `None`: the host's own engine.
    pub server: Option<GpuServerId>,
    /// Its id on the engine.
    pub container: String,
    /// The name of its service, where its server is the manager of a swarm. The container may then be on another engine.
    pub service: Option<String>,
    /// Where it listens, in its network.
    pub address: UpstreamAddress,
    /// How it is reached there from here; `None`: without any detour.
    pub relay: Option<Behind>,
    /// Its GPUs.
    pub lease: Option<GpuLeaseId>,
    /// What it is allowed beyond what all are, and which limits are not the usual ones.
    pub shown: Vec<String>,
}

impl Running {
    /// A client of it.
    pub fn upstream(&self) -> Upstream {
        let limits = Limits::default();
        match &self.relay {
            None => Upstream::new(self.address.clone(), limits),
            Some(behind) => behind.upstream(self.address.clone(), limits),
        }
    }
}

impl Fleet {
    /// What is needed to reach containers on other machines is made of `relays`; without it nothing is started there. `owner` tells
    /// this host from others that use the same engines; it is always the same. A container that was started has to be well within
    /// `ready`, usually [`crate::READY_TIME`].
    pub fn new(
        store: Store,
        engines: Engines,
        owner: Owner,
        ready: Duration,
        relays: Option<RelayImage>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            engines,
            owner,
            ready,
            relays,
            found: Notify::new(),
            busy: Mutex::default(),
        }))
    }

    /// The engines.
    pub fn engines(&self) -> &Engines {
        &self.0.engines
    }

    /// Ends when a server that was lost has been found: a start that failed for want of it may succeed now. Heard by one who
    /// listens, now or later.
    pub async fn found(&self) {
        self.0.found.notified().await;
    }

    pub(crate) fn notify_found(&self) {
        self.0.found.notify_one();
    }

    /// Whether containers on other machines can be reached.
    pub fn has_relays(&self) -> bool {
        self.0.relays.is_some()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.0.owner
    }

    pub(crate) fn relays_of(&self) -> Option<&RelayImage> {
        self.0.relays.as_ref()
    }

    pub(crate) fn ready_within(&self) -> Duration {
        self.0.ready
    }

    /// The engine of a server, or the host's own.
    pub(crate) async fn engine(&self, server: Option<&GpuServerId>) -> Result<Engine, FleetError> {
        match server {
            None => self.engines().local().cloned(),
            Some(server) => self.engines().of(server).await,
        }
    }

    /// Whoever holds this is the only one who changes something of this challenge.
    pub(crate) async fn alone(&self, slug: &Slug) -> OwnedMutexGuard<()> {
        let lock = {
            let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
            busy.retain(|_, lock| lock.strong_count() > 0);
            let lock = busy.get(slug).and_then(Weak::upgrade).unwrap_or_default();
            busy.insert(slug.clone(), Arc::downgrade(&lock));
            lock
        };
        lock.lock_owned().await
    }
}

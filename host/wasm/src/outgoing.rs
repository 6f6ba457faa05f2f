//! Requests that a challenge sends: to hosts that its manifest asks for and its operator allows, and to nobody else.
//!
//! A request is compared with the rules by the authority that is put on the wire, and its connection goes to addresses
//! that were checked after the one lookup. Nothing is followed: an answer that leads elsewhere is the challenge's to
//! read, and its next request is compared again. No proxy of the environment is used.

mod address;
mod body;
mod call;
mod exchange;
mod failure;
mod inject;
mod network;
mod places;
mod tally;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use platform_domain::{Destination, OutboundRule, Slug};
use tokio::sync::Semaphore;

use crate::{
    Limits,
    limits::count,
    outgoing::{network::World, places::Places, tally::Ledger},
};

pub(crate) use call::CallHttp;
pub(crate) use inject::Injected;
pub use network::{Names, Network, Routes};

/// What all challenges share.
pub(crate) struct Egress {
    world: World,
    places: Arc<Semaphore>,
}

/// What one program may send, and what it has sent.
pub(crate) struct Outgoing {
    egress: Arc<Egress>,
    asked: BTreeSet<OutboundRule>,
    allowed: BTreeSet<OutboundRule>,
    injected: Injected,
    places: Places,
    limits: Arc<Limits>,
    ledger: Arc<Ledger>,
}

/// Whom a challenge asks to speak to, and what became of its requests since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundUsage {
    /// By its manifest.
    pub asked: BTreeSet<OutboundRule>,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that the host refused to send.
    pub refused: u64,
    /// Requests that were begun and not answered, or not to their end.
    pub failed: u64,
}

impl Egress {
    pub(crate) fn new(network: Network, limits: &Limits) -> Self {
        Self {
            world: World::new(network),
            places: Arc::new(Semaphore::new(
                count(limits.http_total).min(Semaphore::MAX_PERMITS),
            )),
        }
    }
}

impl Outgoing {
    pub(crate) fn new(
        egress: Arc<Egress>,
        slug: Slug,
        (asked, allowed): (BTreeSet<OutboundRule>, BTreeSet<OutboundRule>),
        injected: Injected,
        limits: Arc<Limits>,
    ) -> Self {
        let own = count(limits.http_concurrent).min(Semaphore::MAX_PERMITS);
        Self {
            places: Places::new(egress.places.clone(), own),
            egress,
            asked,
            allowed,
            injected,
            ledger: Arc::new(Ledger::new(slug, &limits)),
            limits,
        }
    }

    /// The operator's rules that allow it; none if the manifest does not ask for it.
    fn rules(&self, to: &Destination) -> Vec<OutboundRule> {
        if !self.asked.iter().any(|rule| rule.allows(to)) {
            return Vec::new();
        }
        self.allowed
            .iter()
            .filter(|rule| rule.allows(to))
            .cloned()
            .collect()
    }

    fn world(&self) -> &World {
        &self.egress.world
    }

    pub(crate) fn usage(&self) -> OutboundUsage {
        let Ledger {
            answered,
            refused,
            failed,
            ..
        } = &*self.ledger;
        OutboundUsage {
            asked: self.asked.clone(),
            answered: answered.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
            failed: failed.load(Ordering::Relaxed),
        }
    }
}

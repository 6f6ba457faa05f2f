//! The public side of the host: miners' requests under `/challenges/{slug}`, checked, stripped of what is
//! not theirs to say, and handed to an active challenge; and the weights that the host tells whoever asks, under `/v1/`.
//! Knows no challenge by name, reads no database.

mod address;
mod answer;
mod body;
mod breaking;
mod callers;
mod claim;
mod client;
mod cors;
mod forward;
mod headers;
mod in_flight;
mod limits;
mod listing;
mod rate;
mod refusal;
mod request_id;
mod route;
mod spool;
mod stream;
mod told;
mod web_socket;

use std::{path::PathBuf, sync::Arc};

use platform_domain::Netuid;
use platform_nonces::Nonces;
use platform_runtime::{MetagraphReader, RouteReader, WeightsReader};
use tokio::sync::Semaphore;

pub use callers::Callers;
pub use claim::SIGNATURE_WINDOW_SECONDS;
pub use client::{Peer, TrustedProxies};
pub use limits::Limits;
pub use rate::Rate;

use crate::{in_flight::InFlight, rate::Buckets, spool::Spool};

/// What the public routes are made of.
#[derive(Debug)]
pub struct Parts {
    /// The challenges.
    pub routes: RouteReader,
    /// Who is registered.
    pub metagraph: MetagraphReader,
    /// What is told of weights.
    pub weights: WeightsReader,
    /// Which signatures were used.
    pub nonces: Nonces,
    /// The subnet that signatures are for.
    pub netuid: Netuid,
    /// Whose signatures count.
    pub callers: Callers,
    /// What one client may take.
    pub limits: Limits,
    /// Whose word counts for where a request came from.
    pub trusted: TrustedProxies,
    /// A directory for large bodies while they are needed. Nothing in it has a name.
    pub spool: PathBuf,
}

/// What the public routes need to answer.
#[derive(Debug)]
pub struct Gateway {
    parts: Parts,
    bodies: Arc<Semaphore>,
    spool: Spool,
    addresses: Counted,
    hotkeys: Counted,
    challenges: Buckets,
}

/// How often and how many at once, of one kind of key.
#[derive(Debug)]
struct Counted {
    rates: Buckets,
    at_once: InFlight,
}

impl Gateway {
    /// Begins to count requests.
    pub fn new(parts: Parts) -> Self {
        let counted = |at_once| Counted {
            rates: Buckets::new(),
            at_once: InFlight::new(at_once),
        };
        let limits = &parts.limits;
        Self {
            bodies: body::budget(limits),
            spool: Spool::new(parts.spool.clone(), limits.spool),
            addresses: counted(limits.address_at_once),
            hotkeys: counted(limits.hotkey_at_once),
            challenges: Buckets::new(),
            parts,
        }
    }
}

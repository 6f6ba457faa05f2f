//! The public side of the host: miners' requests under `/challenges/{slug}`, checked, stripped of what is
//! not theirs to say, and handed to an active challenge; and the weights that the host tells whoever asks, under `/v1/`.
//! Knows no challenge by name, reads no database.

mod address;
mod body;
mod claim;
mod client;
mod forward;
mod headers;
mod limits;
mod rate;
mod refusal;
mod replay;
mod request_id;
mod stream;
mod told;

use std::sync::Arc;

use platform_domain::{Netuid, UnixSeconds};
use platform_runtime::{MetagraphReader, RouteReader, WeightsReader};
use tokio::sync::Semaphore;

pub use claim::SIGNATURE_WINDOW_SECONDS;
pub use client::TrustedProxies;
pub use limits::Limits;
pub use rate::Rate;

use crate::{rate::Buckets, replay::ReplayGuard};

/// What the public routes are made of.
#[derive(Debug)]
pub struct Parts {
    /// The challenges.
    pub routes: RouteReader,
    /// Who is registered.
    pub metagraph: MetagraphReader,
    /// What is told of weights.
    pub weights: WeightsReader,
    /// The subnet that signatures are for.
    pub netuid: Netuid,
    /// What one client may take.
    pub limits: Limits,
    /// Whose word counts for where a request came from.
    pub trusted: TrustedProxies,
    /// The time now: what was signed before it is refused, because an earlier process may have accepted it.
    pub started: UnixSeconds,
}

/// What the public routes need to answer.
#[derive(Debug)]
pub struct Gateway {
    parts: Parts,
    bodies: Arc<Semaphore>,
    nonces: ReplayGuard,
    addresses: Buckets,
}

impl Gateway {
    /// Begins to count requests and to remember nonces.
    pub fn new(parts: Parts) -> Self {
        let bodies = body::budget(&parts.limits);
        let addresses = Buckets::new(parts.limits.address_rate);
        Self {
            parts,
            bodies,
            nonces: ReplayGuard::new(),
            addresses,
        }
    }
}

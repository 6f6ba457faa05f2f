//! The public side of the host: miners' requests under `/challenges/{slug}`, checked, stripped of what is
//! not theirs to say, and handed to an active challenge; and the weights that the host tells whoever asks, under `/v1/`.
//! Knows no challenge by name, reads no database.

mod address;
mod body;
mod claim;
mod forward;
mod headers;
mod limits;
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
pub use limits::Limits;

use crate::replay::ReplayGuard;

/// What the public routes need to answer.
#[derive(Debug)]
pub struct Gateway {
    routes: RouteReader,
    metagraph: MetagraphReader,
    weights: WeightsReader,
    netuid: Netuid,
    limits: Limits,
    /// Nonces are remembered from here on.
    started: UnixSeconds,
    bodies: Arc<Semaphore>,
    nonces: ReplayGuard,
}

impl Gateway {
    /// Begins to remember nonces. `started` is the time now: what was signed before it is refused, because
    /// an earlier process may have accepted it.
    pub fn new(
        routes: RouteReader,
        metagraph: MetagraphReader,
        weights: WeightsReader,
        netuid: Netuid,
        limits: Limits,
        started: UnixSeconds,
    ) -> Self {
        let bodies = body::budget(&limits);
        let nonces = ReplayGuard::new();
        Self {
            routes,
            metagraph,
            weights,
            netuid,
            limits,
            started,
            bodies,
            nonces,
        }
    }
}

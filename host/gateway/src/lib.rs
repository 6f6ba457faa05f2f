//! The public side of the host: miners' requests under `/challenges/{slug}`, checked, stripped of what is
//! not theirs to say, and handed to an active challenge. Knows no challenge by name, reads no database.

mod address;
mod body;
mod claim;
mod forward;
mod headers;
mod limits;
mod refusal;
mod replay;
mod request_id;

use std::sync::Arc;

use axum::{Json, Router, response::IntoResponse, routing::get};
use platform_domain::{Netuid, UnixSeconds};
use platform_runtime::{MetagraphReader, RouteReader};
use tokio::sync::Semaphore;

pub use claim::SIGNATURE_WINDOW_SECONDS;
pub use limits::Limits;

use crate::{forward::forward, refusal::Refusal, replay::ReplayGuard};

/// What the public routes need to answer.
#[derive(Clone, Debug)]
pub struct Gateway {
    routes: RouteReader,
    metagraph: MetagraphReader,
    netuid: Netuid,
    limits: Limits,
    /// Nonces are remembered from here on.
    started: UnixSeconds,
    bodies: Arc<Semaphore>,
    nonces: Arc<ReplayGuard>,
}

impl Gateway {
    /// Begins to remember nonces. `started` is the time now: what was signed before it is refused, because
    /// an earlier process may have accepted it.
    pub fn new(
        routes: RouteReader,
        metagraph: MetagraphReader,
        netuid: Netuid,
        limits: Limits,
        started: UnixSeconds,
    ) -> Self {
        let bodies = body::budget(&limits);
        let nonces = Arc::new(ReplayGuard::new());
        Self {
            routes,
            metagraph,
            netuid,
            limits,
            started,
            bodies,
            nonces,
        }
    }
}

/// Every public route.
pub fn router(state: Gateway) -> Router {
    Router::new()
        .route("/health", get(health).fallback(health_method))
        // Not a route with parameters: the router would decode them, and a challenge gets the path as the
        // client wrote it.
        .fallback(forward)
        .with_state(state)
}

/// The process serves; it says nothing about any challenge.
async fn health() -> impl IntoResponse {
    (
        [("cache-control", "no-store")],
        Json(serde_json::json!({"status": "ok"})),
    )
}

async fn health_method() -> impl IntoResponse {
    Refusal::MethodNotAllowed {
        allow: "GET, HEAD".to_owned(),
    }
}

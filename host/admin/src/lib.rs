//! The private HTTP side of the host: routes, the operator's token, JSON in and out.
//!
//! A skin: every decision is taken below, in `platform-registry` and
//! `platform-epoch`. It belongs on its own listener, away from
//! the public side, and knows nothing of that one.

mod auth;
mod chain;
mod challenges;
mod content;
mod error;
mod gpu_servers;
mod health;
mod images;
mod jobs;
mod json;
mod logs;
mod routes;
mod secrets;
mod slug;
mod state;
mod stats;
mod status;
mod versions;
mod view;
mod weights;

use platform_domain::{TokenHash, UnixSeconds};
use platform_epoch::Epochs;
use platform_jobs::Jobs;
use platform_registry::{GpuServers, Registry};
use tokio_util::sync::CancellationToken;

pub use routes::router;

pub(crate) use error::ApiError;
pub(crate) use json::Json;

/// What the routes need.
#[derive(Clone)]
pub struct AdminState {
    /// What decides on challenges.
    pub registry: Registry,
    /// What decides on GPU servers.
    pub gpu_servers: GpuServers,
    /// What decides on weights.
    pub epochs: Epochs,
    /// What runs jobs of challenges.
    pub jobs: Jobs,
    /// Who may come in.
    pub admin_token: TokenHash,
    /// When the program started.
    pub started_at: UnixSeconds,
    /// The program's version.
    pub version: &'static str,
    /// When answers that go on for ever have to end.
    pub stop: CancellationToken,
}

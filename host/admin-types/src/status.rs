//! What is, next to what should be.

use std::collections::BTreeMap;

use platform_domain::{Slug, Status, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::BreakerView;

/// What the host sees of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observed {
    /// Loaded and reachable.
    Running {
        /// Since when.
        since: UnixSeconds,
    },
    /// Not loaded.
    Stopped,
    /// It should run, and its first start has not ended yet.
    Starting,
    /// It should run and could not be started; the host tries again.
    Failed {
        /// Why, for the operator.
        reason: String,
        /// When the last attempt failed.
        at: UnixSeconds,
    },
}

/// `GET /v1/admin/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostStatus {
    /// The program's version.
    pub version: String,
    /// When the program started.
    pub started_at: UnixSeconds,
    /// What keeps intention and reality together.
    pub reconciler: ReconcilerStatus,
    /// Every challenge.
    pub challenges: BTreeMap<Slug, ChallengeStatus>,
}

/// How the last pass over the registry went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcilerStatus {
    /// When the last pass ended; none before the first.
    pub last_pass_at: Option<UnixSeconds>,
    /// Whether it could read the registry.
    pub registry_readable: bool,
}

/// One challenge, intended and observed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeStatus {
    /// Where it is meant to stand.
    pub status: Status,
    /// What is running of it.
    pub observed: Observed,
    /// Whether its routes are served.
    pub breaker: BreakerView,
}

//! How a challenge does: its breaker and its incidents.

use std::collections::BTreeMap;

use platform_domain::{CalledFunction, IncidentKind, Slug, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Whether the routes of a challenge are served, or left alone after too many calls that crashed or timed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerView {
    /// Where it stands.
    #[serde(flatten)]
    pub state: BreakerState,
    /// How often it opened, its whole life long.
    pub trips: u64,
    /// The newest incident since the host started, whether it opened the breaker or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_incident: Option<IncidentView>,
}

/// Where a breaker stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BreakerState {
    /// Routes are served.
    Closed,
    /// Routes are refused.
    Open {
        /// Until then.
        until: UnixSeconds,
        /// Why.
        reason: String,
    },
    /// The next call, or one that is on its way, decides.
    HalfOpen {
        /// Why it had opened.
        reason: String,
    },
}

/// Calls that went wrong in the same way, shortly after one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    /// How they ended.
    pub kind: IncidentKind,
    /// What was called.
    pub function: CalledFunction,
    /// What is known of the first, one line.
    pub text: String,
    /// When the first happened.
    pub first_at: UnixSeconds,
    /// When the last happened.
    pub last_at: UnixSeconds,
    /// The request id of the last; `epoch-N` for weights.
    pub request_id: String,
    /// How many calls.
    pub count: u64,
}

/// `GET /v1/admin/challenges/{slug}/incidents`. All of it is since the host started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentList {
    /// The challenge.
    pub slug: Slug,
    /// Newest first; only the last 64 are kept.
    pub incidents: Vec<IncidentView>,
    /// How many calls ended in each way, also those whose incident is no longer kept.
    pub counts: BTreeMap<IncidentKind, u64>,
    /// How many calls were refused because the challenge had all it can do. That is no incident.
    pub busy: u64,
}

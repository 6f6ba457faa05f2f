//! What is told of a breaker: to people, and to the next start of the host.

use std::{sync::Arc, time::SystemTime};

use platform_domain::UnixSeconds;

/// A breaker for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerReport {
    /// Where it stands.
    pub state: BreakerState,
    /// How often it opened, its whole life long.
    pub trips: u64,
}

/// Where a breaker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Routes are served.
    Closed,
    /// Routes are refused.
    Open {
        /// Until then, rounded up.
        until: UnixSeconds,
        /// Why, for the operator.
        reason: Arc<str>,
    },
    /// The next call, or one that is on its way, decides; all others are refused.
    HalfOpen {
        /// Why it had opened, for the operator.
        reason: Arc<str>,
    },
}

/// What to keep of a breaker over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerMemory {
    /// Another number means another content.
    pub generation: u64,
    /// Open until then, and why; `None` when it is closed.
    pub open: Option<(SystemTime, Arc<str>)>,
    /// How often the back-off was doubled.
    pub doublings: u32,
    /// How often it opened.
    pub trips: u64,
}

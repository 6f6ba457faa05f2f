//! How a call of a challenge can fail, whichever way the challenge runs.

use std::time::Duration;

use platform_domain::GuestError;

/// Why a call gave no answer. Each variant is something else for the caller to do.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The challenge reported an error on purpose.
    #[error("the challenge reported an error")]
    Guest(#[source] GuestError),
    /// The challenge has all the calls it can take.
    #[error("the challenge is busy")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The call took longer than it may.
    #[error("the call did not end within {0:?}")]
    Deadline(Duration),
    /// The challenge does not do this: the route or the weights export is missing.
    #[error("the challenge does not offer this call")]
    Unsupported,
    /// The challenge is meant to run and could not be started, for the reason given.
    #[error("the challenge could not be started: {0}")]
    Down(std::sync::Arc<str>),
    /// It broke: a trap, an answer that is too large or not valid, or a fault of the host.
    #[error("the call failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

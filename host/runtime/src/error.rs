//! How a call of a challenge can fail, whichever way the challenge runs.

use std::{sync::Arc, time::Duration};

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
    /// The epoch that asked for weights could not wait for them.
    #[error("the epoch did not wait any longer")]
    Overdue,
    /// The call could not go on in time, because the client did not send its body, or did not read the answer.
    #[error("the client did not let the call go on within {0:?}")]
    SlowClient(Duration),
    /// The challenge does not do this: the route or the weights export is missing.
    #[error("the challenge does not offer this call")]
    Unsupported,
    /// The challenge is meant to run and is being started.
    #[error("the challenge is being started")]
    Starting {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many of its calls ended badly, so it is left alone for a while.
    #[error("the challenge is suspended")]
    Suspended {
        /// When to try again.
        retry_after: Duration,
    },
    /// The challenge is meant to run and could not be started, for the reason given.
    #[error("the challenge could not be started: {0}")]
    Down(Arc<str>),
    /// It broke: a trap, an answer that is too large or not valid, or a fault of the host. The text is for
    /// the operator and must not reach a client.
    #[error("the call failed: {0}")]
    Failed(String),
}

/// When to come back to a challenge that is being started: most starts take milliseconds, and a component that
/// is compiled for the first time seconds.
pub const STARTING_RETRY: Duration = Duration::from_secs(2);

impl CallError {
    /// Whether the challenge may have done something for the caller. If not, the caller can come again with the same request.
    pub const fn reached_it(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Unsupported
            | Self::Starting { .. }
            | Self::Suspended { .. }
            | Self::Down(_) => false,
            Self::Guest(_) | Self::Deadline(_) | Self::Overdue | Self::SlowClient(_) | Self::Failed(_) => {
                true
            }
        }
    }

    pub(crate) fn starting() -> Self {
        Self::Starting {
            retry_after: STARTING_RETRY,
        }
    }
}

impl From<platform_wasm::CallError> for CallError {
    fn from(error: platform_wasm::CallError) -> Self {
        use platform_wasm::CallError as Wasm;
        match error {
            Wasm::Guest(error) => Self::Guest(error),
            Wasm::Busy { retry_after } => Self::Busy { retry_after },
            Wasm::Deadline(limit) | Wasm::Computed(limit) => Self::Deadline(limit),
            Wasm::SlowClient(limit) => Self::SlowClient(limit),
            Wasm::Unsupported => Self::Unsupported,
            broken @ (Wasm::OutOfMemory { .. }
            | Wasm::Trapped(_)
            | Wasm::OutputTooLarge { .. }
            | Wasm::InvalidOutput(_)
            | Wasm::Host(_)) => Self::Failed(broken.explanation()),
        }
    }
}

#[cfg(test)]
mod tests {
    use platform_wasm::CallError as Wasm;

    use super::*;

    #[test]
    fn what_a_caller_can_act_on_stays_apart_and_the_rest_is_a_failure_with_its_story() {
        let second = Duration::from_secs(1);
        let said = GuestError::NotFound("no tour 7".into());
        assert!(matches!(CallError::from(Wasm::Guest(said.clone())), CallError::Guest(it) if it == said));
        let busy = CallError::from(Wasm::Busy { retry_after: second });
        assert!(matches!(busy, CallError::Busy { retry_after } if retry_after == second));
        assert!(matches!(CallError::from(Wasm::Deadline(second)), CallError::Deadline(it) if it == second));
        assert!(matches!(
            CallError::from(Wasm::Unsupported),
            CallError::Unsupported
        ));
        for (error, story) in [
            (Wasm::Trapped("unreachable at tour.rs:7".into()), "tour.rs:7"),
            (
                Wasm::OutOfMemory {
                    limit: 65536,
                    detail: "panicked".into(),
                },
                "65536",
            ),
            (
                Wasm::OutputTooLarge {
                    what: "headers",
                    limit: 64,
                },
                "headers",
            ),
            (Wasm::InvalidOutput("status 99".into()), "status 99"),
            (Wasm::Host("no memory".into()), "no memory"),
        ] {
            let failed = CallError::from(error);
            assert!(
                matches!(&failed, CallError::Failed(it) if it.contains(story)),
                "{failed}"
            );
        }
    }
}

//! The thing that answers.

use std::sync::Arc;

use platform_domain::{EpochContext, RawWeight, Request, Response};

use crate::CallError;

/// A challenge ready to be called. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Target {
    /// The challenge is active but could not be started, for this reason. It stays in the table, so that
    /// miners see a failure that may pass and an epoch counts it as failed instead of forgetting it.
    Down(Arc<str>),
}

impl Target {
    /// Answers a miner's request. Within the challenge's own deadline and limits.
    pub async fn handle(&self, _request: Request) -> Result<Response, CallError> {
        match self {
            Self::Down(reason) => Err(CallError::Down(reason.clone())),
        }
    }

    /// Asks for the weights of an epoch. Within the challenge's own deadline and limits; the entries are
    /// unchecked.
    pub async fn weights(&self, _epoch: EpochContext) -> Result<Vec<RawWeight>, CallError> {
        match self {
            Self::Down(reason) => Err(CallError::Down(reason.clone())),
        }
    }
}

//! The thing that answers.

use std::{fmt, sync::Arc};

use platform_domain::{Digest, EpochContext, RawWeight, Request, Response};
use platform_wasm::{RequestBody, Usage};
use tokio::time::Instant;

use crate::{CallError, Container, Guarded, Opened, ResponseBody};

/// A challenge as it can be called now. Cheap to clone.
#[derive(Clone)]
pub enum Target {
    /// A WebAssembly component.
    Wasm(Guarded),
    /// A container that somebody runs.
    Container(Container),
    /// The challenge is active and its first start has not ended yet.
    Starting,
    /// The challenge is active but could not be started, for this reason. It stays in the table, so that
    /// miners see a failure that may pass and an epoch counts it as failed instead of forgetting it.
    Down(Arc<str>),
}

/// How a challenge takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// By [`Target::handle`].
    Whole,
    /// By [`Target::handle_http`], with bodies that are there as a whole: who waits for one client keeps all others
    /// waiting.
    AsHttp,
    /// By [`Target::handle_http`], with bodies that come and go piece by piece.
    Streamed,
}

/// By which door of a challenge a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// Its public routes.
    Routes,
    /// What miners hand in, and what becomes of it. For a component these are public routes too, `/submissions` and
    /// `/submissions/{id}`; a container has them elsewhere.
    Submissions,
}

impl Target {
    /// An error while its first start has not ended; then there is no sense in looking at a request.
    pub fn started(&self) -> Result<(), CallError> {
        match self {
            Self::Starting => Err(CallError::starting()),
            Self::Wasm(_) | Self::Container(_) | Self::Down(_) => Ok(()),
        }
    }

    /// Whether a route may be called now; if not, there is no sense in looking at a request.
    pub fn may_ask(&self) -> Result<(), CallError> {
        match self {
            Self::Wasm(guarded) => guarded.may_ask(),
            Self::Container(_) | Self::Starting | Self::Down(_) => Ok(()),
        }
    }

    /// What a challenge that runs keeps.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Wasm(guarded) => guarded.program().usage(),
            Self::Container(_) | Self::Starting | Self::Down(_) => Usage::default(),
        }
    }

    /// Answers a miner's request, within the challenge's own deadline and limits.
    pub async fn handle(&self, request: Request) -> Result<Response, CallError> {
        match self {
            Self::Wasm(guarded) => guarded.handle(request).await,
            // It takes none as a whole.
            Self::Container(_) => Err(CallError::Unsupported),
            Self::Starting => Err(CallError::starting()),
            Self::Down(reason) => Err(CallError::Down(reason.clone())),
        }
    }

    /// How it takes requests.
    pub fn bodies(&self) -> Bodies {
        match self {
            Self::Wasm(guarded) if guarded.program().streams() => Bodies::Streamed,
            Self::Container(_) => Bodies::Streamed,
            Self::Wasm(guarded) if guarded.program().answers_http() => Bodies::AsHttp,
            Self::Wasm(_) | Self::Starting | Self::Down(_) => Bodies::Whole,
        }
    }

    /// The same as [`Target::handle`] for one that takes requests as HTTP: see [`Target::bodies`].
    pub async fn handle_http(
        &self,
        request: Request<RequestBody>,
        entrance: Entrance,
    ) -> Result<Response<ResponseBody>, CallError> {
        match self {
            Self::Wasm(guarded) => {
                let (head, body) = guarded.handle_http(request).await?.take_body();
                Ok(head.with_body(ResponseBody::Wasm(body)))
            }
            Self::Container(container) => container.handle_http(request, entrance).await,
            Self::Starting => Err(CallError::starting()),
            Self::Down(reason) => Err(CallError::Down(reason.clone())),
        }
    }

    /// Whether it can open WebSockets.
    pub const fn opens_web_sockets(&self) -> bool {
        matches!(self, Self::Container(_))
    }

    /// Opens a WebSocket, if the challenge wants to.
    pub async fn open(&self, request: Request<()>) -> Result<Opened, CallError> {
        match self {
            Self::Container(container) => container.open(request).await,
            Self::Wasm(_) => Err(CallError::Unsupported),
            Self::Starting => Err(CallError::starting()),
            Self::Down(reason) => Err(CallError::Down(reason.clone())),
        }
    }

    /// What a challenge that runs keeps in the host at this moment, as one digest; `None` when it keeps nothing there, more than
    /// is hashed, or it cannot be read.
    pub async fn state_digest(&self) -> Option<Digest> {
        match self {
            Self::Wasm(guarded) => guarded.state_digest().await,
            Self::Container(_) | Self::Starting | Self::Down(_) => None,
        }
    }

    /// Asks for the weights of an epoch, within the challenge's own deadline and limits, and until `by` at the
    /// latest. The entries are as the challenge gave them.
    pub async fn weights(&self, epoch: EpochContext, by: Instant) -> Result<Vec<RawWeight>, CallError> {
        match self {
            Self::Wasm(guarded) => guarded.weights(epoch, by).await,
            Self::Container(container) => container.weights(&epoch, by).await,
            Self::Starting => Err(CallError::starting()),
            Self::Down(reason) => Err(CallError::Down(reason.clone())),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wasm(_) => f.write_str("Wasm(…)"),
            Self::Container(container) => container.fmt(f),
            Self::Starting => f.write_str("Starting"),
            Self::Down(reason) => write!(f, "Down({reason:?})"),
        }
    }
}

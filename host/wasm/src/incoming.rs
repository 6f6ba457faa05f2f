//! Requests that a component answers through `wasi:http/incoming-handler`: their bodies, and those of its answers, pass
//! through the host piece by piece, and nobody has them as a whole.

mod answer;
mod request;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{
        AtomicBool,
        Ordering::{Relaxed, Release},
    },
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::{Notify, oneshot};
use wasmtime_wasi_http::{Error, WasiBody, p2::bindings::http::types::ErrorCode};

use crate::{CallError, Limits};

pub use answer::ResponseBody;
pub(crate) use answer::{attach, gone};
pub(crate) use request::{Watched, convert};

/// What a client sends.
pub type RequestBody = UnsyncBoxBody<Bytes, BodyError>;

/// Why a client's body has ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It has more than it may.
    #[error("the body is too large")]
    TooLarge,
    /// The client has let too much time pass.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The client is gone, or speaks no HTTP.
    #[error("the body could not be read")]
    Broken,
}

/// The head of an answer, and what the guest writes after it.
pub(crate) type Begun = http::Response<WasiBody>;

/// One call as both of its sides see it: the guest that runs, and the client that reads what it has said.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The guest waits for a piece that the client has not sent.
    wants_body: AtomicBool,
    /// The client has not asked for more since it was given something.
    has_unread: AtomicBool,
    /// The guest has returned: what it has not finished by now, it never will.
    returned: AtomicBool,
    /// Whoever reads the answer.
    reader: AtomicWaker,
    /// The answer was read to its end, or will never be.
    read: Notify,
    verdict: Mutex<Verdict>,
}

/// What is known of the answer beside how the call ends.
#[derive(Default)]
struct Verdict {
    begun: bool,
    error: Option<CallError>,
}

impl Exchange {
    /// Whether it is the client that keeps the call from going on.
    pub(crate) fn waits_for_client(&self) -> bool {
        self.0.wants_body.load(Relaxed) || self.0.has_unread.load(Relaxed)
    }

    /// The guest has something to say for the first time: passed on, if HTTP can carry it.
    pub(crate) fn begin(
        &self,
        answer: Result<Begun, ErrorCode>,
        limits: &Limits,
        tell: oneshot::Sender<Begun>,
    ) {
        self.verdict().begun = true;
        match answer::checked(answer, limits) {
            Ok(begun) => {
                // Where nobody waits any longer, the guest will notice when it writes.
                if tell.send(begun).is_err() {
                    self.0.read.notify_one();
                }
            }
            Err(error) => {
                self.blame(error);
                self.0.read.notify_one();
            }
        }
    }

    /// The guest has returned without a trap. Waits until the rest of what it wrote is read: as long as its store is there,
    /// a body that was finished differs from one that was left behind.
    pub(crate) async fn returned(&self) {
        if self.verdict().begun {
            self.0.returned.store(true, Release);
            self.0.reader.wake();
            self.0.read.notified().await;
        }
    }

    /// What is wrong with the answer; of several things the first.
    fn blame(&self, error: CallError) {
        self.verdict().error.get_or_insert(error);
    }

    /// The guest has ended well, as far as it knows.
    pub(crate) fn judge(&self) -> Result<(), CallError> {
        let mut verdict = self.verdict();
        match verdict.error.take() {
            Some(error) => Err(error),
            None if verdict.begun => Ok(()),
            None => Err(CallError::InvalidOutput(
                "it returned without having set an answer".to_owned(),
            )),
        }
    }

    fn verdict(&self) -> MutexGuard<'_, Verdict> {
        self.0.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::HttpRequestBodySize(None),
            BodyError::TooSlow => Self::ConnectionReadTimeout,
            BodyError::Broken => Self::ConnectionTerminated,
        }
    }
}

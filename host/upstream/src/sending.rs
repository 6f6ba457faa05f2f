//! The body of a request while the challenge takes it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty, combinators::UnsyncBoxBody};
use tokio::time::Instant;

use crate::error::BoxError;

/// What the library sends.
pub(crate) struct Outgoing {
    body: UnsyncBoxBody<Bytes, BoxError>,
    sending: Sending,
}

/// How far it is, for the one who waits for the answer.
#[derive(Clone)]
pub(crate) struct Sending(Arc<Mutex<State>>);

struct State {
    /// Since when it is the challenge's turn; `None` while the client's next piece is waited for.
    since: Option<Instant>,
    /// The library lets a body go as soon as nothing of it is to be sent.
    done: bool,
    failed: Option<BoxError>,
}

/// Stands for the client's own error, which is kept.
#[derive(Debug, thiserror::Error)]
#[error("the body of the request failed")]
struct Failed;

impl Outgoing {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let sending = Sending(Arc::new(Mutex::new(State {
            since: Some(Instant::now()),
            done: false,
            failed: None,
        })));
        let body = body.map_err(Into::into).boxed_unsync();
        Self { body, sending }
    }

    pub(crate) fn empty() -> Self {
        Self::new(Empty::new())
    }

    pub(crate) fn sending(&self) -> Sending {
        self.sending.clone()
    }
}

impl Sending {
    /// Since when it is the challenge's turn, if it is.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.state().since
    }

    /// Whether nothing of the request is still to be sent.
    pub(crate) fn is_done(&self) -> bool {
        self.state().done
    }

    /// Why the client's body failed, if it did.
    pub(crate) fn take_failure(&self) -> Option<BoxError> {
        self.state().failed.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let mut state = self.sending.state();
        state.since = polled.is_ready().then(Instant::now);
        polled.map(|frame| match frame {
            Some(Ok(frame)) if frame.is_data() => Some(Ok(frame)),
            // Trailers are headers that nobody has looked through.
            Some(Ok(_)) | None => None,
            Some(Err(error)) => {
                state.failed = Some(error);
                Some(Err(Failed.into()))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() || self.body.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut state = self.sending.state();
        state.since = Some(Instant::now());
        state.done = true;
    }
}

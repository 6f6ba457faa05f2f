//! A guest's answer while it is being written.

use std::{
    future::Future as _,
    pin::Pin,
    sync::atomic::Ordering::{Acquire, Relaxed},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use platform_domain::{ByteSize, GuestError, Response};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::{either::Either, task::AbortOnDropHandle};
use wasmtime_wasi_http::{WasiBody, p2::bindings::http::types::ErrorCode};

use super::{Begun, Exchange};
use crate::{
    CallError, Limits, answer,
    limits::{count, size},
};

/// The call: stopped when nobody waits for it, or not.
pub(super) type Running = Either<AbortOnDropHandle<Result<(), CallError>>, JoinHandle<Result<(), CallError>>>;

/// What a guest writes after the head of its answer. It ends well only when the call has: an answer that was cut off
/// never looks like a whole one.
pub struct ResponseBody {
    /// `None` when there is no more of it.
    body: Option<WasiBody>,
    left: u64,
    limit: usize,
    call: Call,
    exchange: Exchange,
}

enum Call {
    Running(Running),
    Ended(Result<(), CallError>),
    Told,
}

/// The answer as the host passes it on.
pub(crate) fn attach(
    begun: Begun,
    running: Running,
    exchange: Exchange,
    most: ByteSize,
) -> Response<ResponseBody> {
    let (head, body) = begun.into_parts();
    let value = |value: http::HeaderValue| Bytes::copy_from_slice(value.as_bytes());
    let mut name = None;
    let headers = head.headers.into_iter().filter_map(|(next, it)| {
        // Of several values only the first comes with the name.
        name = next.or(name.take());
        Some((name.as_ref()?.to_string(), value(it)))
    });
    Response {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: ResponseBody {
            body: Some(body),
            left: most.0,
            limit: size(most),
            call: Call::Running(running),
            exchange,
        },
    }
}

/// A head that can be passed on.
pub(super) fn checked(answer: Result<Begun, ErrorCode>, limits: &Limits) -> Result<Begun, CallError> {
    let begun = answer.map_err(|code| {
        let text = format!("it answered with the error {code:?}");
        CallError::Guest(GuestError::Internal(answer::harmless(&text)))
    })?;
    answer::status(begun.status().as_u16())?;
    let headers = begun.headers();
    answer::at_most("headers", headers.len(), count(limits.headers))?;
    let bytes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    answer::at_most("bytes of headers", bytes.sum(), size(limits.header_bytes))?;
    Ok(begun)
}

impl ResponseBody {
    /// What is there already, of a call that has ended.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            left: bytes.len() as u64,
            limit: bytes.len(),
            body: Some(Full::new(bytes).map_err(|never| match never {}).boxed_unsync()),
            call: Call::Ended(Ok(())),
            exchange: Exchange::default(),
        }
    }

    /// The next piece; `None` after the last one.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut returned = false;
        while let Some(body) = &mut self.body {
            match Pin::new(body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are headers that nobody has looked through.
                    let Ok(piece) = frame.into_data() else { continue };
                    match self.left.checked_sub(piece.len() as u64) {
                        Some(left) => self.left = left,
                        None => {
                            self.give_up(CallError::OutputTooLarge {
                                what: "bytes of body",
                                limit: self.limit,
                            });
                            continue;
                        }
                    }
                    return Poll::Ready(Some(piece));
                }
                Poll::Ready(Some(Err(_))) => {
                    self.give_up(CallError::InvalidOutput("it gave its body up".to_owned()));
                }
                Poll::Ready(None) => self.close(),
                Poll::Pending if returned => {
                    self.give_up(CallError::InvalidOutput("it did not finish its body".to_owned()));
                }
                Poll::Pending => {
                    self.exchange.0.reader.register(context.waker());
                    returned = self.exchange.0.returned.load(Acquire);
                    if !returned {
                        return Poll::Pending;
                    }
                    // Once more: it may have been finished just before.
                }
            }
        }
        Poll::Ready(None)
    }

    /// Nothing more of it is passed on. Whatever the guest writes fails, and how it ended is known when it has.
    fn give_up(&mut self, error: CallError) {
        self.exchange.blame(error);
        self.close();
    }

    fn close(&mut self) {
        self.body = None;
        self.exchange.0.read.notify_one();
    }

    fn poll_call(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Call::Running(running) = &mut self.call {
            let ended = std::task::ready!(Pin::new(running).poll(context));
            self.call = Call::Ended(ended.unwrap_or_else(|error| Err(gone(&error))));
        }
        Poll::Ready(())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = CallError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CallError>>> {
        let this = &mut *self;
        this.exchange.0.has_unread.store(false, Relaxed);
        if let Some(piece) = std::task::ready!(this.poll_piece(context)) {
            this.exchange.0.has_unread.store(true, Relaxed);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        std::task::ready!(this.poll_call(context));
        Poll::Ready(match std::mem::replace(&mut this.call, Call::Told) {
            Call::Ended(Err(error)) => Some(Err(error)),
            _ => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.call, Call::Told)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::default(),
        }
    }
}

/// A call whose task has gone.
pub(crate) fn gone(error: &JoinError) -> CallError {
    CallError::Host(format!("the call has gone: {error}"))
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

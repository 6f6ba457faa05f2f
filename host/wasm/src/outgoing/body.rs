//! Bodies with a bound: what a challenge sends, and what it is sent.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;
use wasmtime_wasi_http::{Error, WasiBody};

use super::{failure::of_body, network::within, tally::Tally};

/// What a challenge sends. Beyond its bound the exchange fails.
pub(super) struct Sent {
    body: WasiBody,
    limit: u64,
    left: u64,
}

impl Sent {
    pub(super) fn new(body: WasiBody, limit: u64) -> Self {
        Self {
            body,
            limit,
            left: limit,
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame?;
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(left) = self.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.limit)))));
        };
        self.left = left;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a challenge is sent. Who reads beyond its bound, for too long, or after the call, gets an error, and the
/// connection is gone.
pub(super) struct Received {
    /// `None` after its end, whatever that was.
    body: Option<Incoming>,
    left: u64,
    until: Instant,
    /// How long nothing may come, if the challenge said so.
    silence: Option<Duration>,
    late: Pin<Box<Sleep>>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    limit: u64,
    tally: Tally,
}

impl Received {
    pub(super) fn new(
        body: Incoming,
        limit: u64,
        (until, silence): (Instant, Option<Duration>),
        ended: WaitForCancellationFutureOwned,
        tally: Tally,
    ) -> Self {
        let mut received = Self {
            body: Some(body),
            left: limit,
            until,
            silence,
            late: Box::pin(sleep_until(until)),
            ended: Box::pin(ended),
            limit,
            tally,
        };
        received.listen();
        received
    }

    /// From now on something has to come again.
    fn listen(&mut self) {
        if let Some(silence) = self.silence {
            self.late.as_mut().reset(within(silence, self.until));
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.body = None;
        self.tally.failed(&error);
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if this.ended.as_mut().poll(context).is_ready() {
            return this.fail(Error::ConnectionTerminated);
        }
        // Before anything else: what always has something more to say is too late all the same.
        if this.late.as_mut().poll(context).is_ready() {
            return this.fail(match Instant::now() >= this.until {
                true => Error::HttpResponseTimeout,
                false => Error::ConnectionReadTimeout,
            });
        }
        match ready!(Pin::new(body).poll_frame(context)) {
            None => {
                this.body = None;
                Poll::Ready(None)
            }
            Some(Err(error)) => this.fail(of_body(&error)),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = this.left.checked_sub(length) else {
                    return this.fail(Error::HttpResponseBodySize(Some(this.limit)));
                };
                this.left = left;
                this.listen();
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

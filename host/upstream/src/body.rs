//! The body of an answer, piece by piece as it arrives.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{error::UpstreamError, exchange::Exchange, limits::after};

/// Holds the exchange's place until the answer has ended or it is dropped, which ends the exchange at once. An answer that
/// breaks off is an error, never an end.
pub struct UpstreamBody {
    incoming: Incoming,
    /// None when the answer has ended.
    exchange: Option<Exchange>,
    /// While the next piece is waited for.
    idle: Option<Pin<Box<Sleep>>>,
}

impl UpstreamBody {
    pub(crate) fn new(incoming: Incoming, exchange: Exchange) -> Self {
        let mut body = Self {
            incoming,
            exchange: Some(exchange),
            idle: None,
        };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    fn finish(&mut self) {
        self.idle = None;
        if let Some(exchange) = self.exchange.take() {
            exchange.finish();
        }
    }

    /// Whether the wait for the next piece is over.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<UpstreamError> {
        let Some(Exchange { patience, until, .. }) = &self.exchange else {
            return Poll::Pending;
        };
        let idle = self.idle.get_or_insert_with(|| {
            let silent = after(Instant::now(), patience.idle);
            Box::pin(sleep_until(silent.min(*until)))
        });
        idle.as_mut()
            .poll(context)
            .map(|()| match Instant::now() >= *until {
                true => UpstreamError::TooLong(patience.whole),
                false => UpstreamError::IdleTimeout(patience.idle),
            })
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let Some(exchange) = &self.exchange else {
            return Poll::Ready(None);
        };
        if Instant::now() >= exchange.until {
            return Poll::Ready(Some(Err(UpstreamError::TooLong(exchange.patience.whole))));
        }
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                self.idle = None;
                if self.incoming.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // Trailers are headers that nobody has looked through.
            Poll::Ready(Some(Ok(_)) | None) => {
                self.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(exchange.explain(error)))),
            Poll::Pending => self.poll_patience(context).map(|error| Some(Err(error))),
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let polled = self.poll_next(context);
        if let Poll::Ready(Some(Err(_))) = polled {
            self.exchange = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for UpstreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UpstreamBody");
        shown.field("ended", &self.exchange.is_none());
        shown.finish_non_exhaustive()
    }
}

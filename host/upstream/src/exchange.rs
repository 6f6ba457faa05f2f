//! One request and what holds its place until its answer has ended.

use std::{
    error::Error as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::response::Parts;
use hyper::{body::Incoming, ext::on_informational};
use hyper_util::client::legacy::{Client, Error as ClientError};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::{Instant, sleep_until},
};

use crate::{
    error::{UpstreamError, Violation},
    limits::{Limits, MAX_INFORMATIONAL, after},
    sending::{Outgoing, Sending},
    wire::{Connector, Cut},
};

/// The library's client with the bodies that are sent here.
pub(crate) type Http = Client<Connector, Outgoing>;

/// How long one exchange may take.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    pub(crate) whole: Duration,
}

/// An exchange whose answer has begun. Dropping it ends the exchange: the connection is closed unless both sides are through.
pub(crate) struct Exchange {
    cut: Option<Cut>,
    sending: Sending,
    place: Option<OwnedSemaphorePermit>,
    answered: bool,
    pub(crate) patience: Patience,
    /// When the whole exchange is over.
    pub(crate) until: Instant,
}

impl From<&Limits> for Patience {
    fn from(limits: &Limits) -> Self {
        Self {
            head: limits.head,
            idle: limits.idle,
            whole: limits.whole,
        }
    }
}

/// Sends a request and waits for the head of its answer.
pub(crate) async fn begin(
    http: &Http,
    mut request: http::Request<Outgoing>,
    place: Option<OwnedSemaphorePermit>,
    patience: Patience,
) -> Result<(Parts, Incoming, Exchange), UpstreamError> {
    let sending = request.body().sending();
    let until = after(Instant::now(), patience.whole);
    let flood = bound_informational(&mut request);
    let answer = tokio::select! {
        biased;
        answer = http.request(request) => answer,
        () = flood.notified() => return Err(Violation::Informational.into()),
        error = silence(&sending, patience, until) => return Err(error),
    };
    let (mut parts, body) = answer.map_err(|error| explain(error, &sending))?.into_parts();
    let exchange = Exchange {
        cut: parts.extensions.remove(),
        sending,
        place,
        answered: false,
        patience,
        until,
    };
    Ok((parts, body, exchange))
}

impl Exchange {
    /// The answer is there to its end.
    pub(crate) fn finish(mut self) {
        self.answered = true;
    }

    /// The connection carries something else from here on, for as long as the place is held.
    pub(crate) fn into_tunnel(mut self) -> Option<OwnedSemaphorePermit> {
        if let Some(cut) = self.cut.take() {
            cut.raw();
        }
        self.place.take()
    }

    /// Why the answer broke off: when the client's body failed, it did because of that.
    pub(crate) fn explain(&self, error: hyper::Error) -> UpstreamError {
        match self.sending.take_failure() {
            Some(failure) => UpstreamError::RequestBody(failure),
            None => UpstreamError::Broken(error.into()),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // An answer that came before all of the request was taken needs no more of it.
        if !(self.answered && self.sending.is_done())
            && let Some(cut) = &self.cut
        {
            cut.end();
        }
    }
}

/// Says when there were too many heads that only announce another one.
fn bound_informational(request: &mut http::Request<Outgoing>) -> Arc<Notify> {
    let (flood, count) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let notify = flood.clone();
    on_informational(request, move |_| {
        if count.fetch_add(1, Ordering::Relaxed) >= MAX_INFORMATIONAL {
            notify.notify_one();
        }
    });
    flood
}

/// Ends when the challenge has been silent too long, or when it all took too long.
async fn silence(sending: &Sending, patience: Patience, until: Instant) -> UpstreamError {
    loop {
        let now = Instant::now();
        if now >= until {
            return UpstreamError::TooLong(patience.whole);
        }
        // While the client is waited for it cannot become the challenge's turn more than this before the next look.
        let turn = sending.since().unwrap_or(now);
        let end = after(turn, patience.head);
        if end <= now {
            return UpstreamError::HeadTimeout(patience.head);
        }
        sleep_until(end.min(until)).await;
    }
}

fn explain(error: ClientError, sending: &Sending) -> UpstreamError {
    if let Some(failure) = sending.take_failure() {
        return UpstreamError::RequestBody(failure);
    }
    if error.is_connect() {
        return UpstreamError::Unreachable(error.into());
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.downcast_ref().is_some_and(hyper::Error::is_parse_too_large) {
            return UpstreamError::TooLarge;
        }
        // Of a connection that was none: see [`crate::Dial`]. By TCP that is seen before.
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if inner.downcast_ref().is_some_and(refused) {
            return UpstreamError::Unreachable(error.into());
        }
        cause = inner.source();
    }
    UpstreamError::Broken(error.into())
}

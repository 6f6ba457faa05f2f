//! The client of one challenge.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use platform_domain::{Request, Response, UpstreamAddress};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    body::UpstreamBody,
    dial::Dial,
    error::{BoxError, UpstreamError, Violation},
    exchange::{self, Http, Patience},
    head,
    limits::{BUSY_RETRY, Limits, MIN_BUFFER},
    request,
    sending::Outgoing,
    wire::Connector,
};

/// A challenge that listens somewhere, and the connections to it. Clones share both.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

pub(crate) struct Inner {
    address: UpstreamAddress,
    /// As in a `Host` header.
    pub(crate) authority: Bytes,
    pub(crate) limits: Limits,
    pub(crate) http: Http,
    exchanges: Arc<Semaphore>,
    pub(crate) upgrades: Arc<Semaphore>,
}

impl Upstream {
    /// Connects by TCP when it is asked to send something.
    pub fn new(address: UpstreamAddress, limits: Limits) -> Self {
        Self::with(Connector::tcp(limits), address, limits)
    }

    /// The same over connections of another kind. The address is what the challenge is told in `Host`.
    pub fn over(dial: Arc<dyn Dial>, address: UpstreamAddress, limits: Limits) -> Self {
        Self::with(Connector::dialing(dial, limits), address, limits)
    }

    fn with(connector: Connector, address: UpstreamAddress, limits: Limits) -> Self {
        // No proxy, no redirect, no decoding: this client has none of them. What it sends again was never written, because
        // the connection that it was meant for had ended already.
        let http = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.pooled_for)
            .pool_max_idle_per_host(limits.pooled)
            .http1_max_buf_size(limits.head_bytes.max(MIN_BUFFER))
            .http1_max_headers(limits.headers)
            .set_host(false)
            .build(connector);
        Self(Arc::new(Inner {
            authority: address.authority().into(),
            address,
            limits,
            http,
            exchanges: places(limits.exchanges),
            upgrades: places(limits.upgrades),
        }))
    }

    /// Where the challenge listens.
    pub fn address(&self) -> &UpstreamAddress {
        &self.0.address
    }

    /// Sends a request while its body arrives, and hands back the answer as soon as it begins, which may be before all of the
    /// request was sent. Nothing is sent twice. Dropping the future, or the body of the answer, ends the exchange.
    ///
    /// The headers of the request belong to the client, except those of the connection, which are left out: `Host` is the
    /// challenge's, and the length is what the body says. The host's word on who the client is comes on top.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<UpstreamBody>, UpstreamError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let inner = &*self.0;
        let place = take(&inner.exchanges)?;
        let request = request::to_http(&inner.authority, request.map_body(Outgoing::new))?;
        inner
            .answer(request, Some(place), Patience::from(&inner.limits))
            .await
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// An answer that is one: not another protocol.
    pub(crate) async fn answer(
        &self,
        request: http::Request<Outgoing>,
        place: Option<OwnedSemaphorePermit>,
        patience: Patience,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let (parts, incoming, exchange) = exchange::begin(&self.http, request, place, patience).await?;
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Violation::SwitchedUnasked.into());
        }
        let head = head::read(parts, &self.limits)?;
        Ok(head.with_body(UpstreamBody::new(incoming, exchange)))
    }
}

fn places(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)))
}

/// A place for an exchange, if there is one.
pub(crate) fn take(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, UpstreamError> {
    let place = places.clone().try_acquire_owned();
    place.map_err(|_| UpstreamError::Busy {
        retry_after: BUSY_RETRY,
    })
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Upstream");
        shown.field("address", &self.0.address);
        shown.field("limits", &self.0.limits);
        shown.finish_non_exhaustive()
    }
}

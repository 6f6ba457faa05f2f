//! What one call sends: counted, judged and begun here.

use std::{future::ready, sync::Arc, time::Duration};

use http::{HeaderName, Method, Request};
use platform_domain::Destination;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx,
    WasiHttpCtxView, WasiHttpHooks,
};

use super::{
    Outgoing,
    exchange::{Answer, Exchange, header_bytes},
    network::within,
    tally::Tally,
};
use crate::limits::size;

/// What a store has for `wasi:http`.
#[derive(Default)]
pub(crate) struct CallHttp {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

#[derive(Default)]
struct Hooks {
    /// `None` when the program sends nothing.
    outgoing: Option<Arc<Outgoing>>,
    /// `None` between two calls.
    call: Option<OneCall>,
}

struct OneCall {
    request_id: Arc<str>,
    until: Instant,
    /// Requests that it may still send.
    left: u64,
    ended: CancellationToken,
}

/// What a guest hands over at once of a body.
const PIECE: usize = 64 << 10;

impl CallHttp {
    pub(crate) fn new(outgoing: Option<Arc<Outgoing>>) -> Self {
        let mut ctx = WasiHttpCtx::new();
        if let Some(outgoing) = &outgoing {
            // Twice, so that a guest that is a little above is told, and does not trap.
            ctx.set_field_size_limit(size(outgoing.limits.http_headers).saturating_mul(2));
        }
        let hooks = Hooks { outgoing, call: None };
        Self { ctx, hooks }
    }

    /// A call begins, and must have ended then.
    pub(crate) fn begin(&mut self, request_id: &Arc<str>, until: std::time::Instant) {
        self.hooks.call = self.hooks.outgoing.as_ref().map(|outgoing| OneCall {
            request_id: request_id.clone(),
            until: Instant::from_std(until),
            left: outgoing.limits.http_requests,
            ended: CancellationToken::new(),
        });
    }

    /// The call has ended, and with it what it had begun: also where the instance goes on.
    pub(crate) fn end(&mut self) {
        self.hooks.call = None;
    }

    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table,
            ctx: &mut self.ctx,
        }
    }
}

impl Drop for OneCall {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Hooks {
    /// Whether a request may be sent. Whatever comes of it, it counts.
    fn admit(
        &mut self,
        request: &Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Exchange, Error> {
        let (Some(outgoing), Some(call)) = (&self.outgoing, &mut self.call) else {
            return Err(Error::HttpRequestDenied);
        };
        let to = destination(request);
        let tally = Tally {
            ledger: outgoing.ledger.clone(),
            request_id: call.request_id.clone(),
            host: to
                .as_ref()
                .map_or_else(|| "no host".to_owned(), |to| to.host.to_string()),
        };
        let admitted = call.admit(outgoing, request, to, options.unwrap_or_default(), tally.clone());
        admitted.inspect_err(|error| tally.refused(error))
    }
}

impl OneCall {
    fn admit(
        &mut self,
        outgoing: &Arc<Outgoing>,
        request: &Request<WasiBody>,
        to: Option<Destination>,
        options: RequestOptions,
        tally: Tally,
    ) -> Result<Exchange, Error> {
        let limits = &outgoing.limits;
        self.left = self.left.checked_sub(1).ok_or(Error::ConnectionLimitReached)?;
        let to = to.ok_or(Error::HttpRequestUriInvalid)?;
        let rules = outgoing.rules(&to);
        if rules.is_empty() {
            return Err(Error::HttpRequestDenied);
        }
        // Makes a tunnel of the connection, in which there are no requests to compare with anything.
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        if header_bytes(request.headers()) > limits.http_headers.0 {
            return Err(Error::HttpRequestHeaderSectionSize(None));
        }
        let length = request.headers().get(http::header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > limits.http_request.0) {
            return Err(Error::HttpRequestBodySize(Some(limits.http_request.0)));
        }
        let place = outgoing.places.take().ok_or(Error::ConnectionLimitReached)?;
        Ok(Exchange {
            outgoing: outgoing.clone(),
            to,
            rules,
            place,
            options,
            until: within(Duration::from_millis(limits.http_exchange_ms), self.until),
            ended: self.ended.clone(),
            tally,
        })
    }
}

fn destination(request: &Request<WasiBody>) -> Option<Destination> {
    let uri = request.uri();
    Destination::parse(uri.scheme_str()?, uri.authority()?.as_str()).ok()
}

/// Those of one hop, the host that was compared, and everything meant for a proxy.
fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name)
        || name.as_str().starts_with("proxy-")
        || name == http::header::TE
}

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _fut: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        match self.admit(&request, options) {
            Ok(exchange) => Box::new(exchange.run(request)),
            Err(error) => Box::new(ready(Err(error))),
        }
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE
    }
}

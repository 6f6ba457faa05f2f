//! One request and its answer, over a connection of its own.

use std::{sync::Arc, time::Duration};

use http::{
    Request, Response, Uri,
    header::{HOST, HeaderMap, HeaderValue},
};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::Builder;
use platform_domain::{Destination, OutboundRule};
use tokio::time::{Instant, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, io::TokioIo};

use super::{
    Outgoing,
    body::{Received, Sent},
    failure::of_exchange,
    network::within,
    places::Place,
    tally::Tally,
};
use crate::limits::size;

/// A request that may be sent.
pub(super) struct Exchange {
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) to: Destination,
    /// The operator's rules that allow it.
    pub(super) rules: Vec<OutboundRule>,
    pub(super) place: Arc<Place>,
    pub(super) options: RequestOptions,
    /// When it has to be over.
    pub(super) until: Instant,
    /// The call has ended, and with it whatever it began.
    pub(super) ended: CancellationToken,
    pub(super) tally: Tally,
}

/// The head of an answer with its body, and what goes on beside.
pub(super) type Answer = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

/// The least that the library reads at once.
const MIN_BUFFER: usize = 8 << 10;

impl Exchange {
    /// Sends it. Dropped, it and its connection are gone; so they are when the call ends.
    pub(super) async fn run(self, request: Request<WasiBody>) -> Result<Answer, Error> {
        let (ended, tally) = (self.ended.clone(), self.tally.clone());
        let sent = ended.run_until_cancelled(self.send(request)).await;
        let answer = sent.unwrap_or(Err(Error::ConnectionTerminated));
        match &answer {
            Ok(_) => tally.answered(),
            // That is what a rule is for.
            Err(error @ Error::DestinationIpProhibited) => tally.refused(error),
            Err(error) => tally.failed(error),
        }
        answer
    }

    async fn send(self, request: Request<WasiBody>) -> Result<Answer, Error> {
        let Self {
            outgoing,
            to,
            rules,
            place,
            options,
            until,
            ended,
            tally,
        } = self;
        let limits = &outgoing.limits;
        let mut request = prepare(request, &to, limits.http_request.0)?;
        outgoing.injected.add(&to, request.headers_mut());
        let connect = Duration::from_millis(limits.http_connect_ms);
        let connect = options
            .connect_timeout
            .map_or(connect, |asked| asked.min(connect));
        let connected = within(connect, until);
        let is_open = |address| rules.iter().any(|rule| rule.names_address(address));
        let stream = outgoing.world().connect(&to, is_open, &place, connected).await?;
        let headers = limits.http_headers.0;
        let most = size(limits.http_headers);
        let handshake = Builder::new()
            .max_header_size(most)
            .max_buf_size(most.max(MIN_BUFFER))
            .handshake(TokioIo::new(stream));
        let handshake = timeout_at(until, handshake).await;
        let (mut sender, connection) = handshake
            .map_err(|_| Error::ConnectionTimeout)?
            .map_err(|error| of_exchange(&error, headers))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the exchange that keeps its handle"
        )]
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let first = options.first_byte_timeout;
        let answered = first.map_or(until, |first| within(first, until));
        let response = match timeout_at(answered, sender.send_request(request)).await {
            Ok(response) => response.map_err(|error| of_exchange(&error, headers))?,
            Err(_) if answered < until => return Err(Error::ConnectionReadTimeout),
            Err(_) => return Err(Error::HttpResponseTimeout),
        };
        if header_bytes(response.headers()) > headers {
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(headers).ok()));
        }
        let beside = {
            let ended = ended.clone();
            async move {
                // However it ends, whoever reads the body sees it there.
                let _over = ended.run_until_cancelled(timeout_at(until, connection)).await;
                drop(place);
                Ok(())
            }
        };
        let times = (until, options.between_bytes_timeout);
        let limit = limits.http_response.0;
        let response = response
            .map(|body| Received::new(body, limit, times, ended.cancelled_owned(), tally).boxed_unsync());
        Ok((response, Box::new(beside)))
    }
}

/// As it is on the wire: the path alone in the first line, and the host that was compared with the rules.
fn prepare(request: Request<WasiBody>, to: &Destination, limit: u64) -> Result<Request<Sent>, Error> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = match path {
        path if path.starts_with('/') => path.to_owned(),
        query => format!("/{query}"),
    };
    let invalid = |_| Error::HttpRequestUriInvalid;
    parts.uri = Uri::builder().path_and_query(path).build().map_err(invalid)?;
    let host = HeaderValue::try_from(to.authority());
    parts
        .headers
        .insert(HOST, host.map_err(|_| Error::HttpRequestUriInvalid)?);
    Ok(Request::from_parts(parts, Sent::new(body, limit)))
}

/// Names and values, with what stands between them.
pub(super) fn header_bytes(headers: &HeaderMap) -> u64 {
    let line =
        |(name, value): (&http::HeaderName, &HeaderValue)| (name.as_str().len() + value.len() + 4) as u64;
    headers.iter().map(line).sum()
}

//! WebSockets: a request that makes a tunnel of its connection.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use platform_domain::{Request, Response};
use sha1::{Digest as _, Sha1};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::timeout_at,
};

use crate::{
    body::UpstreamBody,
    client::{Upstream, take},
    error::{NotAllowed, UpstreamError, Violation},
    exchange::{self, Patience},
    head,
    limits::after,
    request,
    sending::Outgoing,
};

/// What both sides put behind the key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// What a key has before it is written as text.
const KEY_BYTES: usize = 16;
const WEBSOCKET: &str = "websocket";

/// What a challenge makes of a request for a WebSocket.
#[derive(Debug)]
pub enum Upgrade {
    /// It speaks WebSocket from here on.
    Switched {
        /// 101 and its headers, which the client is to see.
        head: Response<()>,
        /// To the challenge.
        tunnel: Tunnel,
    },
    /// It answered as to any other request.
    Answered(Response<UpstreamBody>),
}

/// The bytes of a WebSocket. Holds the place among all of the challenge until it is dropped, which closes the connection.
pub struct Tunnel {
    io: TokioIo<Upgraded>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Upstream {
    /// Asks for a WebSocket, in the client's words: its `Sec-WebSocket-*` headers are among those of the request. `Connection`
    /// and `Upgrade` are written here. What the two agree on beyond the key is their own affair.
    pub async fn upgrade(&self, request: Request<()>) -> Result<Upgrade, UpstreamError> {
        let inner = self.inner();
        let place = take(&inner.upgrades)?;
        let mut request = request::to_http(&inner.authority, request.with_body(Outgoing::empty()))?;
        let accept = accept(request.method(), request.headers())?;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
        let patience = Patience::from(&inner.limits);
        let (mut parts, incoming, exchange) =
            exchange::begin(&inner.http, request, Some(place), patience).await?;
        if parts.status != StatusCode::SWITCHING_PROTOCOLS {
            let head = head::read(parts, &inner.limits)?;
            let answer = head.with_body(UpstreamBody::new(incoming, exchange));
            return Ok(Upgrade::Answered(answer));
        }
        check(&parts.headers, &accept)?;
        let switched = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        let switched = switched.ok_or(Violation::NotWebSocket)?;
        let head = head::read(parts, &inner.limits)?;
        let end = after(tokio::time::Instant::now(), patience.head);
        let io = match timeout_at(end, switched).await {
            Ok(Ok(io)) => TokioIo::new(io),
            Ok(Err(error)) => return Err(exchange.explain(error)),
            Err(_) => return Err(UpstreamError::HeadTimeout(patience.head)),
        };
        let _place = exchange.into_tunnel();
        Ok(Upgrade::Switched {
            head,
            tunnel: Tunnel { io, _place },
        })
    }
}

/// What the challenge has to answer to this key.
fn accept(method: &Method, headers: &HeaderMap) -> Result<String, NotAllowed> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None, &Method::GET) = (keys.next(), keys.next(), method) else {
        return Err(NotAllowed::WebSocket);
    };
    match STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == KEY_BYTES => {}
        _ => return Err(NotAllowed::WebSocket),
    }
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID);
    Ok(STANDARD.encode(digest.finalize()))
}

/// RFC 6455, section 4.1: whoever does not answer so has not read the request as one for a WebSocket.
fn check(headers: &HeaderMap, accept: &str) -> Result<(), Violation> {
    let mut accepted = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
    let proven = matches!((accepted.next(), accepted.next()), (Some(only), None) if only == accept);
    match proven && lists(headers, CONNECTION, "upgrade") && lists(headers, UPGRADE, WEBSOCKET) {
        true => Ok(()),
        false => Err(Violation::NotWebSocket),
    }
}

fn lists(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let mut values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|it| it.trim().eq_ignore_ascii_case(token)))
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

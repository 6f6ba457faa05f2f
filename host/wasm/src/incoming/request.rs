//! A client's request, as `wasi:http` has it.

use std::{
    pin::Pin,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use http_body::{Body, Frame, SizeHint};
use platform_domain::{Caller, Request, Slug};

use super::{BodyError, Exchange, RequestBody};
use crate::CallError;

/// What a guest reads of a client's body, remembering whether it waits for it.
pub(crate) struct Watched {
    body: RequestBody,
    exchange: Exchange,
}

/// Who signed the request, as SS58; only the host says so.
const HOTKEY: HeaderName = HeaderName::from_static("x-platform-verified-hotkey");
/// Its place in the subnet, if it has one and the host knows.
const UID: HeaderName = HeaderName::from_static("x-platform-verified-uid");
/// The nonce that was used up for this request.
const NONCE: HeaderName = HeaderName::from_static("x-platform-verified-nonce");

/// The same request; its host is the challenge, for there is nothing else to be reached.
pub(crate) fn convert(
    request: Request<RequestBody>,
    slug: &Slug,
    exchange: &Exchange,
) -> Result<http::Request<Watched>, CallError> {
    let Request {
        id: _,
        method,
        path,
        query,
        headers,
        body,
        caller,
    } = request;
    let failed = |error: http::Error| CallError::Host(format!("the request has no form in HTTP: {error}"));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let uri = Uri::builder()
        .scheme("http")
        .authority(slug.as_str())
        .path_and_query(format!("{path}{query}"))
        .build()
        .map_err(failed)?;
    let body = Watched {
        body,
        exchange: exchange.clone(),
    };
    let mut converted = http::Request::builder()
        .method(method.as_str())
        .uri(uri)
        .body(body)
        .map_err(failed)?;
    let map = converted.headers_mut();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(error.into()))?;
        let value = HeaderValue::from_maybe_shared(value).map_err(|error| failed(error.into()))?;
        map.append(name, value);
    }
    if let Some(Caller { hotkey, uid, nonce }) = caller {
        let hotkey = HeaderValue::try_from(hotkey.to_string()).map_err(|error| failed(error.into()))?;
        map.insert(HOTKEY, hotkey);
        if let Some(uid) = uid {
            map.insert(UID, uid.0.into());
        }
        let nonce = HeaderValue::try_from(nonce).map_err(|error| failed(error.into()))?;
        map.insert(NONCE, nonce);
    }
    Ok(converted)
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.exchange.0.wants_body.store(polled.is_pending(), Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    /// Whoever let go of it waits for something else.
    fn drop(&mut self) {
        self.exchange.0.wants_body.store(false, Relaxed);
    }
}

//! A request as the challenge is sent it: what the client wrote, byte for byte, and who the host knows the client to be.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
    uri::{Authority, Parts, PathAndQuery, Scheme},
};
use http_body::Body as _;
use platform_domain::{Caller, Request};

use crate::{error::NotAllowed, sending::Outgoing};

/// Who signed the request; every name that begins so is the host's own.
const VERIFIED: &str = "x-platform-verified-";
const HOTKEY: HeaderName = HeaderName::from_static("x-platform-verified-hotkey");
const UID: HeaderName = HeaderName::from_static("x-platform-verified-uid");
const NONCE: HeaderName = HeaderName::from_static("x-platform-verified-nonce");
/// Of the connection to the challenge, whatever the client said of its own: `Host` is the challenge's, and the length is
/// counted anew.
const OF_THE_CONNECTION: [HeaderName; 10] = [
    HOST,
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    TE,
    TRAILER,
    UPGRADE,
    EXPECT,
];

/// The request for the challenge at `authority`.
pub(crate) fn to_http(
    authority: &Bytes,
    request: Request<Outgoing>,
) -> Result<http::Request<Outgoing>, NotAllowed> {
    let method = method(&request.method)?;
    let uri = uri(authority, &request.path, request.query.as_deref())?;
    let most = request.headers.len().saturating_add(5);
    let mut headers = HeaderMap::try_with_capacity(most).map_err(|_| NotAllowed::Header)?;
    append(&mut headers, HOST, authority.clone())?;
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotAllowed::Header)?;
        if !OF_THE_CONNECTION.contains(&name) && !is_verified(name.as_str()) {
            append(&mut headers, name, value)?;
        }
    }
    if let Some(Caller { hotkey, uid, nonce }) = request.caller {
        append(&mut headers, HOTKEY, hotkey.to_string())?;
        if let Some(uid) = uid {
            append(&mut headers, UID, uid.to_string())?;
        }
        append(&mut headers, NONCE, nonce)?;
    }
    let body = request.body;
    if body.is_end_stream() {
        // There would be no header, and servers that expect a body would have to guess.
        if matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if body.size_hint().exact().is_none() {
        // The library would leave the body of a GET away.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let mut sent = http::Request::new(body);
    *sent.method_mut() = method;
    *sent.uri_mut() = uri;
    *sent.headers_mut() = headers;
    Ok(sent)
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: impl Into<Bytes>) -> Result<(), NotAllowed> {
    let value = HeaderValue::from_maybe_shared(value.into()).map_err(|_| NotAllowed::Header)?;
    headers.try_append(name, value).map_err(|_| NotAllowed::Header)?;
    Ok(())
}

/// Also as servers read it that hand headers on as variables: there `_` and `-` are the same.
fn is_verified(name: &str) -> bool {
    name.replace('_', "-").starts_with(VERIFIED)
}

fn method(text: &str) -> Result<Method, NotAllowed> {
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| NotAllowed::Method)?;
    match method {
        Method::CONNECT => Err(NotAllowed::Method),
        method => Ok(method),
    }
}

fn uri(authority: &Bytes, path: &str, query: Option<&str>) -> Result<Uri, NotAllowed> {
    if !path.starts_with('/') || path.contains('?') {
        return Err(NotAllowed::Target);
    }
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let parsed = PathAndQuery::from_maybe_shared(Bytes::from(target.clone()));
    let parsed = parsed.map_err(|_| NotAllowed::Target)?;
    // What follows `#` is left out without a word.
    if parsed.as_str() != target {
        return Err(NotAllowed::Target);
    }
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(Authority::from_maybe_shared(authority.clone()).map_err(|_| NotAllowed::Target)?);
    parts.path_and_query = Some(parsed);
    Uri::from_parts(parts).map_err(|_| NotAllowed::Target)
}

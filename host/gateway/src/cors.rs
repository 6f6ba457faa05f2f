//! What browsers ask before a script of one site may read what another site answers (CORS, in the Fetch standard). Only for
//! challenges whose operator named sites; for all others it is the challenge's own affair, and its headers pass.

use axum::{body::Body, response::Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
    request::Parts,
};
use platform_domain::Serving;

use crate::{limits::MAX_CORS_HEADERS, route::METHODS};

/// For how many seconds a browser need not ask again: a change of the settings is noticed within minutes.
const MAX_AGE: &str = "600";
/// What a script may read beside what is always readable.
const EXPOSED: &str = "etag, location, retry-after, x-request-id";

/// The answer to a browser that asks whether a script may send this request; `None` when that is not what is asked, or not
/// for the host to answer.
pub(crate) fn preflight(serving: &Serving, parts: &Parts) -> Option<Response> {
    let asked = parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if serving.cors_origins.is_empty() || !asked {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if allowed(serving, &parts.headers).is_some() {
        let headers = response.headers_mut();
        if let Ok(methods) = HeaderValue::try_from(METHODS.join(", ")) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        let names = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(names) = names.filter(|names| names.len() <= MAX_CORS_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
    }
    Some(response)
}

/// Says on an answer who may read it, in place of what the challenge says.
pub(crate) fn tell(serving: &Serving, asked: &HeaderMap, answer: &mut HeaderMap) {
    if serving.cors_origins.is_empty() {
        return;
    }
    for name in [
        ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        ACCESS_CONTROL_EXPOSE_HEADERS,
    ] {
        answer.remove(name);
    }
    let any = serving.cors_origins.iter().any(|origin| origin.is_any());
    if !any {
        // A cache between must not give one site's answer to another.
        answer.append(VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = allowed(serving, asked) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// Whom to name as allowed. Credentials never are: the public side knows none.
fn allowed(serving: &Serving, asked: &HeaderMap) -> Option<HeaderValue> {
    let origin = asked.get(ORIGIN)?;
    if serving.cors_origins.iter().any(|it| it.is_any()) {
        return Some(HeaderValue::from_static("*"));
    }
    let named = serving
        .cors_origins
        .iter()
        .any(|it| it.as_str().as_bytes() == origin.as_bytes());
    named.then(|| origin.clone())
}

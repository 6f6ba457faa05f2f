//! The head of an answer: what the HTTP library let through is looked through once more.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    response::Parts,
};
use platform_domain::Response;

use crate::{
    error::{UpstreamError, Violation},
    limits::Limits,
};

/// RFC 9110 has no status above.
const MAX_STATUS: u16 = 599;
/// `: ` and the end of the line.
const AROUND_HEADER: usize = 4;

/// Status and headers as the challenge wrote them; a length that it wrote twice is there once. The values of one name are
/// in their order, where the first of them was.
pub(crate) fn read(parts: Parts, limits: &Limits) -> Result<Response<()>, UpstreamError> {
    let map = parts.headers;
    if map.len() > limits.headers || size(&map) > limits.head_bytes {
        return Err(UpstreamError::TooLarge);
    }
    let status = parts.status.as_u16();
    if status > MAX_STATUS {
        return Err(Violation::Status(status).into());
    }
    // What has no body has no length (RFC 9110, section 8.6).
    let mut length = length(&map)?.filter(|_| parts.status != StatusCode::NO_CONTENT);
    let mut headers = Vec::with_capacity(map.len());
    for (name, value) in &map {
        let value = match name == CONTENT_LENGTH {
            true => length.take().map(|length| Bytes::from(length.to_string())),
            false => Some(Bytes::copy_from_slice(value.as_bytes())),
        };
        headers.extend(value.map(|value| (name.as_str().to_owned(), value)));
    }
    Ok(Response {
        status,
        headers,
        body: (),
    })
}

fn size(headers: &HeaderMap) -> usize {
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + AROUND_HEADER;
    headers.iter().map(line).sum()
}

/// The one length that the answer has. The library does not look at it where there is no body, as after `HEAD`, and lets
/// chunks win over a length.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Violation> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let encoded = match (encodings.next(), encodings.next()) {
        (None, _) => false,
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => true,
        _ => return Err(Violation::Framing),
    };
    let mut found = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.to_str().map_err(|_| Violation::Framing)?.split(',') {
            let text = text.trim();
            let plain = text.bytes().all(|digit| digit.is_ascii_digit());
            let length: Option<u64> = text.parse().ok().filter(|_| plain);
            match (found, length) {
                (None, Some(_)) => found = length,
                (Some(_), _) if found == length => {}
                _ => return Err(Violation::Framing),
            }
        }
    }
    match encoded && found.is_some() {
        true => Err(Violation::Framing),
        false => Ok(found),
    }
}

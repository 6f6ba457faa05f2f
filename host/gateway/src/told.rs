//! The weights that this host tells whoever asks, under the host's own `/v1/`: no challenge's path begins so, and no
//! challenge is asked. Bytes that are ready, from the board as it is now.

use std::{cmp::min, sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    request::Parts,
};
use platform_domain::{Slug, UnixSeconds};
use platform_runtime::{ToldWeights, WeightsBoard};

use crate::refusal::Refusal;

/// How long a cache may hand out weights without asking again: a block. Epochs begin with blocks, so whoever asks through
/// a cache hears of a new one a block later at most, and a cache asks the host five times a minute at most.
const MAX_AGE: Duration = Duration::from_secs(12);

/// Whose weights are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked<'a> {
    /// The vector of all challenges.
    All,
    /// A challenge's own; the text may be no slug.
    Challenge(&'a str),
}

impl<'a> Asked<'a> {
    /// Of a path as it was written; `None` when it is not about weights.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        match path.strip_prefix("/v1/")? {
            "weights/latest" => Some(Self::All),
            rest => {
                let slug = rest
                    .strip_prefix("challenges/")?
                    .strip_suffix("/weights/latest")?;
                (!slug.contains('/')).then_some(Self::Challenge(slug))
            }
        }
    }

    /// What there is at this time. A challenge that is not there, one that has no weights and one whose weights have
    /// expired are not told apart: what is registered here and not served is nobody's business.
    fn find<'b>(&self, board: &'b WeightsBoard, now: UnixSeconds) -> Option<&'b Arc<ToldWeights>> {
        match self {
            Self::All => board.of_all(now),
            Self::Challenge(slug) => board.of_challenge(&slug.parse::<Slug>().ok()?, now),
        }
    }
}

/// Answers a request for weights.
pub(crate) fn answer(board: &WeightsBoard, asked: &Asked<'_>, parts: &Parts, now: UnixSeconds) -> Response {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        let allow = "GET, HEAD".to_owned();
        return Refusal::MethodNotAllowed { allow }.into_response();
    }
    let Some(told) = asked.find(board, now) else {
        // A cache may keep a 404 as long as it likes unless it is told otherwise, and there may be weights in a moment.
        let not_kept = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        return (not_kept, Refusal::NoWeights).into_response();
    };
    let left = told.expires_at().0.saturating_sub(now.0);
    let kept = format!("public, max-age={}", min(left, MAX_AGE.as_secs()));
    document(&parts.headers, told.etag(), &kept, || told.bytes().into())
}

/// A JSON document that may be kept for a while, or that the client has it already.
pub(crate) fn document(asked: &HeaderMap, etag: &str, kept: &str, bytes: impl FnOnce() -> Body) -> Response {
    let mut response = match has(asked, etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let json = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, json)], bytes()).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [(CACHE_CONTROL, kept), (ETAG, etag)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Whether the client says that it has what this tag is of. The comparison is the weak one of RFC 9110, 13.1.2; in this
/// host's tags there are no commas, so a list may be split at each.
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_spellings_ask_for_weights() {
        assert_eq!(Asked::parse("/v1/weights/latest"), Some(Asked::All));
        for slug in ["tsp", "NO", "%74sp", ""] {
            let path = format!("/v1/challenges/{slug}/weights/latest");
            assert_eq!(Asked::parse(&path), Some(Asked::Challenge(slug)), "{path}");
        }
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v1/weights",
            "/v1/weights/latest/",
            "/v1//weights/latest",
            "/v1/Weights/latest",
            "/v1/weights%2Flatest",
            "/v2/weights/latest",
            "//v1/weights/latest",
            "/v1/challenges/weights/latest",
            "/v1/challenges/tsp/weights",
            "/v1/challenges/tsp/weights/latest/",
            "/v1/challenges/tsp/x/weights/latest",
            "/v1/challenges//tsp/weights/latest",
            "/v1/challenges/../weights/latest/weights/latest",
            "/challenges/tsp/weights/latest",
            "/challenges/v1/weights/latest",
        ] {
            assert_eq!(Asked::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_client_has_it_if_one_of_its_tags_is_this_one() {
        for (lists, expected) in [
            (&[][..], false),
            (&["\"a\""], true),
            (&["W/\"a\""], true),
            (&["*"], true),
            (&["\"b\", \"a\""], true),
            (&["\"b\",W/\"a\" , \"c\""], true),
            (&["\"b\"", "\"a\""], true),
            (&["a"], false),
            (&["\"A\""], false),
            (&["w/\"a\""], false),
            (&["\"b\""], false),
            (&[""], false),
            (&[",,"], false),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(IF_NONE_MATCH, list.parse().unwrap());
            }
            assert_eq!(has(&headers, "\"a\""), expected, "{lists:?}");
        }
    }
}

//! A hostile guest's answer on its way to the client: a guest that answers what it is told to. What HTTP and the
//! contract allow arrives as it was said, but for the headers that end at the host; everything else becomes the host's
//! own words.

use std::sync::OnceLock;

use arbitrary::Arbitrary;
use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::{
    served::{Answer, Served},
    words::{Headers, Name, Value, by_name, without_one_hop},
};

/// What the guest is to answer.
#[derive(Arbitrary, Debug)]
pub enum Case {
    /// A response.
    Response(Response),
    /// An error of the contract: which, and its text.
    Error(u8, Vec<u8>),
}

/// As in the contract, and not checked by anyone yet.
#[derive(Arbitrary, Debug)]
pub struct Response {
    status: Status,
    headers: Vec<(Name, Value)>,
    /// The first header so many times more, to reach the limits.
    repeated: u8,
    body: Vec<u8>,
    body_repeated: Option<u16>,
}

#[derive(Arbitrary, Debug)]
enum Status {
    Ok,
    NoContent,
    ResetContent,
    NotModified,
    Any(u16),
    Near(u8),
}

const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 32 << 10;
/// What can be told in one request; the guest's own limit of eight is not reached by telling.
const MAX_BODY: usize = 1 << 20;
/// The largest body of a request.
const MAX_TOLD: usize = 2 << 20;
/// What a client reads of a text at most.
const MAX_TEXT: usize = 1000;
/// How much of it crosses the border at all.
const MAX_ERROR: usize = 4096;

/// Tells the guest, and looks at what the client would get.
pub fn check(case: &Case) {
    static SERVED: OnceLock<Served> = OnceLock::new();
    let served = SERVED.get_or_init(|| Served::start("puppet", &[("puppet", vec![])]));
    let (told, expected) = match case {
        Case::Response(response) => response.told_and_expected(),
        Case::Error(which, text) => error(which % 5 + 1, text),
    };
    if told.len() > MAX_TOLD {
        return;
    }
    let request = Request::post("/challenges/puppet/x")
        .body(Body::from(told))
        .expect("a request");
    let answer = served.send(request);
    is_http(&answer);
    let mut headers = Headers::new();
    for (name, value) in &answer.headers {
        headers.push((name.as_str().to_owned(), value.as_bytes().to_owned()));
    }
    match expected {
        Expected::Passed {
            status,
            headers: expected,
            body,
        } => {
            // The server may count what it sends; then it counts right.
            headers.retain(|(name, value)| {
                name != "content-length" || *value != body.len().to_string().into_bytes()
            });
            headers.retain(|(name, _)| name != "x-request-id");
            assert_eq!((answer.status, &answer.body[..]), (status, &body[..]));
            assert_eq!(by_name(headers), by_name(expected));
        }
        Expected::Refused {
            status,
            code,
            message,
        } => {
            let expected = json!({ "error": { "code": code, "message": message }, "detail": message }).to_string();
            assert_eq!((answer.status, &answer.body[..]), (status, expected.as_bytes()));
            let own = ["content-type", "content-length", "x-request-id", "retry-after"];
            assert!(
                headers.iter().all(|(name, _)| own.contains(&name.as_str())),
                "{headers:?}"
            );
        }
    }
}

enum Expected {
    Passed {
        status: u16,
        headers: Headers,
        body: Vec<u8>,
    },
    Refused {
        status: u16,
        code: &'static str,
        message: String,
    },
}

/// The host blames the challenge and tells nothing.
fn unavailable() -> Expected {
    Expected::Refused {
        status: 502,
        code: "challenge_unavailable",
        message: "Challenge unavailable".to_owned(),
    }
}

/// Whatever happened: something that may be written to a socket.
fn is_http(answer: &Answer) {
    assert!((200..=599).contains(&answer.status), "{}", answer.status);
    for (name, value) in &answer.headers {
        assert!(!crate::words::ONE_HOP.contains(&name.as_str()), "{name}");
        assert!(
            !value
                .as_bytes()
                .iter()
                .any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
            "{value:?}"
        );
    }
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
}

impl Response {
    fn told_and_expected(&self) -> (Vec<u8>, Expected) {
        let mut headers: Vec<(Vec<u8>, Vec<u8>)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.bytes(), value.bytes()))
            .collect();
        if let Some(first) = headers.first().cloned() {
            headers.extend(std::iter::repeat_n(first, usize::from(self.repeated)));
        }
        let status = match self.status {
            Status::Ok => 200,
            Status::NoContent => 204,
            Status::ResetContent => 205,
            Status::NotModified => 304,
            Status::Any(status) => status,
            Status::Near(near) => 195 + u16::from(near % 10) + if near >= 128 { 400 } else { 0 },
        };
        let times = self.body_repeated.map_or(1, usize::from);
        let times = times.min(MAX_BODY / self.body.len().max(1));
        let body = self.body.repeat(times);
        let mut told = Vec::new();
        for number in [0, status, headers.len() as u16] {
            told.extend(number.to_le_bytes());
        }
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            append(&mut told, text);
        }
        told.extend(&body);
        let expected = expected(status, &headers, body);
        (told, expected)
    }
}

/// By RFC 9110 and the contract.
fn expected(status: u16, headers: &[(Vec<u8>, Vec<u8>)], body: Vec<u8>) -> Expected {
    let is_token = |name: &[u8]| {
        let other = |byte: &u8| b"!#$%&'*+-.^_`|~".contains(byte);
        !name.is_empty()
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || other(byte))
    };
    let is_value = |value: &[u8]| {
        value
            .iter()
            .all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f)
    };
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let is_legal = (200..=599).contains(&status)
        && headers.len() <= MAX_HEADERS
        && size <= MAX_HEADER_BYTES
        && headers
            .iter()
            .all(|(name, value)| is_token(name) && is_value(value));
    if !is_legal {
        return unavailable();
    }
    let lower = |(name, value): &(Vec<u8>, Vec<u8>)| {
        (String::from_utf8_lossy(name).to_ascii_lowercase(), value.clone())
    };
    let headers: Headers = headers.iter().map(lower).collect();
    Expected::Passed {
        status,
        headers: without_one_hop(&headers, |name| {
            matches!(name, "content-length" | "x-request-id") || name.starts_with("x-platform-")
        }),
        body: if matches!(status, 204 | 205 | 304) {
            Vec::new()
        } else {
            body
        },
    }
}

/// The contract's errors by their number, and what a client reads of them.
fn error(which: u8, text: &[u8]) -> (Vec<u8>, Expected) {
    let mut told = u16::from(which).to_le_bytes().to_vec();
    append(&mut told, text);
    let Ok(text) = std::str::from_utf8(&text[..text.len().min(u16::MAX.into())]) else {
        return (told, unavailable());
    };
    let visible = text.chars().filter(|c| !c.is_control()).take(MAX_ERROR);
    let message = visible.take(MAX_TEXT).collect();
    let (status, code, message) = match which {
        1 => (400, "bad_request", message),
        2 => (401, "unauthorized", message),
        3 => (404, "not_found", message),
        4 => (503, "busy", message),
        _ => (500, "challenge_error", "Challenge error".to_owned()),
    };
    (
        told,
        Expected::Refused {
            status,
            code,
            message,
        },
    )
}

/// With its length before it; what is too long for that is cut.
fn append(told: &mut Vec<u8>, text: &[u8]) {
    let text = &text[..text.len().min(u16::MAX.into())];
    told.extend((text.len() as u16).to_le_bytes());
    told.extend(text);
}

//! A signed request, changed in every way: whoever did not sign exactly this is nobody to the challenge, and whoever did is the one
//! who signed.

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use arbitrary::{Arbitrary, Result, Unstructured};
use axum::body::Body;
use http::{HeaderValue, Request};
use platform_domain::{Digest, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};
use serde_json::{Value as Json, json};

use crate::{
    served::{NETUID, Served},
    words::Value,
};

/// What is signed, and what is sent of it.
#[derive(Arbitrary, Debug)]
pub struct Case {
    key: u64,
    second: bool,
    body: Vec<u8>,
    /// Seconds before or after now.
    age: i16,
    hotkey: Sent,
    signature: Sent,
    nonce: Sent,
    timestamp: Sent,
    version: Version,
    /// Not signed so.
    other_body: bool,
    other_query: bool,
    other_path: bool,
    other_method: bool,
    again: bool,
}

/// What becomes of a header.
#[derive(Arbitrary, Debug)]
enum Sent {
    AsItIs,
    Left,
    Twice,
    Cut(u8),
    Flipped(u16),
    Other(Value),
}

#[derive(Debug)]
struct Version(Option<&'static str>);

/// Bytes of all headers that the host reads.
const LARGEST: usize = 32 << 10;
/// Within this the host believes a clock; a second more or less is the machine's.
const WINDOW: i16 = 300;
const VERSIONS: [Option<&str>; 7] = [
    None,
    Some("1"),
    Some("2"),
    Some("3"),
    Some("02"),
    Some(""),
    Some("2 "),
];
const PATH: &str = "/challenges/echo/x";
const REFUSALS: [&str; 6] = [
    "missing_header",
    "repeated_header",
    "invalid_header",
    "invalid_timestamp",
    "stale_signature",
    "invalid_signature",
];

/// Sends it and compares.
pub fn check(case: &Case) {
    static SERVED: OnceLock<Served> = OnceLock::new();
    let served = SERVED.get_or_init(|| Served::start("echo", &[("echo", vec![])]));
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&case.key.to_le_bytes());
    let key = Keypair::from_seed(seed);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let scheme = if case.second {
        Scheme::Second
    } else {
        Scheme::FIRST
    };
    let (slug, nonce) = (
        "echo".parse().expect("a slug"),
        Nonce::generate().expect("randomness"),
    );
    let signed = SignedRequest {
        scheme,
        netuid: NETUID,
        slug: &slug,
        method: "POST",
        target: &format!("{PATH}?a"),
        hotkey: key.hotkey(),
        nonce: &nonce,
        timestamp: UnixSeconds(now.saturating_add_signed(case.age.into())),
        body: Digest::of(&case.body),
    };
    let [hotkey, signature, nonce, timestamp, _] = signed.headers(&key);
    let mut headers = Vec::new();
    let mut intact = true;
    for ((name, value), sent) in [
        (hotkey, &case.hotkey),
        (signature, &case.signature),
        (nonce, &case.nonce),
        (timestamp, &case.timestamp),
    ] {
        let values = sent.values(value.as_bytes());
        let same = |it: &Vec<u8>| match name {
            // Hexadecimal, with or without a prefix, in either case.
            "x-signature" => bare(it) == bare(value.as_bytes()),
            _ => it == value.as_bytes(),
        };
        intact &= values.len() == 1 && values.iter().all(same);
        headers.extend(values.into_iter().map(|value| (name, value)));
    }
    let claimed = !headers.is_empty();
    headers.extend(
        case.version
            .0
            .map(|version| ("x-signature-version", version.into())),
    );
    intact &= match case.second {
        true => case.version.0 == Some("2"),
        false => matches!(case.version.0, None | Some("1")),
    };
    intact &=
        !case.other_body && !case.other_path && !case.other_method && !(case.other_query && case.second);
    let request = || {
        let path = if case.other_path {
            "/challenges/echo/y"
        } else {
            PATH
        };
        let query = if case.other_query { "b" } else { "a" };
        let mut body = case.body.clone();
        if case.other_body {
            body.push(0);
        }
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = if case.other_method {
            http::Method::PUT
        } else {
            http::Method::POST
        };
        *request.uri_mut() = format!("{path}?{query}").parse().expect("a target");
        for (name, value) in &headers {
            let Ok(value) = HeaderValue::from_bytes(value) else {
                continue;
            };
            request.headers_mut().append(*name, value);
        }
        request
    };
    // What is no value of a header never arrives.
    let arrives = headers
        .iter()
        .all(|(_, value)| HeaderValue::from_bytes(value).is_ok());
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if !arrives || size > LARGEST || (case.age.unsigned_abs().abs_diff(WINDOW.unsigned_abs()) < 5) {
        return;
    }
    let timely = case.age.unsigned_abs() < WINDOW.unsigned_abs();
    let answer = served.send(request());
    match (claimed, intact && timely) {
        (false, _) => assert_eq!((answer.status, caller(&answer.body)), (200, Json::Null)),
        (true, true) => {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(caller(&answer.body), json!({"hotkey": key.hotkey(), "uid": null}));
            if case.again {
                let again = served.send(request());
                assert_eq!(
                    (again.status, again.refusal().as_str()),
                    (409, "nonce_already_used")
                );
            }
        }
        (true, false) => {
            assert_eq!(answer.status, 401, "{answer:?}");
            assert!(REFUSALS.contains(&answer.refusal().as_str()), "{answer:?}");
        }
    }
}

fn caller(body: &[u8]) -> Json {
    serde_json::from_slice::<Json>(body).expect("the guest answers with JSON")["caller"].take()
}

fn bare(text: &[u8]) -> Vec<u8> {
    text.strip_prefix(b"0x").unwrap_or(text).to_ascii_lowercase()
}

impl Sent {
    fn values(&self, value: &[u8]) -> Vec<Vec<u8>> {
        let mut value = value.to_vec();
        match self {
            Self::AsItIs => {}
            Self::Left => return Vec::new(),
            Self::Twice => return vec![value.clone(), value],
            Self::Cut(bytes) => value.truncate(value.len().saturating_sub(usize::from(*bytes))),
            Self::Flipped(bit) => {
                let at = usize::from(*bit) / 8 % value.len();
                value[at] ^= 1 << (bit % 8);
            }
            Self::Other(other) => value = other.bytes(),
        }
        vec![value]
    }
}

impl<'a> Arbitrary<'a> for Version {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&VERSIONS).map(|version| Self(*version))
    }
}

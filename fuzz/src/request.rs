//! A stranger's request through the public router to a guest that shows what it got. Whatever was sent, the guest sees
//! what a model of the filter says or nothing, private routes never, and nobody is refused without a reason.

use std::sync::OnceLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use platform_domain::RouteRule;
use serde_json::{Value as Json, json};

use crate::{
    private::could_be_private,
    served::{Answer, PROXY, Served},
    words::{Headers, Name, ONE_HOP, Value, by_name, without_one_hop},
};

/// A request before it is one: the HTTP parser refuses what makes no URI, method or header.
#[derive(Arbitrary, Debug)]
pub struct Case {
    method: Verb,
    slug: Slug,
    path: Vec<Piece>,
    query: Option<Vec<Piece>>,
    headers: Vec<(Name, Value)>,
    body: Vec<u8>,
    /// Added to the body, to reach the limits.
    more_body: u32,
}

#[derive(Debug)]
struct Verb(&'static str);

#[derive(Debug)]
struct Slug(&'static str);

#[derive(Arbitrary, Debug)]
enum Piece {
    Known(Known),
    Byte(u8),
    Escaped(u8),
    EscapedTwice(u8),
    EscapedUpper(u8),
    Many(u8),
}

#[derive(Debug)]
struct Known(&'static str);

const VERBS: [&str; 11] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "get", "BREW",
];
/// `echo` declares no routes, `declared` those of [`rules`], the others are not there.
const SLUGS: [&str; 7] = [
    "/challenges/echo",
    "/v1/challenges/echo",
    "/v1/challenges/declared/submissions",
    "/challenges/declared",
    "/challenges/nobody",
    "/challenges/",
    "",
];
const KNOWN: [&str; 25] = [
    "/submissions",
    "/",
    "//",
    "internal",
    "Internal",
    "health",
    "version",
    "tours",
    "notes",
    "signed",
    ".",
    "..",
    "/../",
    "/./",
    ";",
    ";a=b",
    "\\",
    "%",
    "%25",
    "%2f",
    "%5c",
    "%2e",
    "%zz",
    "a",
    "/challenges/echo",
];
/// The most that may come in one body, by default and by the rule for `/notes`.
const MAX_BODY: usize = 2 << 20;
const MAX_NOTES: usize = 10;
/// What the host says in place of a challenge when the client is at fault; anything else would be its own fault.
const REFUSALS: [(u16, &[&str]); 9] = [
    (400, &["body_broken", "bad_request"]),
    (
        401,
        &[
            "missing_header",
            "repeated_header",
            "invalid_header",
            "invalid_timestamp",
            "stale_signature",
            "invalid_signature",
        ],
    ),
    (403, &["path_not_allowed"]),
    (404, &["not_found", "challenge_not_found", "route_not_found"]),
    (405, &["method_not_allowed"]),
    (413, &["body_too_large"]),
    (414, &["uri_too_long"]),
    (431, &["headers_too_large"]),
    (501, &["transfer_coding"]),
];
/// What the client says of itself, and to the host.
const FOR_THE_HOST: [&str; 12] = [
    "authorization",
    "x-admin-token",
    "host",
    "expect",
    "x-request-id",
    "x-hotkey",
    "x-signature",
    "x-nonce",
    "x-timestamp",
    "x-signature-version",
    "forwarded",
    "x-real-ip",
];

/// Sends it and compares.
pub fn check(case: &Case) {
    static SERVED: OnceLock<Served> = OnceLock::new();
    let Some(sent) = Sent::new(case) else { return };
    let served = SERVED.get_or_init(|| Served::start("echo", &[("echo", vec![]), ("declared", rules())]));
    let answer = served.send(sent.request());
    if sent.uri.path() == "/health" {
        return assert!(matches!(answer.status, 200 | 405));
    }
    let segments: Vec<_> = sent.uri.path().split('/').collect();
    if let ["", "v1", "weights", "latest"] | ["", "v1", "challenges", _, "weights", "latest"] = *segments {
        return assert!(matches!(answer.status, 404 | 405));
    }
    if let ["", "challenges"] | ["", "v1", "registry"] = *segments {
        return assert!(matches!(answer.status, 200 | 304 | 405));
    }
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
    if answer.status == 200 {
        sent.was_seen(&answer);
    } else {
        let is_known = |codes: &[&str]| sent.method == "HEAD" || codes.contains(&answer.refusal().as_str());
        let known = REFUSALS
            .iter()
            .any(|(status, codes)| *status == answer.status && is_known(codes));
        assert!(known, "{answer:?}");
        assert!(!sent.must_be_served(), "refused without a reason: {answer:?}");
    }
}

/// What the parser lets through.
struct Sent {
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Vec<u8>,
}

impl Sent {
    fn new(case: &Case) -> Option<Self> {
        let mut target = case.slug.0.as_bytes().to_vec();
        case.path.iter().for_each(|piece| piece.append(&mut target));
        if let Some(query) = &case.query {
            target.push(b'?');
            query.iter().for_each(|piece| piece.append(&mut target));
        }
        let header = |(name, value): &(Name, Value)| {
            let name = HeaderName::from_bytes(&name.bytes()).ok()?;
            let value = HeaderValue::from_bytes(&value.bytes()).ok()?;
            Some((name.as_str().to_owned(), value.as_bytes().to_owned()))
        };
        let mut body = case.body.clone();
        // Seldom, as it is slow.
        if case.more_body > u32::MAX - 8 {
            body.resize(MAX_BODY - 4 + (case.more_body % 8) as usize, 0);
        }
        Some(Self {
            method: case.method.0.parse().ok()?,
            uri: Uri::try_from(target).ok()?,
            headers: case.headers.iter().filter_map(header).collect(),
            body,
        })
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("it was one");
            request
                .headers_mut()
                .append(name, HeaderValue::from_bytes(value).expect("it was one"));
        }
        request
    }

    /// The slug and the path inside of the challenge, as they were written.
    fn inside(&self) -> Option<(&str, &str)> {
        let path = self.uri.path();
        if let Some((slug, rest)) = path
            .strip_prefix("/v1/challenges/")
            .and_then(|it| it.split_once('/'))
        {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let id = rest.strip_prefix("submissions/");
            let known = rest == "submissions" || id.is_some_and(|id| !id.is_empty() && id.bytes().all(plain));
            return known.then(|| (slug, &path[path.len() - rest.len() - 1..]));
        }
        let rest = path.strip_prefix("/challenges/")?;
        Some(match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        })
    }

    /// The guest got this request, all of it that it may get, and nothing else.
    fn was_seen(&self, answer: &Answer) {
        let (slug, path) = self.inside().expect("only what names a challenge reaches one");
        assert!(!could_be_private(path), "a private route was reached: {path}");
        assert!(["echo", "declared"].contains(&slug), "{slug}");
        assert!(self.body.len() <= MAX_BODY);
        if slug == "declared" {
            self.was_declared(path);
        }
        if self.method == Method::HEAD {
            return;
        }
        let mut seen: Json = serde_json::from_slice(&answer.body).expect("the guest answers with JSON");
        let headers = seen["headers"].take();
        let expected = json!({
            "method": self.method.as_str(), "path": path, "query": self.uri.query(), "headers": null,
            "body_base64": STANDARD.encode(&self.body), "caller": null,
        });
        assert_eq!(seen, expected);
        let id = answer.headers["x-request-id"].as_bytes();
        let mut expected = by_name(without_one_hop(&self.headers, |name| {
            let name = &*name.replace('_', "-");
            let own = name.starts_with("x-platform-") || name.starts_with("x-forwarded-");
            own || FOR_THE_HOST.contains(&name) || ONE_HOP.contains(&name)
        }));
        let mut headers: Headers = headers.as_array().expect("a list").iter().map(pair).collect();
        let host = match self.uri.authority() {
            Some(authority) => Some(authority.as_str().as_bytes().to_vec()),
            None => self.named("host").next().cloned(),
        };
        let own = headers.split_off(headers.len().saturating_sub(5 + usize::from(host.is_some())));
        let (from, proto) = (PROXY.to_string(), "http");
        let told = [
            ("x-forwarded-for", from.as_bytes()),
            ("x-forwarded-proto", proto.as_bytes()),
            ("x-platform-proxy", b"true"),
            ("x-platform-challenge-slug", slug.as_bytes()),
            ("x-request-id", id),
        ];
        let host = host.map(|host| ("x-forwarded-host".to_owned(), shown(&host)));
        let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let told: Headers = host.into_iter().chain(told).collect();
        // The client is a proxy, and a proxy may say otherwise.
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("x-forwarded-"))
        {
            assert_eq!(own, told);
        }
        expected.iter_mut().for_each(|(_, value)| *value = shown(value));
        assert_eq!(by_name(headers), expected);
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Vec<u8>> {
        self.headers
            .iter()
            .filter(move |(it, _)| it == name)
            .map(|(_, value)| value)
    }

    /// What a challenge declares is all that reaches it.
    fn was_declared(&self, path: &str) {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (self.method.as_str(), &segments[..]) {
            ("GET" | "HEAD", [_, id]) => assert!(!id.is_empty(), "{path}"),
            ("PUT", [_]) => assert!(self.body.len() <= MAX_NOTES, "{path}"),
            _ => panic!("not declared: {} {path}", self.method),
        }
    }

    /// A request that nobody has a reason to refuse.
    fn must_be_served(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~".contains(&byte);
        let is_claim = |name: &str| {
            [
                "x-hotkey",
                "x-signature",
                "x-nonce",
                "x-timestamp",
                "content-length",
            ]
            .contains(&name)
        };
        let size: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let Some(("echo", path)) = self.inside() else {
            return false;
        };
        let coded = self.named("transfer-encoding").any(|coding| coding != b"chunked");
        let old = self.uri.path().starts_with("/v1/");
        let ambiguous =
            coded || self.named("transfer-encoding").count() > 1 || self.named("host").count() > 1;
        !ambiguous && !old && VERBS[..7].contains(&self.method.as_str())
            && self
                .uri
                .path_and_query()
                .is_some_and(|text| text.as_str().len() <= 8192)
            && path.bytes().all(plain)
            && !could_be_private(path)
            // Whoever walks by a private route on a way with dots may be taken for its guest.
            && !(path.contains("..") && path.to_lowercase().contains("internal"))
            && !self.headers.iter().any(|(name, _)| is_claim(name))
            && size <= 32 << 10
            && self.body.len() <= MAX_BODY
    }
}

fn rules() -> Vec<RouteRule> {
    let rule = |method: &str, pattern: &str, signed, max_body| RouteRule {
        method: method.to_owned(),
        pattern: pattern.to_owned(),
        signed,
        max_body,
    };
    vec![
        rule("GET", "/tours/{id}", false, None),
        rule("PUT", "/notes", false, Some(MAX_NOTES as u64)),
        rule("POST", "/signed", true, None),
    ]
}

fn pair(pair: &Json) -> (String, Vec<u8>) {
    let text = |at: usize| pair[at].as_str().expect("a text").to_owned();
    (text(0), text(1).into_bytes())
}

/// A value as the guest shows it: text, with a doubled backslash, and `\xNN` for what is none.
fn shown(value: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for chunk in value.utf8_chunks() {
        out += &chunk.valid().replace('\\', "\\\\");
        chunk
            .invalid()
            .iter()
            .for_each(|byte| out += &format!("\\x{byte:02x}"));
    }
    out.into_bytes()
}

impl Piece {
    fn append(&self, target: &mut Vec<u8>) {
        match self {
            Self::Known(Known(text)) => target.extend(text.as_bytes()),
            Self::Byte(byte) => target.push(*byte),
            Self::Escaped(byte) => target.extend(format!("%{byte:02x}").bytes()),
            Self::EscapedUpper(byte) => target.extend(format!("%{byte:02X}").bytes()),
            Self::EscapedTwice(byte) => target.extend(format!("%25{byte:02x}").bytes()),
            Self::Many(count) => target.extend(b"/a".repeat(usize::from(*count) * 32)),
        }
    }
}

impl<'a> Arbitrary<'a> for Verb {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&VERBS).map(|verb| Self(verb))
    }
}

impl<'a> Arbitrary<'a> for Slug {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&SLUGS).map(|slug| Self(slug))
    }
}

impl<'a> Arbitrary<'a> for Known {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&KNOWN).map(|known| Self(known))
    }
}

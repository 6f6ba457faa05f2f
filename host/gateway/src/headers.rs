//! Which headers pass between a client and a challenge. Pure functions over header maps.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, InvalidHeaderName, InvalidHeaderValue},
};
use platform_domain::{Digest, Slug};
use platform_keys::{HOTKEY_HEADER, NONCE_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, VERSION_HEADER};

use crate::{
    client::{Client, FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO},
    request_id::RequestId,
};

/// Meant for the next hop only (RFC 9110, section 7.6.1), with the names it still lists for old peers. Those
/// that a `Connection` header names come on top.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Addressed to the host: credentials for it, its name, its own protocol steps, and who a caller claims to
/// be, which a challenge learns from the verified `caller` only.
const FOR_THE_HOST: [&str; 12] = [
    "authorization",
    "x-admin-token",
    "host",
    "expect",
    "forwarded",
    "x-real-ip",
    REQUEST_ID,
    HOTKEY_HEADER,
    SIGNATURE_HEADER,
    NONCE_HEADER,
    TIMESTAMP_HEADER,
    VERSION_HEADER,
];
/// Every name of these families is the host's own.
const OWN_PREFIXES: [&str; 2] = [PLATFORM, "x-forwarded-"];
/// What the host says, to challenges; to clients nobody does.
const PLATFORM: &str = "x-platform-";
const PROXY: &str = "x-platform-proxy";
const SLUG: &str = "x-platform-challenge-slug";
/// The SHA-256 of a signed body in hexadecimal digits.
const REQUEST_HASH: &str = "x-platform-request-hash";
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// The server counts the body it sends; a challenge's own count could only differ.
const CONTENT_LENGTH: &str = "content-length";

/// A challenge answered with a header that HTTP does not have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidHeader {
    #[error("the challenge's answer has an invalid header name")]
    Name(#[source] InvalidHeaderName),
    #[error("the challenge's answer has an invalid header value")]
    Value(#[source] InvalidHeaderValue),
}

/// What a challenge sees of a client's headers, in their order and as often as they came, and after them
/// what the host says.
pub(crate) fn to_challenge(
    asked: &HeaderMap,
    client: &Client,
    slug: &Slug,
    id: &RequestId,
) -> Vec<(String, Bytes)> {
    let nominated = nominated(asked.get_all(CONNECTION).iter().map(HeaderValue::as_bytes));
    let passes = |name: &str| {
        let read = as_variable(name);
        !HOP_BY_HOP.contains(&&*read)
            && !FOR_THE_HOST.contains(&&*read)
            && !OWN_PREFIXES.iter().any(|prefix| read.starts_with(prefix))
            && !nominated.iter().any(|it| it == name)
    };
    let kept = asked.iter().filter(|(name, _)| passes(name.as_str()));
    let kept = kept.map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())));
    let host = client.host.as_ref();
    let host = host.map(|host| (FORWARDED_HOST, Bytes::copy_from_slice(host.as_bytes())));
    let own = [
        (FORWARDED_FOR, client.address.to_string().into()),
        (FORWARDED_PROTO, client.proto.into()),
        (PROXY, "true".into()),
        (SLUG, slug.to_string().into()),
        (REQUEST_ID, id.to_string().into()),
    ];
    let own = host.into_iter().chain(own);
    kept.chain(own.map(|(name, value)| (name.to_owned(), value)))
        .collect()
}

/// What a challenge is told of a body that was signed.
pub(crate) fn of_body(digest: &Digest) -> (String, Bytes) {
    (REQUEST_HASH.to_owned(), digest.hex().into())
}

/// What a client sees of a challenge's headers.
pub(crate) fn to_client(challenge: Vec<(String, Bytes)>) -> Result<HeaderMap, InvalidHeader> {
    let connection = challenge
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(CONNECTION.as_str()));
    let nominated = nominated(connection.map(|(_, value)| value.as_ref()));
    let mut headers = HeaderMap::with_capacity(challenge.len());
    for (name, value) in challenge {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(InvalidHeader::Name)?;
        let value = HeaderValue::from_maybe_shared(value).map_err(InvalidHeader::Value)?;
        let own = name == CONTENT_LENGTH || name == REQUEST_ID || name.as_str().starts_with(PLATFORM);
        let dropped = own || HOP_BY_HOP.contains(&name.as_str());
        if !dropped && !nominated.iter().any(|it| name == it.as_str()) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// The bytes of all names and values.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    let each = headers
        .iter()
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    each.fold(0, usize::saturating_add)
}

/// A name as servers read it that hand headers on as variables: there `_` and `-` are the same, and who writes `x_hotkey` would be
/// taken for somebody.
fn as_variable(name: &str) -> Cow<'_, str> {
    match name.contains('_') {
        true => name.replace('_', "-").into(),
        false => name.into(),
    }
}

/// The names that `Connection` headers list, in lower case.
fn nominated<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let tokens = values.flat_map(|value| value.split(|byte| *byte == b','));
    let names = tokens.map(|token| String::from_utf8_lossy(token.trim_ascii()).to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let each = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in each {
            map.append::<HeaderName>(name, value);
        }
        map
    }

    /// As `name: value`, without what the host adds.
    fn passed(headers: &[(&str, &str)]) -> Vec<String> {
        let (slug, id) = ("tsp".parse().unwrap(), RequestId::generate());
        let client = Client {
            address: "192.0.2.1".parse().unwrap(),
            proto: "https",
            host: Some("public.example".parse().unwrap()),
            trusted: false,
        };
        let mut seen = to_challenge(&map(headers), &client, &slug, &id);
        let own = seen.split_off(seen.len() - 6);
        let expected = [
            ("x-forwarded-host", "public.example".to_owned()),
            ("x-forwarded-for", "192.0.2.1".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-platform-proxy", "true".to_owned()),
            ("x-platform-challenge-slug", "tsp".to_owned()),
            ("x-request-id", id.to_string()),
        ];
        assert_eq!(own, expected.map(|(name, value)| (name.to_owned(), value.into())));
        seen.iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect()
    }

    fn answered(headers: &[(&str, &str)]) -> Vec<String> {
        let each = |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::from((*value).to_owned()));
        let map = to_client(headers.iter().map(each).collect()).unwrap();
        map.iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn a_client_cannot_speak_for_the_host() {
        let spoofed = [
            ("x-platform-challenge-slug", "spoof"),
            ("X-Platform-Proxy", "false"),
            ("x-platform-verified-hotkey", "5G"),
            ("x-request-id", "mine"),
            ("x-hotkey", "5G"),
            ("x-signature", "00"),
            ("x-nonce", "12345678"),
            ("x-timestamp", "1"),
            ("x-signature-version", "2"),
            ("authorization", "Bearer x"),
            ("x-admin-token", "x"),
            ("host", "example"),
            ("expect", "100-continue"),
            ("forwarded", "for=198.51.100.7"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-port", "1"),
            ("x-real-ip", "198.51.100.7"),
            ("x_hotkey", "5G"),
            ("X_Platform-Verified_Hotkey", "5G"),
            ("x_forwarded_for", "198.51.100.7"),
            ("transfer_encoding", "chunked"),
        ];
        assert_eq!(passed(&spoofed), Vec::<String>::new());
        assert_eq!(passed(&[("x_a", "1")]), ["x_a: 1"]);
        assert_eq!(
            passed(&[("connection", "x-platform-proxy, x-request-id")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn headers_of_one_hop_and_those_that_connection_names_stay_here() {
        let hop = HOP_BY_HOP.map(|name| (name, "x"));
        assert_eq!(passed(&hop), Vec::<String>::new());
        assert_eq!(answered(&hop), Vec::<String>::new());
        let named = [
            ("connection", "close, X-Foo"),
            ("x-foo", "1"),
            ("Connection", " ,x-bar ,"),
            ("x-bar", "2"),
            ("x-foobar", "3"),
        ];
        assert_eq!(passed(&named), ["x-foobar: 3"]);
        assert_eq!(answered(&named), ["x-foobar: 3"]);
    }

    #[test]
    fn repeated_headers_stay_repeated_and_in_order() {
        let repeated = [("x-a", "2"), ("x-a", "1"), ("cookie", "a=b"), ("x-a", "2")];
        assert_eq!(passed(&repeated), ["x-a: 2", "x-a: 1", "x-a: 2", "cookie: a=b"]);
        let cookies = [
            ("set-cookie", "a=b"),
            ("Set-Cookie", "c=d; Path=/, x"),
            ("server", "guest"),
        ];
        assert_eq!(
            answered(&cookies),
            ["set-cookie: a=b", "set-cookie: c=d; Path=/, x", "server: guest"]
        );
    }

    #[test]
    fn the_length_is_the_servers_own_and_an_encoding_is_the_challenges() {
        let answer = [
            ("content-length", "29"),
            ("content-encoding", "gzip"),
            ("x-request-id", "forged"),
            ("X-Platform-Verified-Hotkey", "forged"),
        ];
        assert_eq!(answered(&answer), ["content-encoding: gzip"]);
    }

    #[test]
    fn an_invalid_header_of_an_answer_is_an_error() {
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("x\r\ny", "x"),
            ("x", "a\r\nset-cookie: b"),
            ("x", "\0"),
        ] {
            let answer = vec![(name.to_owned(), Bytes::from(value.to_owned()))];
            assert!(to_client(answer).is_err(), "{name:?}: {value:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_only_what_may_pass_does(
            headers in proptest::collection::vec(
                (
                    proptest::sample::select(vec![
                        "connection", "x-a", "X-B", "te", "upgrade", "x-platform-z", "authorization", "x-hotkey", "cookie",
                    ]),
                    "[ -~]{0,12}|x-a|x-b, x-a|cookie",
                ),
                0..12,
            ),
        ) {
            let borrowed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let seen = passed(&borrowed);
            let nominated: Vec<String> = borrowed.iter().filter(|(name, _)| *name == "connection")
                .flat_map(|(_, value)| value.split(',').map(|it| it.trim().to_lowercase())).collect();
            for name in ["x-a", "x-b", "cookie"] {
                let sent = borrowed.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name)).count();
                let expected = if nominated.iter().any(|it| it == name) { 0 } else { sent };
                let count = seen.iter().filter(|it| it.starts_with(&format!("{name}:"))).count();
                proptest::prop_assert_eq!(count, expected, "{}", name);
            }
            proptest::prop_assert!(seen.iter().all(|it| ["x-a:", "x-b:", "cookie:"].iter().any(|ok| it.starts_with(ok))));
        }
    }
}

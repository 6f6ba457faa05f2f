//! WebSockets: a client's request to make a tunnel of its connection, to challenges that can open one.

use axum::response::Response;
use http::{
    HeaderMap, Method, Version,
    header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_KEY, UPGRADE},
    request::Parts,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use platform_domain::{Request, with_causes};
use platform_runtime::{Opened, Target};

use crate::{answer::head, in_flight::Place, refusal::Refusal, stream};

const WEBSOCKET: &str = "websocket";
/// Characters of a key before its padding: 16 bytes in base64.
const KEY_CHARACTERS: usize = 22;

/// Takes the client's wish out of its request, if it has one that can be fulfilled: HTTP/1.1 and both headers (RFC 6455, section
/// 4.2.1). Whatever else it wants to upgrade to is not heard, and its request is a request like any other.
pub(crate) fn wished(parts: &mut Parts) -> Option<OnUpgrade> {
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let wished = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && lists(&parts.headers, CONNECTION.as_str(), UPGRADE.as_str())
        && lists(&parts.headers, UPGRADE.as_str(), WEBSOCKET);
    upgrade.filter(|_| wished)
}

/// Whether one of the names in a header's lists is this one.
fn lists(headers: &HeaderMap, header: &str, name: &str) -> bool {
    let lists = headers.get_all(header).into_iter();
    let mut names = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    names.any(|it| it.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

/// Refuses what no challenge can answer: the key is one of 16 bytes (RFC 6455, section 4.2.1).
pub(crate) fn check_key(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key.as_bytes()) => Ok(()),
        _ => Err(Refusal::WebSocketKey),
    }
}

fn is_key(key: &[u8]) -> bool {
    let sign = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    let characters = key.strip_suffix(b"==").unwrap_or_default();
    // Of the last character, four bits are no part of the bytes, and none of them is set.
    characters.len() == KEY_CHARACTERS
        && characters.iter().all(sign)
        && matches!(characters.last(), Some(b'A' | b'Q' | b'g' | b'w'))
}

/// Asks the challenge, and passes bytes both ways when both sides have switched. The client keeps its places for as long.
pub(crate) async fn open(
    target: &Target,
    request: Request<()>,
    client: OnUpgrade,
    places: [Option<Place>; 2],
) -> Result<Response, Refusal> {
    let id = request.id.clone();
    let (answer, socket) = match target.open(request).await.map_err(Refusal::Call)? {
        Opened::Switched(answer, socket) => (answer, socket),
        Opened::Answered(answer) => return stream::pass(id, answer, places),
    };
    let mut response = head(answer)?;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the client's connection, which the listener cuts when the host stops"
    )]
    tokio::spawn(async move {
        let _held = places;
        let relayed = match client.await {
            Ok(client) => socket
                .relay(TokioIo::new(client))
                .await
                .map_err(|error| with_causes(&error)),
            Err(error) => Err(with_causes(&error)),
        };
        if let Err(error) = relayed {
            tracing::debug!(request.id = %id, error, "a WebSocket ended early");
        }
    });
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        for (key, is) in [
            ("dGhlIHNhbXBsZSBub25jZQ==", true),
            ("AAAAAAAAAAAAAAAAAAAAAA==", true),
            ("++++////++++////++++/w==", true),
            ("AAAAAAAAAAAAAAAAAAAAAB==", false),
            ("AAAAAAAAAAAAAAAAAAAAA===", false),
            ("AAAAAAAAAAAAAAAAAAAAAA", false),
            ("AAAAAAAAAAAAAAAAAAAAAAAA", false),
            ("AAAAAAAAAAAAAAAAAAAA AA==", false),
            ("", false),
            ("==", false),
        ] {
            assert_eq!(is_key(key.as_bytes()), is, "{key}");
        }
    }
}

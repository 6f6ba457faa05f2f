//! WebSockets: a client's request to make a tunnel of its connection, to challenges that can open one.

use axum::response::Response;
use http::{
    HeaderMap, Method, Version,
    header::{CONNECTION, HeaderValue, UPGRADE},
    request::Parts,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use platform_domain::{Request, with_causes};
use platform_runtime::{Opened, Target};

use crate::{forward::head, in_flight::Place, refusal::Refusal, stream};

const WEBSOCKET: &str = "websocket";

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

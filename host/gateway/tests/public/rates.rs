//! How often one address may ask.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use axum::body::Body;
use futures_util::stream;
use http::{Request, header::RETRY_AFTER};
use platform_gateway::{Gateway, Limits, Rate};

use crate::fixture::{App, app_with};

/// Three at once, and then one in a second.
fn strict() -> Arc<App> {
    let burst = NonZeroU32::new(3).unwrap();
    let per_second = NonZeroU32::MIN;
    app_with(Limits {
        address_rate: Rate { per_second, burst },
        ..Limits::default()
    })
}

async fn ask(app: &Gateway, peer: &str, forwarded: Option<&str>, path: &str) -> u16 {
    let mut request = Request::builder().uri(path);
    if let Some(client) = forwarded {
        request = request.header("x-forwarded-for", client);
    }
    let peer: IpAddr = peer.parse().unwrap();
    let answer = app.respond(peer, request.body(Body::empty()).unwrap()).await;
    answer.status().as_u16()
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait_and_others_are_not() {
    let app = strict();
    for path in ["/challenges/open/x", "/challenges/none", "/v1/weights/latest"] {
        assert_ne!(ask(&app, "192.0.2.1", None, path).await, 429);
    }
    for path in ["/challenges/open/x", "/challenges/none", "/v1/weights/latest"] {
        assert_eq!(ask(&app, "192.0.2.1", None, path).await, 429);
    }
    assert_eq!(
        ask(&app, "::ffff:192.0.2.1", None, "/challenges/open/x").await,
        429
    );
    assert_eq!(
        ask(&app, "192.0.2.1", None, "/health").await,
        200,
        "a probe is answered"
    );
    assert_eq!(ask(&app, "192.0.2.2", None, "/challenges/open/x").await, 502);
}

#[tokio::test]
async fn whoever_has_a_network_of_ipv6_has_one_share() {
    let app = strict();
    for host in 1..=3 {
        let address = format!("2001:db8:1:1::{host}");
        assert_eq!(ask(&app, &address, None, "/challenges/open/x").await, 502);
    }
    assert_eq!(
        ask(&app, "2001:db8:1:1:ffff::4", None, "/challenges/open/x").await,
        429
    );
    assert_eq!(
        ask(&app, "2001:db8:1:2::1", None, "/challenges/open/x").await,
        502
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_its_clients_are_counted_and_not_the_proxy() {
    let app = strict();
    for _ in 0..3 {
        assert_eq!(
            ask(&app, "10.0.0.1", Some("192.0.2.1"), "/challenges/open/x").await,
            502
        );
    }
    let forged = Some("198.51.100.7, 192.0.2.1");
    assert_eq!(ask(&app, "10.0.0.1", forged, "/challenges/open/x").await, 429);
    assert_eq!(
        ask(&app, "10.0.0.1", Some("192.0.2.2"), "/challenges/open/x").await,
        502
    );
    for _ in 0..9 {
        assert_eq!(ask(&app, "10.0.0.1", None, "/challenges/open/x").await, 502);
    }
    // A stranger names whom it likes and is counted itself.
    for client in ["192.0.2.11", "192.0.2.12", "192.0.2.13"] {
        assert_eq!(
            ask(&app, "203.0.113.1", Some(client), "/challenges/open/x").await,
            502
        );
    }
    let named = Some("192.0.2.14");
    assert_eq!(ask(&app, "203.0.113.1", named, "/challenges/open/x").await, 429);
}

#[tokio::test]
async fn whoever_is_refused_hears_when_to_come_back_before_a_byte_of_its_body_is_read() {
    let app = strict();
    let endless = || Body::from_stream(stream::pending::<std::io::Result<bytes::Bytes>>());
    let put = || Request::put("/challenges/open/x").body(endless()).unwrap();
    let peer: IpAddr = "192.0.2.1".parse().unwrap();
    for _ in 0..3 {
        ask(&app, "192.0.2.1", None, "/challenges/open/x").await;
    }
    let answer = app.respond(peer, put()).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()[RETRY_AFTER], "1");
    assert!(answer.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn by_default_two_hundred_requests_may_come_at_once() {
    let app = app_with(Limits::default());
    let mut answered = 0;
    // Fifty a second come back in the meantime.
    while answered < 2000 && ask(&app, "192.0.2.1", None, "/challenges/none").await != 429 {
        answered += 1;
    }
    assert!((200..2000).contains(&answered), "{answered}");
}

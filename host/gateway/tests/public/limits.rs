//! How much a client may send.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use platform_gateway::Limits;

use crate::fixture::{PROXY, app, app_with, nonce, send, signed};

fn put(uri: &str, body: Body) -> Request<Body> {
    Request::builder().method("PUT").uri(uri).body(body).unwrap()
}

fn chunks(count: usize) -> Body {
    let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1000]));
    Body::from_stream(stream::iter((0..count).map(move |_| chunk())))
}

/// A body of which one chunk comes and no more.
fn endless() -> Body {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"x"))]);
    Body::from_stream(first.chain(stream::pending()))
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_is_sent() {
    let app = app_with(Limits {
        max_body: 5000,
        ..Limits::default()
    });
    for (uri, body, status) in [
        ("/challenges/open/x", chunks(5), 502),
        ("/challenges/open/x", chunks(6), 413),
        ("/challenges/open/x", Body::from(vec![b'x'; 5000]), 502),
        ("/challenges/open/x", Body::from(vec![b'x'; 5001]), 413),
        ("/challenges/tsp/notes", Body::from("0123456789"), 502),
        ("/challenges/tsp/notes", Body::from("0123456789+"), 413),
        ("/challenges/tsp/notes", chunks(1), 413),
    ] {
        let shown = format!("{uri} {body:?}");
        assert_eq!(send(&app, put(uri, body)).await.status, status, "{shown}");
    }
}

#[tokio::test]
async fn a_declared_length_is_refused_before_the_body_is_read() {
    let mut request = put("/challenges/open/x", endless());
    request
        .headers_mut()
        .insert("content-length", "2097153".parse().unwrap());
    assert_eq!(send(&app(), request).await.status, 413);
}

#[tokio::test]
async fn the_body_of_an_unsigned_request_to_a_signed_route_is_not_read() {
    let mut request = signed(
        &crate::fixture::miner(),
        &nonce(),
        "POST",
        "/challenges/tsp/submissions",
        "",
    );
    *request.body_mut() = endless();
    request.headers_mut().remove("x-signature");
    assert_eq!(send(&app(), request).await.message, "missing x-signature");
    let mut request = put("/challenges/tsp/submissions", endless());
    *request.method_mut() = http::Method::POST;
    assert_eq!(send(&app(), request).await.message, "missing x-hotkey");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = app_with(Limits {
        body_timeout: Duration::from_millis(5),
        ..Limits::default()
    });
    assert_eq!(send(&app, put("/challenges/open/x", endless())).await.status, 408);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("reset"))]);
    let seen = send(&app(), put("/challenges/open/x", Body::from_stream(broken))).await;
    assert_eq!(
        (seen.status, seen.message.as_str()),
        (400, "The body could not be read")
    );
}

#[tokio::test]
async fn when_all_room_for_bodies_is_taken_only_requests_with_a_body_wait() {
    let app = app_with(Limits {
        max_body: 1024,
        body_budget: 1024,
        ..Limits::default()
    });
    let mut first = pin!(app.respond(PROXY, put("/challenges/open/x", endless())));
    assert!(poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await);

    let refused = send(&app, put("/challenges/open/x", Body::from("x"))).await;
    assert_eq!(
        (refused.status, refused.headers["retry-after"].to_str().unwrap()),
        (503, "1")
    );
    assert_eq!(
        send(&app, put("/challenges/open/x", Body::empty())).await.status,
        502
    );
    first.set(app.respond(PROXY, put("/challenges/open/x", endless())));
    assert_eq!(
        send(&app, put("/challenges/open/x", Body::from("x")))
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn a_long_uri_and_large_headers_are_refused() {
    let app = app();
    let fits = format!("/challenges/open/{}", "x".repeat(8192 - 17));
    for (uri, status) in [
        (fits.clone(), 502),
        (format!("{fits}x"), 414),
        (format!("/challenges/open/x?{}", "x".repeat(8192)), 414),
        (format!("/challenges/tsp/internal/{}", "x".repeat(8192)), 414),
    ] {
        assert_eq!(send(&app, put(&uri, Body::empty())).await.status, status);
    }
    for (bytes, status) in [(1000, 502), (33 * 1024, 431)] {
        let mut request = put("/challenges/open/x", Body::empty());
        request
            .headers_mut()
            .insert("x-large", "x".repeat(bytes).parse().unwrap());
        assert_eq!(send(&app, request).await.status, status);
    }
}

//! Requests to a container and what comes back.

use std::{convert::Infallible, fs, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    response::IntoResponse as _,
    routing::{any, get, post},
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use platform_domain::Digest;
use platform_gateway::Limits;
use platform_keys::Scheme;
use tokio::sync::{Notify, mpsc};

use crate::fixture::{PROXY, Scene, container, miner, nonce, send, send_plain, signed_by};

/// The lines of what it was sent.
async fn echo(uri: Uri, headers: HeaderMap, body: Bytes) -> String {
    let mut lines = vec![uri.to_string(), Digest::of(&body).hex()];
    for (name, value) in &headers {
        lines.push(format!("{name}: {}", value.to_str().unwrap()));
    }
    lines.join("\n")
}

async fn text(answer: axum::response::Response) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn what_miners_hand_in_goes_by_the_door_that_only_the_host_has_a_key_for() {
    let at = container(Router::new().fallback(any(echo))).await;
    let app = Scene {
        container: Some(at),
        ..Scene::default()
    }
    .app();
    let uri = "/v1/challenges/box/submissions";
    let mut request = signed_by((&miner(), Scheme::FIRST), &nonce(), "POST", uri, "archive");
    for (name, value) in [
        ("x-submission-filename", "agent.zip"),
        ("authorization", "Bearer mine"),
        ("x-platform-challenge-slug", "other"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let seen = text(app.respond(PROXY, request).await).await;
    assert!(seen.starts_with("/internal/v1/bridge/submissions\n"), "{seen}");
    for line in [
        "authorization: Bearer token-of-box",
        "x-platform-challenge-slug: box",
        "x-platform-verified-uid: 1",
        "x-submission-filename: agent.zip",
        &format!("x-platform-verified-hotkey: {}", miner().hotkey()),
        &format!("x-platform-request-hash: {}", Digest::of(b"archive").hex()),
        &Digest::of(b"archive").hex(),
    ] {
        assert_eq!(seen.lines().filter(|it| *it == line).count(), 1, "{line}: {seen}");
    }
    assert_eq!(seen.matches("authorization").count(), 1);
    assert_eq!(seen.matches("x-platform-challenge-slug").count(), 1);

    let seen = text(
        app.respond(
            PROXY,
            Request::get("/v1/challenges/box/submissions/7f")
                .body(Body::empty())
                .unwrap(),
        )
        .await,
    )
    .await;
    assert!(
        seen.starts_with("/v1/submissions/7f\n") && !seen.contains("token-of-box"),
        "{seen}"
    );
    // A public route never has the token.
    let seen = text(
        app.respond(
            PROXY,
            Request::get("/challenges/box/submissions")
                .body(Body::empty())
                .unwrap(),
        )
        .await,
    )
    .await;
    assert!(
        seen.starts_with("/submissions\n") && !seen.contains("token-of-box"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_large_signed_body_waits_on_disk_under_no_name_and_arrives_whole() {
    let at = container(Router::new().fallback(any(async |body: Body| {
        Digest::of(&body.collect().await.unwrap().to_bytes()).hex()
    })))
    .await;
    let app = Scene {
        container: Some(at),
        limits: Limits {
            max_body: 1000,
            max_upload: 3_000_000,
            spool: 5_000_000,
            ..Limits::default()
        },
        serving: serde_json::from_str(r#"{"max_body":"2929KiB"}"#).unwrap(),
        ..Scene::default()
    }
    .app();
    let body = Bytes::from(
        (0..2_999_000_u32)
            .map(|at| at.to_le_bytes()[0])
            .collect::<Vec<u8>>(),
    );
    for scheme in [Scheme::FIRST, Scheme::Second] {
        let request = signed_by(
            (&miner(), scheme),
            &nonce(),
            "POST",
            "/challenges/box/x",
            body.clone(),
        );
        assert_eq!(
            text(app.respond(PROXY, request).await).await,
            Digest::of(&body).hex()
        );
    }
    // In pieces, without a length.
    let pieces: Vec<_> = body
        .chunks(70_000)
        .map(|it| Ok::<_, Infallible>(Bytes::copy_from_slice(it)))
        .collect();
    let request = signed_by(
        (&miner(), Scheme::Second),
        &nonce(),
        "POST",
        "/challenges/box/x",
        body.clone(),
    );
    let chunked = request.map(|_| Body::from_stream(stream::iter(pieces)));
    assert_eq!(
        text(app.respond(PROXY, chunked).await).await,
        Digest::of(&body).hex()
    );
    // Changed on the way, too large, and more than there is room for.
    let mut other = body.to_vec();
    other[2_000_000] ^= 1;
    let request = signed_by(
        (&miner(), Scheme::Second),
        &nonce(),
        "POST",
        "/challenges/box/x",
        body.clone(),
    );
    let seen = send(&app, request.map(|_| Body::from(other))).await;
    assert_eq!((seen.status, seen.message.as_str()), (401, "invalid signature"));
    let large = Bytes::from(vec![0; 3_000_001]);
    let request = signed_by(
        (&miner(), Scheme::Second),
        &nonce(),
        "POST",
        "/challenges/box/x",
        large.clone(),
    );
    assert_eq!(send(&app, request).await.status, 413);
    let request = signed_by(
        (&miner(), Scheme::Second),
        &nonce(),
        "POST",
        "/challenges/box/x",
        large.clone(),
    );
    let endless =
        request.map(|_| Body::from_stream(stream::repeat(Ok::<_, Infallible>(large.slice(..70_000)))));
    assert_eq!(send(&app, endless).await.status, 413, "in pieces");
    let waiting = || {
        let request = signed_by(
            (&miner(), Scheme::Second),
            &nonce(),
            "POST",
            "/challenges/box/x",
            "",
        );
        request.map(|_| Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()))
    };
    let first = app.respond(PROXY, waiting());
    let second = app.respond(PROXY, waiting());
    tokio::select! {
        biased;
        _ = first => panic!("it has not been sent"),
        seen = second => assert_eq!(seen.status(), StatusCode::SERVICE_UNAVAILABLE),
    }
    assert_eq!(fs::read_dir(app.spool()).unwrap().count(), 0);
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let (events, waiting) = mpsc::channel::<&str>(1);
    let waiting = std::sync::Arc::new(tokio::sync::Mutex::new(Some(waiting)));
    let router = Router::new().route(
        "/events",
        get(async move || {
            let waiting = waiting.lock().await.take().unwrap();
            let pieces = stream::unfold(waiting, async |mut it| {
                Some((Ok::<_, Infallible>(it.recv().await?), it))
            });
            ([("content-type", "text/event-stream")], Body::from_stream(pieces)).into_response()
        }),
    );
    let app = Scene {
        container: Some(container(router).await),
        ..Scene::default()
    }
    .app();
    let request = Request::get("/challenges/box/events")
        .body(Body::empty())
        .unwrap();
    let answer = app.respond(PROXY, request).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body().into_data_stream();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        events.send(event).await.unwrap();
        assert_eq!(body.next().await.unwrap().unwrap(), event);
    }
    drop(events);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn a_client_that_keeps_a_container_waiting_is_told_so_and_one_that_is_kept_waiting_is_not() {
    let (gate, reads) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (held, begun) = (gate.clone(), reads.clone());
    let router = Router::new()
        .route("/reads", post(async |body: Bytes| body.len().to_string()))
        .route(
            "/waits",
            post(async move |body: Body| {
                begun.notify_one();
                held.notified().await;
                body.collect()
                    .await
                    .map(|all| all.to_bytes().len().to_string())
                    .unwrap_or_default()
            }),
        );
    let app = Scene {
        container: Some(container(router).await),
        limits: Limits {
            body_timeout: Duration::from_millis(200),
            ..Limits::default()
        },
        serving: serde_json::from_str(r#"{"max_body":"64MiB"}"#).unwrap(),
        ..Scene::default()
    }
    .app();
    let post = |path: &str, body| {
        Request::post(format!("/challenges/box{path}"))
            .body(body)
            .unwrap()
    };
    let first = || stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"x"))]);
    let stops = Body::from_stream(first().chain(stream::pending()));
    let seen = send(&app, post("/reads", stops)).await;
    assert_eq!(
        (seen.status, seen.message.as_str()),
        (408, "The body did not arrive in time")
    );
    // A little now and then does not help for long.
    let trickle = stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
    });
    assert_eq!(
        send(&app, post("/reads", Body::from_stream(trickle)))
            .await
            .status,
        408
    );
    // More than the system holds between the two, so the client waits for the challenge.
    let large = Bytes::from(vec![0; 64 * 1024]);
    let pieces = stream::iter((0..768).map(move |_| Ok::<_, Infallible>(large.clone())));
    let waiting = app.respond(PROXY, post("/waits", Body::from_stream(pieces)));
    let later = async {
        reads.notified().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        gate.notify_one();
    };
    let (answer, ()) = tokio::join!(waiting, later);
    assert_eq!(text(answer).await, (768 * 64 * 1024).to_string());
}

#[tokio::test]
async fn what_has_no_body_keeps_the_length_it_would_have() {
    let router = Router::new()
        .route("/whole", get(async || "0123456789"))
        .route(
            "/same",
            get(async || (StatusCode::NOT_MODIFIED, [("etag", "\"a\"")])),
        )
        .route("/none", post(async || StatusCode::NO_CONTENT));
    let app = Scene {
        container: Some(container(router).await),
        ..Scene::default()
    }
    .app();
    for (method, path, status, length) in [
        ("GET", "/whole", 200, Some("10")),
        ("HEAD", "/whole", 200, Some("10")),
        ("GET", "/same", 304, None),
        ("HEAD", "/same", 304, None),
        ("POST", "/none", 204, None),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/challenges/box{path}"));
        let answer = app.respond(PROXY, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        let told = answer
            .headers()
            .get("content-length")
            .map(|it| it.to_str().unwrap());
        assert_eq!(told, length, "{method} {path}");
        let expected = if (method, path) == ("GET", "/whole") {
            "0123456789"
        } else {
            ""
        };
        assert_eq!(text(answer).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_container_that_is_not_there_is_told_so_and_takes_no_nonce() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let app = Scene {
        container: Some(nobody),
        ..Scene::default()
    }
    .app();
    let nonce = nonce();
    for _ in 0..2 {
        let request = signed_by(
            (&miner(), Scheme::Second),
            &nonce,
            "POST",
            "/challenges/box/x",
            "tour",
        );
        let seen = send(&app, request).await;
        assert_eq!(
            (seen.status, seen.message.as_str()),
            (502, "Challenge unavailable")
        );
    }
    assert_eq!(
        send_plain(&app, "GET", "/challenges/box/health").await.status,
        403
    );
}

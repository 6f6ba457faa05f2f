//! Who may call, how often, and that a signature counts once.

use std::{num::NonZeroU32, sync::Arc};

use axum::{Router, body::Bytes, routing::any};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use platform_gateway::{Callers, Limits, Rate};
use platform_keys::{Keypair, Scheme};
use tokio::{sync::Notify, task::JoinSet};

use crate::fixture::{
    PROXY, Scene, app, callers, container, miner, nonce, owner, send, send_plain, signed, signed_by,
};

const BOX: &str = "/challenges/box/x";

/// Tells who was said to call.
async fn whoami(headers: HeaderMap, uri: Uri, body: Bytes) -> String {
    let told = |name| {
        headers
            .get(name)
            .map_or("-", |it| it.to_str().unwrap())
            .to_owned()
    };
    let [hotkey, uid, nonce] = ["hotkey", "uid", "nonce"].map(|it| told(format!("x-platform-verified-{it}")));
    format!("{uri} {hotkey} {uid} {nonce} {}", body.len())
}

async fn with_box(scene: Scene) -> Arc<crate::fixture::App> {
    let container = container(Router::new().fallback(any(whoami))).await;
    Scene {
        container: Some(container),
        ..scene
    }
    .app()
}

#[tokio::test]
async fn a_signed_request_passes_once_and_the_challenge_learns_who_signed() {
    let app = with_box(Scene::default()).await;
    for scheme in [Scheme::FIRST, Scheme::Second] {
        let nonce = nonce();
        let request = || {
            signed_by(
                (&miner(), scheme),
                &nonce,
                "POST",
                "/challenges/box/x?a=b",
                "tour",
            )
        };
        let answer = app.respond(PROXY, request()).await;
        assert_eq!(answer.status(), 200);
        let said = answer.into_body().collect().await.unwrap().to_bytes();
        let expected = format!("/x?a=b {} 1 {nonce} 4", miner().hotkey());
        assert_eq!(said, expected);
        let again = send(&app, request()).await;
        assert_eq!(
            (again.status, again.message.as_str()),
            (409, "nonce already used")
        );
    }
    // Whatever the client says of it, an unsigned request is nobody's.
    let forged = Request::get(BOX)
        .header("x-platform-verified-uid", "7")
        .body(Default::default());
    let said = app
        .respond(PROXY, forged.unwrap())
        .await
        .into_body()
        .collect()
        .await;
    assert_eq!(said.unwrap().to_bytes(), "/x - - - 0");
}

#[tokio::test]
async fn a_nonce_is_not_used_up_by_what_does_not_reach_the_challenge() {
    let (app, nonce) = (app(), nonce());
    for _ in 0..3 {
        let request = signed(&miner(), &nonce, "POST", "/challenges/tsp/submissions", "tour");
        assert_eq!(send(&app, request).await.status, 502);
    }
}

#[tokio::test]
async fn one_nonce_may_serve_different_challenges_and_keys() {
    let app = with_box(Scene::default()).await;
    let nonce = nonce();
    for key in [miner(), Keypair::from_seed([7; 32])] {
        assert_eq!(
            app.respond(PROXY, signed(&key, &nonce, "GET", BOX, ""))
                .await
                .status(),
            200
        );
        assert_eq!(
            app.respond(PROXY, signed(&key, &nonce, "GET", BOX, ""))
                .await
                .status(),
            409
        );
    }
    let elsewhere = signed(&miner(), &nonce, "GET", "/challenges/open/x", "");
    assert_eq!(send(&app, elsewhere).await.status, 502);
}

#[tokio::test]
async fn the_second_version_covers_the_query() {
    let app = app();
    for (scheme, status) in [(Scheme::FIRST, 502), (Scheme::Second, 401)] {
        let mut request = signed_by(
            (&miner(), scheme),
            &nonce(),
            "GET",
            "/challenges/open/x?page=1",
            "",
        );
        *request.uri_mut() = "/challenges/open/x?page=2".parse().unwrap();
        assert_eq!(send(&app, request).await.status, status, "{scheme:?}");
    }
}

#[tokio::test]
async fn an_operator_may_want_the_second_version_or_another_prefix() {
    let second = Callers {
        first_prefix: None,
        ..callers()
    };
    let renamed = Callers {
        first_prefix: Some("base-upload-v1".into()),
        ..callers()
    };
    let base = Scheme::First {
        prefix: "base-upload-v1",
    };
    for (callers, scheme, message) in [
        (&second, Scheme::FIRST, "signature version 2 is required"),
        (&second, Scheme::Second, "Challenge unavailable"),
        (&renamed, Scheme::FIRST, "invalid signature"),
        (&renamed, base, "Challenge unavailable"),
        (&renamed, Scheme::Second, "Challenge unavailable"),
    ] {
        let app = Scene {
            callers: callers.clone(),
            ..Scene::default()
        }
        .app();
        let request = signed_by((&miner(), scheme), &nonce(), "GET", "/challenges/open/x", "");
        assert_eq!(
            send(&app, request).await.message,
            message,
            "{callers:?} {scheme:?}"
        );
    }
}

#[tokio::test]
async fn who_may_call_is_decided_by_the_subnet() {
    let stranger = || Keypair::from_seed([7; 32]);
    for (require_registered, subnet, key, message) in [
        (true, true, miner(), "Challenge unavailable"),
        (true, true, stranger(), "unknown hotkey"),
        (true, true, owner(), "blocked uid"),
        (true, false, miner(), "metagraph unavailable"),
        (false, true, stranger(), "Challenge unavailable"),
        (false, true, owner(), "blocked uid"),
        (false, false, miner(), "Challenge unavailable"),
    ] {
        let callers = Callers {
            require_registered,
            ..callers()
        };
        let app = Scene {
            callers,
            subnet,
            ..Scene::default()
        }
        .app();
        let seen = send(&app, signed(&key, &nonce(), "GET", "/challenges/open/x", "")).await;
        let status = if message == "Challenge unavailable" {
            502
        } else {
            401
        };
        assert_eq!(
            (seen.status, seen.message.as_str()),
            (status, message),
            "{require_registered} {subnet}"
        );
    }
}

#[tokio::test]
async fn a_hotkey_that_signs_too_often_is_told_to_wait_and_others_are_not() {
    let hotkey_rate = Rate {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(3).unwrap(),
    };
    let app = Scene {
        limits: Limits {
            hotkey_rate,
            ..Limits::default()
        },
        ..Scene::default()
    }
    .app();
    let ask = async |key: &Keypair| send(&app, signed(key, &nonce(), "GET", "/challenges/open/x", "")).await;
    for _ in 0..3 {
        assert_eq!(ask(&miner()).await.status, 502);
    }
    let refused = ask(&miner()).await;
    assert_eq!(
        (refused.status, refused.message.as_str()),
        (429, "too many requests by this hotkey")
    );
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(ask(&Keypair::from_seed([7; 32])).await.status, 502);
    // What only claims to be its request costs it nothing.
    let forged = signed(
        &Keypair::from_seed([8; 32]),
        &nonce(),
        "GET",
        "/challenges/open/x",
        "",
    )
    .map(|_| "x".into());
    assert_eq!(send(&app, forged).await.status, 401);
}

#[tokio::test]
async fn of_one_hotkey_or_address_so_many_are_answered_at_once_and_no_more() {
    let (gate, begun) = (Arc::new(Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
    let (held, arrived) = (gate.clone(), begun.clone());
    let router = Router::new().fallback(any(async move || {
        let waiting = held.notified();
        arrived.add_permits(1);
        waiting.await;
        StatusCode::OK
    }));
    let app = Scene {
        limits: Limits {
            hotkey_at_once: 2,
            address_at_once: 2,
            ..Limits::default()
        },
        container: Some(container(router).await),
        ..Scene::default()
    }
    .app();
    let plain = || Request::get(BOX).body(Default::default()).unwrap();
    let address = "192.0.2.1".parse().unwrap();
    for (peer, by_hotkey) in [(PROXY, true), (address, false)] {
        let request = || match by_hotkey {
            true => signed(&miner(), &nonce(), "GET", BOX, ""),
            false => plain(),
        };
        let mut running = JoinSet::new();
        for _ in 0..2 {
            let (app, request) = (app.clone(), request());
            running.spawn(async move { app.respond(peer, request).await.status() });
        }
        begun.acquire_many(2).await.unwrap().forget();
        let refused = app.respond(peer, request()).await;
        assert_eq!(
            (refused.status(), refused.headers()["retry-after"].as_bytes()),
            (StatusCode::TOO_MANY_REQUESTS, &b"1"[..])
        );
        gate.notify_waiters();
        assert_eq!(running.join_all().await, [StatusCode::OK; 2]);
        // The places are given back.
        let (app, request) = (app.clone(), request());
        running = JoinSet::new();
        running.spawn(async move { app.respond(peer, request).await.status() });
        begun.acquire().await.unwrap().forget();
        gate.notify_waiters();
        assert_eq!(running.join_all().await, [StatusCode::OK]);
    }
}

#[tokio::test]
async fn a_challenge_that_is_asked_too_often_says_so_to_everybody() {
    let app = Scene {
        serving: serde_json::from_str(r#"{"requests_per_second":2}"#).unwrap(),
        ..Scene::default()
    }
    .app();
    for _ in 0..2 {
        assert_eq!(send_plain(&app, "GET", "/challenges/open/x").await.status, 502);
    }
    let refused = send_plain(&app, "GET", "/challenges/open/x").await;
    assert_eq!(
        (refused.status, refused.message.as_str()),
        (429, "too many requests to this challenge")
    );
    assert_eq!(
        send_plain(&app, "GET", "/challenges/tsp/tours/1").await.status,
        502,
        "no other is meant"
    );
}

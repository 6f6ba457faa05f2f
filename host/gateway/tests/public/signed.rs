//! Signed requests: what counts as proof, and that it counts once.

use axum::body::Body;
use platform_keys::Keypair;

use crate::fixture::{app, miner, nonce, now, send, signed};

const URI: &str = "/challenges/tsp/submissions";

#[tokio::test]
async fn a_key_that_the_subnet_does_not_know_may_sign() {
    let stranger = Keypair::generate().unwrap();
    assert_eq!(
        send(&app(), signed(&stranger, &nonce(), "POST", URI, ""))
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn whatever_is_changed_after_signing_breaks_the_signature() {
    let app = app();
    let sign = || signed(&miner(), &nonce(), "POST", URI, "tour");
    let other_body = sign().map(|_| Body::from("rout"));
    let mut other_key = sign();
    let stranger = Keypair::generate().unwrap().hotkey().to_string();
    other_key
        .headers_mut()
        .insert("x-hotkey", stranger.parse().unwrap());
    let mut other_nonce = sign();
    other_nonce
        .headers_mut()
        .insert("x-nonce", "other-nonce".parse().unwrap());
    let mut other_time = sign();
    other_time
        .headers_mut()
        .insert("x-timestamp", (now().0 + 5).into());
    let mut other_slug = sign();
    *other_slug.uri_mut() = "/challenges/open/submissions".parse().unwrap();
    let mut other_spelling = sign();
    *other_spelling.uri_mut() = "/challenges/tsp/submission%73".parse().unwrap();
    let mut other_method = signed(&miner(), &nonce(), "GET", "/challenges/open/x", "");
    *other_method.method_mut() = http::Method::PUT;
    for request in [
        other_body,
        other_key,
        other_nonce,
        other_time,
        other_slug,
        other_spelling,
        other_method,
    ] {
        let shown = format!("{request:?}");
        let seen = send(&app, request).await;
        assert_eq!(
            (seen.status, seen.message.as_str()),
            (401, "invalid signature"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_nonce_is_used_up_by_a_valid_signature_only() {
    let (app, nonce) = (app(), nonce());
    let forged = signed(&miner(), &nonce, "POST", URI, "tour").map(|_| Body::from("rout"));
    assert_eq!(send(&app, forged).await.status, 401);
    assert_eq!(
        send(&app, signed(&miner(), &nonce, "POST", URI, "tour"))
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn half_a_proof_is_refused_where_none_is_needed() {
    let app = app();
    for name in ["x-hotkey", "x-signature", "x-nonce", "x-timestamp"] {
        let mut request = signed(&miner(), &nonce(), "GET", "/challenges/open/x", "");
        request.headers_mut().remove(name);
        assert_eq!(send(&app, request).await.message, format!("missing {name}"));
        let mut request = signed(&miner(), &nonce(), "GET", "/challenges/open/x", "");
        let value = request.headers()[name].clone();
        request.headers_mut().append(name, value);
        assert_eq!(send(&app, request).await.message, format!("repeated {name}"));
    }
}

#[tokio::test]
async fn the_query_is_not_part_of_what_is_signed() {
    let app = app();
    let mut request = signed(&miner(), &nonce(), "GET", "/challenges/open/x", "");
    *request.uri_mut() = "/challenges/open/x?page=2".parse().unwrap();
    assert_eq!(send(&app, request).await.status, 502);
}

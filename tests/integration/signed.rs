//! Requests that a miner signed.

use std::time::{SystemTime, UNIX_EPOCH};

use platform_domain::{Digest, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};
use platform_tests::{HostBuilder, TestHost, client};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::epochs::{NETUID, devnet};

async fn host() -> TestHost {
    let mut builder = HostBuilder::default();
    builder.config.chain.netuid = NETUID;
    let host = builder.start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    host.run_guest(
        "tsp",
        "tsp",
        "10",
        &[("SEED", "test"), ("CITIES", "5"), ("ROUND_SECONDS", "4000000000")],
    )
    .await;
    host
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A signed request to `/x` of the echo, as `change` bends it before it is sent.
pub(crate) fn sign(
    host: &TestHost,
    key: &Keypair,
    slug: &str,
    path: &str,
    timestamp: u64,
    body: Value,
) -> RequestBuilder {
    let (slug, nonce, body) = (
        slug.parse().unwrap(),
        Nonce::generate().unwrap(),
        body.to_string(),
    );
    let path = format!("/challenges/{slug}{path}");
    let signed = SignedRequest {
        scheme: Scheme::FIRST,
        netuid: NETUID,
        slug: &slug,
        method: "POST",
        target: &path,
        hotkey: key.hotkey(),
        nonce: &nonce,
        timestamp: UnixSeconds(timestamp),
        body: Digest::of(body.as_bytes()),
    };
    let mut request = client().post(format!("{}{path}", host.public));
    for (name, value) in signed.headers(key) {
        request = request.header(name, value);
    }
    request.header("content-type", "application/json").body(body)
}

pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.text().await.unwrap().parse().unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn a_verified_caller_reaches_the_challenge_and_a_replay_does_not() {
    let (host, key) = (host().await, Keypair::generate().unwrap());
    let request = sign(&host, &key, "echo", "/x", now(), json!({}));
    let again = request.try_clone().unwrap();
    let (status, seen) = answer(request).await;
    assert_eq!(status, 200, "{seen}");
    assert_eq!(seen["caller"], json!({ "hotkey": key.hotkey(), "uid": null }));
    let identity = seen["headers"]
        .as_array()
        .unwrap()
        .iter()
        .any(|pair| pair[0] == "x-signature" || pair[0] == "x-hotkey");
    assert!(!identity, "{seen}");
    let (status, refusal) = answer(again).await;
    assert_eq!(
        (status, &refusal["error"]["message"]),
        (409, &json!("nonce already used"))
    );
}

#[tokio::test]
async fn a_caller_that_the_subnet_knows_comes_with_its_uid() {
    let (validator, miner) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let devnet = devnet(&validator, &[miner.hotkey()]).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.callers.require_registered = Some(false);
    builder.config.callers.blocked_uids.clear();
    let host = builder.start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    // The host has read the subnet then.
    host.admin.weights_preview().await.unwrap();
    for (key, uid) in [
        (validator, json!(0)),
        (miner, json!(1)),
        (Keypair::generate().unwrap(), Value::Null),
    ] {
        let (status, seen) = answer(sign(&host, &key, "echo", "/x", now(), json!({}))).await;
        assert_eq!(status, 200, "{seen}");
        assert_eq!(seen["caller"], json!({ "hotkey": key.hotkey(), "uid": uid }));
    }
}

#[tokio::test]
async fn a_signature_that_does_not_fit_is_refused_with_the_reason() {
    let (host, key) = (host().await, Keypair::generate().unwrap());
    let stranger = Keypair::generate().unwrap().hotkey().to_string();
    let fresh = || sign(&host, &key, "echo", "/x", now(), json!({}));
    let without = |name: &str| {
        let mut request = fresh().build().unwrap();
        request.headers_mut().remove(name);
        RequestBuilder::from_parts(client(), request)
    };
    let with = |name: &'static str, value: &str| {
        let mut request = fresh().build().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        RequestBuilder::from_parts(client(), request)
    };
    let cases = [
        (without("x-hotkey"), "missing x-hotkey"),
        (without("x-signature"), "missing x-signature"),
        (without("x-nonce"), "missing x-nonce"),
        (without("x-timestamp"), "missing x-timestamp"),
        (with("x-timestamp", "soon"), "invalid timestamp"),
        (with("x-hotkey", &stranger), "invalid signature"),
        (with("x-nonce", "another-nonce"), "invalid signature"),
        (
            sign(&host, &key, "echo", "/x", now() - 301, json!({})),
            "stale signature",
        ),
        (
            sign(&host, &key, "echo", "/x", now() + 305, json!({})),
            "stale signature",
        ),
        (fresh().body("another body"), "invalid signature"),
    ];
    for (request, reason) in cases {
        let (status, refusal) = answer(request).await;
        assert_eq!((status, &refusal["error"]["message"]), (401, &json!(reason)));
    }
}

#[tokio::test]
async fn a_tour_is_taken_from_who_signed_it_and_shown_on_the_leaderboard() {
    let (host, key) = (host().await, Keypair::generate().unwrap());
    let client = client();
    let text = client
        .get(host.url("tsp", "/instance"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let instance: Value = text.parse().unwrap();
    let tour = json!({ "round": instance["round"], "tour": [0, 1, 2, 3, 4] });
    let unsigned = client
        .post(host.url("tsp", "/submissions"))
        .body(tour.to_string());
    assert_eq!(answer(unsigned).await.0, 401);
    let (status, accepted) = answer(sign(&host, &key, "tsp", "/submissions", now(), tour)).await;
    assert_eq!((status, &accepted["rank"]), (201, &json!(1)), "{accepted}");
    let wrong = json!({ "round": instance["round"], "tour": [0, 1, 2, 3, 3] });
    assert_eq!(
        answer(sign(&host, &key, "tsp", "/submissions", now(), wrong))
            .await
            .0,
        422
    );
    let (_, board) = answer(client.get(host.url("tsp", "/leaderboard"))).await;
    assert_eq!(board["entries"][0]["hotkey"], json!(key.hotkey()));
    assert_eq!(answer(client.get(host.url("tsp", "/undeclared"))).await.0, 404);
    assert_eq!(answer(client.delete(host.url("tsp", "/instance"))).await.0, 405);
}

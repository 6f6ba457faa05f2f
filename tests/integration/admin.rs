//! The registry through the admin API: a challenge's life, and everything that is refused.

use platform_admin_types::{ClientError, Observed};
use platform_domain::{Slug, Status};
use platform_tests::{TestHost, client, guest, new_challenge};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

async fn call(host: &TestHost, method: Method, path: &str, body: impl Into<String>) -> (StatusCode, Value) {
    let response = client()
        .request(method, format!("{}{path}", host.admin_url))
        .bearer_auth(host.token())
        .header("content-type", "application/json")
        .body(body.into())
        .send()
        .await
        .unwrap();
    (
        response.status(),
        response.text().await.unwrap().parse().unwrap_or(Value::Null),
    )
}

fn refusal(result: Result<impl std::fmt::Debug, ClientError>) -> (u16, String) {
    match result {
        Err(ClientError::Refused { status, message, .. }) => (status.as_u16(), message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_challenge_lives_from_draft_to_deletion() {
    let mut host = TestHost::start().await;
    let mut new = new_challenge("echo", "echo", "12.5", &[("A", "b")]);
    new.status = None;
    let created = host.admin.challenge_create(&new).await.unwrap();
    let token = created.challenge_token.reveal().to_owned();
    assert_eq!(
        (created.challenge.status, created.challenge.name.as_str()),
        (Status::Draft, "echo")
    );
    let echo = slug("echo");
    host.admin.challenge_activate(&echo).await.unwrap();
    host.running("echo").await;
    assert_eq!(
        client().get(host.url("echo", "/")).send().await.unwrap().status(),
        200
    );
    host.admin.challenge_deactivate(&echo).await.unwrap();
    host.admin.challenge_disable(&echo).await.unwrap();
    let (status, message) = refusal(host.admin.challenge_activate(&echo).await);
    assert_eq!(status, 409, "{message}");
    assert!(
        message.contains("disabled") && message.contains("active"),
        "{message}"
    );
    host.admin.challenge_deactivate(&echo).await.unwrap();
    host.restart().await;
    let view = host.admin.challenge_get(&echo).await.unwrap();
    assert_eq!(
        (view.status, view.emission_percent.to_string()),
        (Status::Inactive, "12.5".to_owned())
    );
    let listed = serde_json::to_string(&host.admin.challenge_list().await.unwrap()).unwrap();
    assert!(!listed.contains(&token), "the token is shown once");
    host.admin.challenge_delete(&echo).await.unwrap();
    assert_eq!(refusal(host.admin.challenge_get(&echo).await).0, 404);
    assert!(host.state().join("host.sqlite3").exists());
}

#[tokio::test]
async fn an_active_challenge_runs_again_after_a_restart_without_its_source() {
    let mut host = TestHost::start().await;
    let copy = host.scratch().join("echo.wasm");
    std::fs::copy(guest("echo"), &copy).unwrap();
    let mut new = new_challenge("echo", "echo", "0", &[]);
    new.component = Some(format!("file:{}", copy.display()).parse().unwrap());
    host.admin.challenge_create(&new).await.unwrap();
    host.running("echo").await;
    std::fs::remove_file(copy).unwrap();
    host.restart().await;
    host.running("echo").await;
    assert_eq!(
        client().get(host.url("echo", "/")).send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn a_refused_field_is_named_with_the_reason() {
    let host = TestHost::start().await;
    let component = format!("file:{}", guest("echo").display());
    for (change, field) in [
        (json!({ "slug": "A" }), "slug"),
        (json!({ "slug": null }), "slug"),
        (json!({ "emission_percent": "101" }), "emission_percent"),
        (json!({ "emission_percent": "much" }), "emission_percent"),
        (json!({ "emission_percent": null }), "emission_percent"),
        (json!({ "on_failure": "never" }), "on_failure"),
        (json!({ "status": "live" }), "status"),
        (json!({ "component": "echo" }), "component"),
        (
            json!({ "required_capabilities": ["fly"] }),
            "required_capabilities",
        ),
        (json!({ "resources": { "bandwidth": "1g" } }), "resources"),
        (json!({ "resources": { "memory": "1TiB" } }), "resources"),
        (json!({ "resources": { "gpu_count": "1" } }), "resources"),
        (json!({ "volumes": { "sqlite": "/data" } }), "volumes"),
        (json!({ "secrets": ["TOKEN"] }), "secrets"),
        (json!({ "env": { "A=B": "c" } }), "env"),
        (json!({ "env": { "A": 1 } }), "env"),
        (json!({ "colour": "red" }), "colour"),
        (json!({ "image": "registry.example/gpu:1" }), "image"),
    ] {
        let mut body = json!({ "slug": "echo", "component": component });
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let (status, answer) = call(&host, Method::POST, "/v1/admin/challenges", body.to_string()).await;
        assert_eq!(status, 422, "{change}: {answer}");
        let error = &answer["error"];
        let named = format!("{} {}", error["field"], error["message"]);
        assert!(
            named.contains(field) && error["message"].as_str().is_some_and(|text| text.len() > 5),
            "{change}: {answer}"
        );
    }
    assert!(
        host.admin.challenge_list().await.unwrap().challenges.is_empty(),
        "nothing is half-registered"
    );
}

#[tokio::test]
async fn what_is_not_a_challenge_is_refused_in_a_sentence_with_a_hint() {
    let host = TestHost::start().await;
    let garbage = host.scratch().join("garbage.wasm");
    let with = |content: &[u8]| {
        std::fs::write(&garbage, content).unwrap();
        json!({ "slug": "bad", "component": format!("file:{}", garbage.display()) }).to_string()
    };
    let no_exports = std::fs::read(guest("no-exports")).unwrap();
    let half = std::fs::read(guest("echo")).unwrap();
    for content in [
        &b""[..],
        b"#!/bin/sh",
        b"\0asm\x01\0\0\0",
        &no_exports,
        &half[..half.len() / 2],
    ] {
        let (status, answer) = call(&host, Method::POST, "/v1/admin/challenges", with(content)).await;
        assert_eq!(status, 422, "{answer}");
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|text| text.len() < 400),
            "{answer}"
        );
    }
    let missing = json!({ "slug": "bad", "component": "file:/nowhere/at-all.wasm" }).to_string();
    let (status, answer) = call(&host, Method::POST, "/v1/admin/challenges", missing).await;
    assert_eq!(status, 422, "{answer}");
    let weights = json!({ "slug": "bad", "component": format!("file:{}", guest("routes-only").display()), "emission_percent": "5" });
    let (status, answer) = call(&host, Method::POST, "/v1/admin/challenges", weights.to_string()).await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["field"]),
        (422, &json!("emission_percent")),
        "{answer}"
    );
    assert!(host.admin.challenge_list().await.unwrap().challenges.is_empty());
}

#[tokio::test]
async fn wrong_requests_get_the_status_that_says_so() {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let again = refusal(
        host.admin
            .challenge_create(&new_challenge("echo", "echo", "0", &[]))
            .await,
    );
    assert_eq!(again.0, 409, "{}", again.1);
    let challenges = "/v1/admin/challenges";
    for (method, path, body, expected) in [
        (Method::GET, "/v1/admin/challenges/nobody", "", 404),
        (Method::GET, "/v1/admin/challenges/NOT-A-SLUG", "", 404),
        (Method::POST, "/v1/admin/challenges/nobody/activate", "", 404),
        (Method::POST, challenges, "{", 400),
        (Method::POST, challenges, "[]", 422),
        (Method::PATCH, "/v1/admin/challenges/echo", "{\"name\":null}", 422),
        (
            Method::PATCH,
            "/v1/admin/challenges/echo",
            "{\"slug\":\"other\"}",
            422,
        ),
        (Method::PATCH, "/v1/admin/challenges/echo", "{}", 200),
        (Method::DELETE, "/v1/admin/challenges/echo", "", 409),
        (Method::PUT, challenges, "", 405),
        (Method::GET, "/v1/admin/nothing", "", 404),
        (Method::GET, "/v1/admin/weights/epochs/1", "", 409),
        (Method::GET, "/v1/admin/weights/epochs/soon", "", 404),
        (Method::POST, "/v1/admin/weights/submit", "null", 409),
    ] {
        let (status, answer) = call(&host, method.clone(), path, body).await;
        assert_eq!(status.as_u16(), expected, "{method} {path} {body}: {answer}");
        assert!(
            expected == 200 || expected == 405 || answer["error"]["message"].is_string(),
            "{method} {path}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_the_running_challenge_with_it() {
    let host = TestHost::start().await;
    let hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    host.run_guest("echo", "echo", "10", &[]).await;
    let patch = json!({ "emission_percent": 20.5, "description": "hello", "env": { "WEIGHTS": format!("{{\"{hotkey}\":1}}") } });
    let (status, view) = call(
        &host,
        Method::PATCH,
        "/v1/admin/challenges/echo",
        patch.to_string(),
    )
    .await;
    assert_eq!(
        (status.as_u16(), &view["emission_percent"], &view["description"]),
        (200, &json!("20.5"), &json!("hello"))
    );
    host.running("echo").await;
    let view = host.admin.challenge_get(&slug("echo")).await.unwrap();
    assert!(matches!(view.observed, Observed::Running { .. }) && view.env.len() == 1);
}

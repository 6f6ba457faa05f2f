//! GPU servers over HTTP, in process.

use axum::http::header;
use serde_json::{Value, json};

use crate::challenges::tests::{Host, refusal};

const SERVERS: &str = "/v1/admin/gpu-servers";

fn socket(id: &str) -> Value {
    json!({ "id": id, "endpoint": "unix:///nonexistent/docker.sock", "gpus": "a100:2" })
}

fn tls() -> (Value, String) {
    let made = rcgen::generate_simple_self_signed(["host".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let tls = json!({ "authority": made.cert.pem(), "certificate": made.cert.pem(), "key": key });
    (tls, key)
}

fn secured(id: &str, tls: &Value) -> Value {
    json!({ "id": id, "endpoint": "tcp://127.0.0.1:1", "gpus": "a100", "tls": tls })
}

#[tokio::test]
async fn a_server_is_created_shown_changed_asked_and_removed() {
    let host = Host::start().await;
    let created = host.call("POST", SERVERS, Some(socket("gpu-1"))).await;
    assert_eq!(created.status(), 201, "{}", created.body);
    assert_eq!(created.headers[header::LOCATION], "/v1/admin/gpu-servers/gpu-1");
    for (field, expected) in [
        ("id", json!("gpu-1")),
        ("gpus", json!("a100:2")),
        ("lease", json!("exclusive")),
        ("labels", json!({})),
        ("enabled", json!(true)),
        ("places", json!({ "free": 2, "total": 2 })),
        ("leases", json!([])),
        ("certificates", Value::Null),
    ] {
        assert_eq!(created.body[field], expected, "{field}");
    }
    let path = format!("{SERVERS}/gpu-1");
    let patch = json!({ "lease": "shared(4)", "labels": { "zone": "eu" }, "description": "x" });
    let patched = host.call("PATCH", &path, Some(patch)).await;
    assert_eq!(patched.status(), 200, "{}", patched.body);
    assert_eq!(patched.body["places"], json!({ "free": 8, "total": 8 }));
    let cleared = host
        .call("PATCH", &path, Some(json!({ "description": null })))
        .await;
    assert_eq!(cleared.body["description"], Value::Null);
    let disabled = host.call("POST", &format!("{path}/disable"), None).await;
    assert_eq!(disabled.body["enabled"], false);
    let enabled = host.call("POST", &format!("{path}/enable"), None).await;
    assert_eq!(enabled.body["enabled"], true);

    let health = host.call("POST", &format!("{path}/health"), None).await;
    assert_eq!(health.status(), 200, "{}", health.body);
    let engine = &health.body["engine"];
    assert_eq!(engine["state"], "absent");
    assert!(engine["reason"].as_str().unwrap().contains("no such socket"));
    assert!(engine["hint"].as_str().unwrap().contains("Docker"));
    assert!(health.body["server"]["lost_at"].is_u64());

    let listed = host.call("GET", SERVERS, None).await.body;
    assert_eq!(listed["servers"][0]["id"], "gpu-1");
    let removed = host.call("DELETE", &path, None).await;
    assert_eq!((removed.status(), removed.body), (204, Value::Null));
    let gone = host.call("GET", &path, None).await;
    assert_eq!(refusal(&gone), (404, "not_found", ""));
}

#[tokio::test]
async fn every_refusal_about_servers_has_its_status_its_code_and_its_field() {
    let host = Host::start().await;
    let (certificates, _) = tls();
    host.call("POST", SERVERS, Some(socket("taken"))).await;
    let with = |field: &str, value: Value| {
        let mut body = socket("gpu-1");
        body[field] = value;
        body
    };
    let spoiled = |field: &str, value: Value| {
        let mut tls = certificates.clone();
        tls[field] = value;
        secured("gpu-1", &tls)
    };
    for (body, expected) in [
        (socket("taken"), (409, "already_exists", "")),
        (with("id", json!("a b")), (422, "invalid_field", "id")),
        (with("gpus", json!("a100:65")), (422, "invalid_field", "gpus")),
        (
            with("endpoint", json!("http://gpu-1:2375")),
            (422, "invalid_field", "endpoint"),
        ),
        (
            with("endpoint", json!("tcp://gpu-1:2376")),
            (422, "invalid_field", "tls"),
        ),
        (with("tls", certificates.clone()), (422, "invalid_field", "tls")),
        (
            with("lease", json!("shared(17)")),
            (422, "invalid_field", "lease"),
        ),
        (
            with("labels", json!({ "": "x" })),
            (422, "invalid_field", "labels"),
        ),
        (
            with("description", json!("x".repeat(2001))),
            (422, "invalid_field", "description"),
        ),
        (with("colour", json!("red")), (422, "invalid_field", "colour")),
        (
            spoiled("authority", json!("x")),
            (422, "invalid_field", "tls.authority"),
        ),
        (spoiled("key", json!(7)), (422, "invalid_field", "tls.key")),
    ] {
        let answer = host.call("POST", SERVERS, Some(body.clone())).await;
        assert_eq!(refusal(&answer), expected, "{body}: {}", answer.body);
    }
    for (method, path, body, expected) in [
        ("GET", "nothing", None, (404, "not_found", "")),
        ("GET", "Not%20An%20Id", None, (404, "not_found", "")),
        ("PATCH", "nothing", Some(json!({})), (404, "not_found", "")),
        ("POST", "nothing/health", None, (404, "not_found", "")),
        ("POST", "nothing/enable", None, (404, "not_found", "")),
        ("DELETE", "nothing", None, (404, "not_found", "")),
        (
            "PATCH",
            "taken",
            Some(json!({ "id": "other" })),
            (422, "invalid_field", "id"),
        ),
        (
            "PATCH",
            "taken",
            Some(json!({ "gpus": null })),
            (422, "invalid_field", "gpus"),
        ),
        (
            "PATCH",
            "taken",
            Some(json!({ "tls": certificates })),
            (422, "invalid_field", "tls"),
        ),
    ] {
        let answer = host.call(method, &format!("{SERVERS}/{path}"), body).await;
        assert_eq!(refusal(&answer), expected, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn certificates_never_come_back() {
    let host = Host::start().await;
    let (certificates, key) = tls();
    let secret = key.lines().nth(1).unwrap();
    let public = certificates["certificate"].as_str().unwrap();
    let public = public.lines().nth(1).unwrap();
    let path = format!("{SERVERS}/gpu-1");
    let mut answers = vec![
        host.call("POST", SERVERS, Some(secured("gpu-1", &certificates)))
            .await,
    ];
    answers.push(host.call("GET", &path, None).await);
    answers.push(host.call("GET", SERVERS, None).await);
    answers.push(host.call("POST", &format!("{path}/health"), None).await);
    let other = json!({ "tls": tls().0 });
    answers.push(host.call("PATCH", &path, Some(other)).await);
    for answer in &answers {
        let text = answer.body.to_string();
        assert!(
            answer.status() < 300 && text.contains("\"readable\":true"),
            "{text}"
        );
        assert!(!text.contains(secret) && !text.contains(public), "{text}");
        assert!(!text.contains("BEGIN"), "{text}");
    }
}

//! Which challenges there are, as anybody may know.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::fixture::{App, PROXY, Scene, app, young_app};

async fn get(app: &App, path: &str) -> (u16, Value, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (parts, body) = app.respond(PROXY, request).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let etag = parts
        .headers
        .get("etag")
        .map(|it| it.to_str().unwrap().to_owned());
    (
        parts.status.as_u16(),
        serde_json::from_slice(&bytes).unwrap(),
        etag.unwrap_or_default(),
    )
}

#[tokio::test]
async fn both_lists_name_the_active_challenges_and_nothing_of_where_they_are() {
    let app = Scene {
        container: Some("192.0.2.77:8123".parse().unwrap()),
        ..Scene::default()
    }
    .app();
    let (status, list, _) = get(&app, "/challenges").await;
    let each = list["challenges"].as_array().unwrap().iter();
    let slugs: Vec<_> = each
        .map(|it| (it["slug"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect();
    let expected = [
        ("box", "running"),
        ("open", "unavailable"),
        ("silent", "unavailable"),
        ("tsp", "unavailable"),
        ("young", "starting"),
    ];
    assert_eq!((status, slugs.as_slice()), (200, &expected[..]));
    assert_eq!(list["challenges"][3]["path"], "/challenges/tsp");
    assert_eq!(
        list["challenges"][3]["routes"][3],
        json!({"method": "PUT", "pattern": "/notes", "signed": false, "max_body": 10})
    );
    let (status, registry, _) = get(&app, "/v1/registry").await;
    assert_eq!(
        (
            status,
            &registry["network"],
            &registry["api_version"],
            &registry["master_uid"]
        ),
        (200, &json!("platform"), &json!("1.0"), &json!(0))
    );
    assert_eq!(registry["challenges"].as_array().unwrap().len(), 5);
    assert_eq!(
        registry["challenges"][0]["public_proxy_base_path"],
        "/challenges/box"
    );
    assert_eq!(registry["challenges"][0]["emission_percent"], "10");
    for text in [list.to_string(), registry.to_string()] {
        for secret in [
            "192.0.2.77",
            "8123",
            "token-of-box",
            "the registry is not reachable",
        ] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn who_has_a_list_already_is_told_so() {
    let app = app();
    for path in ["/challenges", "/v1/registry"] {
        let (_, _, etag) = get(&app, path).await;
        let request = Request::get(path)
            .header("if-none-match", &etag)
            .body(Body::empty())
            .unwrap();
        let answer = app.respond(PROXY, request).await;
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["etag"].to_str().unwrap()
            ),
            (304, etag.as_str())
        );
    }
}

#[tokio::test]
async fn before_the_registry_is_read_nobody_is_told_that_there_are_none() {
    for path in ["/challenges", "/v1/registry"] {
        assert_eq!(get(&young_app(), path).await.0, 503);
    }
}

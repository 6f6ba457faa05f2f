//! What browsers ask, and what they are told.

use std::sync::Arc;

use axum::{Router, body::Body, routing::any};
use http::{HeaderMap, Request};

use crate::fixture::{App, PROXY, Scene, container};

const HERE: &str = "https://leaderboard.example";

async fn app(serving: &str) -> Arc<App> {
    let says = [
        ("access-control-allow-origin", "https://the-challenge.example"),
        ("access-control-allow-credentials", "true"),
        ("vary", "accept"),
        ("etag", "\"a\""),
    ];
    let router = Router::new().fallback(any(async move || (says, "answer")));
    Scene {
        container: Some(container(router).await),
        serving: serde_json::from_str(serving).unwrap(),
        ..Scene::default()
    }
    .app()
}

async fn ask(app: &App, method: &str, uri: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
    let request = Request::builder().method(method).uri(uri);
    let request = headers
        .iter()
        .fold(request, |it, (name, value)| it.header(*name, *value));
    let answer = app.respond(PROXY, request.body(Body::empty()).unwrap()).await;
    (answer.status().as_u16(), answer.headers().clone())
}

fn allowed(headers: &HeaderMap) -> Vec<&str> {
    let all = headers.get_all("access-control-allow-origin").iter();
    all.map(|it| it.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_site_that_the_operator_named_may_read_and_no_other() {
    let named = app(r#"{"cors_origins":["https://leaderboard.example","http://localhost:3000"]}"#).await;
    let all = app(r#"{"cors_origins":["*"]}"#).await;
    let none = app("{}").await;
    let own = "https://the-challenge.example";
    for (app, origin, expected) in [
        (&named, Some(HERE), vec![HERE]),
        (
            &named,
            Some("http://localhost:3000"),
            vec!["http://localhost:3000"],
        ),
        (&named, Some("https://evil.example"), vec![]),
        (&named, Some("https://leaderboard.example.evil"), vec![]),
        (&named, Some("null"), vec![]),
        (&named, None, vec![]),
        (&all, Some("https://evil.example"), vec!["*"]),
        (&all, None, vec![]),
        // Without any it is the challenge's own affair.
        (&none, Some(HERE), vec![own]),
        (&none, None, vec![own]),
    ] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let (status, answer) = ask(app, "GET", "/challenges/box/x", &headers).await;
        assert_eq!((status, allowed(&answer)), (200, expected), "{origin:?}");
        let credentials = answer.contains_key("access-control-allow-credentials");
        assert_eq!(credentials, Arc::ptr_eq(app, &none), "the public side knows none");
        let vary = |name| answer.get_all("vary").iter().any(|it| it == name);
        assert!(vary("accept"));
        assert_eq!(vary("origin"), Arc::ptr_eq(app, &named));
    }
}

#[tokio::test]
async fn a_site_may_also_read_why_it_was_refused() {
    let app = app(r#"{"cors_origins":["https://leaderboard.example"]}"#).await;
    let (status, answer) = ask(&app, "GET", "/challenges/open/x", &[("origin", HERE)]).await;
    assert_eq!((status, allowed(&answer)), (502, vec![HERE]));
    assert!(
        answer["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("retry-after")
    );
}

#[tokio::test]
async fn the_host_answers_a_preflight_where_sites_are_named_and_the_challenge_elsewhere() {
    let app_named = app(r#"{"cors_origins":["https://leaderboard.example"]}"#).await;
    let preflight = [
        ("origin", HERE),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-hotkey, content-type"),
    ];
    let (status, answer) = ask(&app_named, "OPTIONS", "/challenges/box/x", &preflight).await;
    assert_eq!((status, allowed(&answer)), (204, vec![HERE]));
    assert_eq!(answer["access-control-allow-headers"], "x-hotkey, content-type");
    assert!(
        answer["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert_eq!(answer["access-control-max-age"], "600");
    let (status, answer) = ask(&app_named, "OPTIONS", "/challenges/box/internal/x", &preflight).await;
    assert_eq!(
        (status, allowed(&answer)),
        (403, vec![]),
        "a private path is none"
    );
    let mut other = preflight;
    other[0].1 = "https://evil.example";
    let (status, answer) = ask(&app_named, "OPTIONS", "/challenges/box/x", &other).await;
    assert_eq!((status, allowed(&answer)), (204, vec![]));
    assert!(!answer.contains_key("access-control-allow-methods"));
    // A plain OPTIONS, and any where no site is named, is the challenge's.
    let (status, _) = ask(&app_named, "OPTIONS", "/challenges/box/x", &[]).await;
    assert_eq!(status, 200);
    let silent = app("{}").await;
    let (status, answer) = ask(&silent, "OPTIONS", "/challenges/box/x", &preflight).await;
    assert_eq!(
        (status, allowed(&answer)),
        (200, vec!["https://the-challenge.example"])
    );
}

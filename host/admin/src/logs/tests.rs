//! The query, and the answer of a challenge that has said nothing yet. What challenges say is in the integration tests.

use axum::{
    body::Body,
    http::{Request, header},
};
use futures_util::StreamExt as _;
use platform_wasm::{Engine, EngineConfig};
use serde_json::json;
use tower::ServiceExt as _;

use super::*;
use crate::challenges::tests::{Host, TOKEN, compiler, refusal};

fn written(query: &str) -> Result<Asked, ApiError> {
    let uri = format!("/?{query}").parse().unwrap();
    let query = Query::<Written>::try_from_uri(&uri);
    let Query(written) = query.map_err(|_| ApiError::invalid_field("query", ""))?;
    asked(written)
}

#[test]
fn a_query_is_taken_apart_or_refused_by_the_name_of_its_part() {
    let usual = Asked {
        most: DEFAULT_LINES,
        after: None,
        level: LogLevel::Trace,
        follow: false,
    };
    assert_eq!(written("").unwrap(), usual);
    assert_eq!(written("follow=false&limit=100&level=trace").unwrap(), usual);
    let all = written("limit=0&after=18446744073709551615&level=critical").unwrap();
    let expected = Asked {
        most: 0,
        after: Some(u64::MAX),
        level: LogLevel::Critical,
        follow: false,
    };
    assert_eq!(all, expected);
    assert!(written("follow=true&after=7").unwrap().follow);
    for (query, field) in [
        ("limit=", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("after=x", "after"),
        ("after=18446744073709551616", "after"),
        ("level=loud", "level"),
        ("level=WARN", "level"),
        ("follow=1", "follow"),
        ("follow=true&after=1&limit=1", "limit"),
        ("since=1", "query"),
        ("limit=1&limit=2", "query"),
        ("limit=%ff", "limit"),
    ] {
        let error = written(query).unwrap_err();
        let (status, detail) = error.parts();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(detail.field.as_deref(), Some(field), "{query}: {detail:?}");
    }
}

#[tokio::test]
async fn a_challenge_that_has_said_nothing_has_an_empty_log_and_one_that_is_not_there_has_none() {
    let host = Host::start().await;
    let path = "/v1/admin/challenges/echo/logs";
    for follow in [false, true] {
        let query = format!("{path}?follow={follow}");
        assert_eq!(refusal(&host.call("GET", &query, None).await).0, 404);
    }
    host.register("echo").await;
    let empty = host
        .call("GET", &format!("{path}?after=7&level=warn"), None)
        .await;
    assert_eq!(empty.body, json!({ "slug": "echo", "lines": [], "last": 0 }));
    let wrong = host.call("GET", &format!("{path}?level=loud"), None).await;
    assert_eq!(refusal(&wrong), (422, "invalid_field", "level"));
}

#[tokio::test]
async fn so_many_follow_and_no_more_and_all_end_with_the_challenge() {
    let host = Host::start().await;
    host.register("echo").await;
    let follow = async || {
        let request = Request::get("/v1/admin/challenges/echo/logs?follow=true")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Body::empty());
        host.router.clone().oneshot(request.unwrap()).await.unwrap()
    };
    let mut following = Vec::new();
    loop {
        let answer = follow().await;
        if answer.status() != StatusCode::OK {
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            break;
        }
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/x-ndjson");
        following.push(answer.into_body());
    }
    assert_eq!(following.len(), 32);
    following.pop();
    following.push(follow().await.into_body());
    host.call("DELETE", "/v1/admin/challenges/echo", None).await;
    for body in following {
        assert_eq!(axum::body::to_bytes(body, 1).await.unwrap(), "");
    }
}

#[tokio::test]
async fn who_follows_hears_of_the_host_and_is_let_go_when_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::new(EngineConfig::new(dir.path().to_owned(), compiler())).unwrap();
    let slug = "echo".parse().unwrap();
    let follower = engine
        .logs()
        .follow(&slug, LogLevel::Trace, FollowFrom::Newest(9));
    let stop = CancellationToken::new();
    let mut body = following(follower.unwrap(), stop.clone(), Duration::from_millis(1)).into_data_stream();
    for _ in 0..3 {
        assert_eq!(body.next().await.unwrap().unwrap(), "\n");
    }
    stop.cancel();
    assert!(body.next().await.is_none());
}

//! Whoever has no token, and bodies that are not read.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::{
    fixture::{Host, other, own, token},
    http::{Broker, answer, head},
};

#[tokio::test]
async fn who_is_not_who_they_say_they_are_gets_the_texts_of_the_original() {
    let broker = Broker::start(Host::start().await).await;
    let (mine, theirs) = (token(&own()), token(&other()));
    let (mine, theirs) = (mine.reveal(), theirs.reveal());
    let line = |more: &str| format!("POST /v1/docker/run HTTP/1.1{more}");
    let slug = "\r\nx-platform-challenge-slug: own";
    let bearer = format!("\r\nauthorization: Bearer {mine}");
    for (head, status, detail) in [
        (line(&bearer), 400, "missing challenge slug"),
        (
            line("\r\nx-platform-challenge-slug: "),
            400,
            "missing challenge slug",
        ),
        (
            line(&format!("{slug}{slug}{bearer}")),
            400,
            "missing challenge slug",
        ),
        (
            line(&format!("\r\nx-platform-challenge-slug: nobody{bearer}")),
            401,
            "unknown challenge",
        ),
        (
            line(&format!("\r\nx-platform-challenge-slug: ../own{bearer}")),
            401,
            "unknown challenge",
        ),
        (
            line(&format!("\r\nx-platform-challenge-slug: OWN{bearer}")),
            401,
            "unknown challenge",
        ),
        (line(slug), 401, "invalid broker token"),
        (
            line(&format!("{slug}\r\nauthorization: Bearer {theirs}")),
            401,
            "invalid broker token",
        ),
        (
            line(&format!("{slug}\r\nauthorization: Bearer ")),
            401,
            "invalid broker token",
        ),
        (
            line(&format!("{slug}\r\nauthorization: Basic {mine}")),
            401,
            "invalid broker token",
        ),
        (
            line(&format!("{slug}{bearer}{bearer}")),
            401,
            "invalid broker token",
        ),
        (
            line(&format!("{slug}\r\nauthorization: {mine}")),
            401,
            "invalid broker token",
        ),
    ] {
        for path in ["run", "list", "cleanup"] {
            let head = head.replace("/run", &format!("/{path}"));
            let answer = broker.send(&head, b"{}").await;
            assert_eq!(
                (answer.status, &answer.body["detail"]),
                (status, &json!(detail)),
                "{head}"
            );
            assert_eq!(answer.head.contains("www-authenticate: bearer"), status == 401);
        }
    }
}

#[tokio::test]
async fn a_body_is_read_for_nobody_without_a_token_and_only_so_far() {
    let broker = Broker::start(Host::start().await).await;
    // The answer comes though the body never does.
    for (path, slug, with, status) in [
        ("/v1/docker/run", "own", "plt_wrong", 401),
        ("/v1/docker/run", "nobody", "plt_wrong", 401),
    ] {
        let mut stream = broker.connect().await;
        let head = head(path, slug, with);
        let head = format!("{head}\r\nhost: b\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(answer(stream).await.status, status, "{head}");
    }
    let mine = token(&own());
    for (path, length) in [("run", 99_u64 << 20), ("list", 1 << 20), ("cleanup", 1 << 20)] {
        let mut stream = broker.connect().await;
        let head = head(&format!("/v1/docker/{path}"), "own", mine.reveal());
        let head = format!("{head}\r\nhost: b\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let status = answer(stream).await.status;
        assert_eq!(status, 413, "{path} {length}");
    }
    // A second body of one challenge, while the first has not come.
    let mut first = broker.connect().await;
    let begun = head("/v1/docker/run", "own", mine.reveal());
    let begun = format!("{begun}\r\nhost: b\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n{{");
    first.write_all(begun.as_bytes()).await.unwrap();
    let busy = async {
        loop {
            let answer = broker
                .send(&head("/v1/docker/run", "own", mine.reveal()), b"{}")
                .await;
            // Until the first was looked at.
            if answer.status != 422 {
                return answer;
            }
        }
    };
    let busy = tokio::time::timeout(crate::fixture::PATIENCE, busy)
        .await
        .unwrap();
    assert_eq!((busy.status, &busy.body["error"]["code"]), (429, &json!("busy")));
    // Another challenge is not kept waiting by it, and lists are not either.
    let theirs = token(&other());
    let other = broker
        .send(&head("/v1/docker/run", "other", theirs.reveal()), b"{}")
        .await;
    assert_eq!(other.status, 422);
    assert_eq!(broker.post("/v1/docker/list", &json!({})).await.status, 200);
}

#[tokio::test]
async fn what_is_no_route_and_no_json_is_told_as_json() {
    let broker = Broker::start(Host::start().await).await;
    for (head, status) in [
        ("GET /health HTTP/1.1", 200),
        ("GET /v1/docker/run HTTP/1.1", 405),
        ("POST /v1/docker/exec HTTP/1.1", 404),
        ("GET /v1/docker/containers/json HTTP/1.1", 404),
        ("GET / HTTP/1.1", 404),
    ] {
        let answer = broker.send(head, b"").await;
        assert_eq!(answer.status, status, "{head}");
        assert!(answer.body["detail"].is_string() || status == 200, "{head}");
    }
    let mine = token(&own());
    // What is wrong is shown, and not with all of it.
    let long = "x".repeat(200_000);
    for body in [
        format!(r#"{{"job_id":"a","image":"b","command":"{long}"}}"#),
        format!(r#"{{"{long}":1}}"#),
    ] {
        let answer = broker
            .send(&head("/v1/docker/run", "own", mine.reveal()), body.as_bytes())
            .await;
        let told = answer.body["detail"].as_str().unwrap().chars().count();
        assert!(answer.status == 422 && told <= 1000, "{}: {told}", answer.status);
    }
    for body in [
        "",
        "{",
        "[1]",
        "null",
        "\u{0}",
        r#"{"job_id":1}"#,
        &"[".repeat(10_000),
    ] {
        for path in ["/v1/docker/run", "/v1/docker/list", "/v1/docker/cleanup"] {
            let answer = broker
                .send(&head(path, "own", mine.reveal()), body.as_bytes())
                .await;
            assert_eq!(answer.status, 422, "{path} {body:.20}");
        }
    }
}

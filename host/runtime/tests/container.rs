//! What a container is asked for an epoch, and which of its answers count.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use platform_domain::{
    BlockHash, BlockNumber, EpochContext, EpochId, Metagraph, Netuid, PlainToken, RawWeight, UnixSeconds,
    UpstreamAddress,
};
use platform_runtime::{CONTAINER_WEIGHTS_BYTES, CallError, Container, Target};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
    time::Instant,
};

/// A container that gives one answer, and what it was asked.
async fn container(answer: String) -> (Target, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        // The host hangs up on an answer that it does not want to hear.
        drop(stream.write_all(answer.as_bytes()).await);
        drop(stream.read_to_end(&mut Vec::new()).await);
        String::from_utf8(head).unwrap()
    });
    let container = Container::new(
        "tsp".parse().unwrap(),
        address,
        PlainToken::from_text("the-token"),
        None,
    );
    (Target::Container(container), asked)
}

fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn ask(target: &Target, by: Duration) -> Result<Vec<RawWeight>, CallError> {
    let at = (BlockNumber(360), BlockHash([0; 32]));
    let context = EpochContext {
        epoch: EpochId(7),
        metagraph: Arc::new(Metagraph::new(Netuid(2), at, None, vec![])),
        unix_seconds: UnixSeconds(0),
    };
    target.weights(context, Instant::now() + by).await
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn weights_are_asked_for_with_the_token_and_come_as_they_were_given() {
    let body = r#"{"challenge_slug":"tsp","epoch":1760000000,"weights":{"5B":0.5,"5A":1e300,"5B":-1},
                   "metadata":{"x":[1]},"computed_at":"2026-01-01T00:00:00Z"}"#;
    let (target, asked) = container(json(body)).await;
    let weights = ask(&target, LONG).await.unwrap();
    let pairs: Vec<_> = weights.iter().map(RawWeight::to_texts).collect();
    let expected = [("5B", "0.5"), ("5A", "1e300"), ("5B", "-1.0")];
    assert_eq!(
        pairs,
        expected.map(|(hotkey, score)| (hotkey.to_owned(), score.to_owned()))
    );
    drop(target);
    let asked = asked.await.unwrap().to_lowercase();
    assert!(
        asked.starts_with("get /internal/v1/get_weights http/1.1\r\n"),
        "{asked}"
    );
    for line in [
        "authorization: bearer the-token",
        "x-platform-challenge-slug: tsp",
        "accept: application/json",
    ] {
        assert_eq!(
            asked.lines().filter(|it| *it == line).count(),
            1,
            "{line}: {asked}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_failure_that_says_why() {
    let long = format!(
        r#"{{"challenge_slug":"tsp","weights":{{}},"x":"{}"}}"#,
        "y".repeat(CONTAINER_WEIGHTS_BYTES)
    );
    for (answer, why) in [
        (
            json(r#"{"challenge_slug":"other","weights":{}}"#),
            "the weights of other",
        ),
        (json(r#"{"challenge_slug":"tsp"}"#), "weights"),
        (json(r#"{"weights":{}}"#), "challenge_slug"),
        (
            json(r#"{"challenge_slug":"tsp","weights":{"a":"1"}}"#),
            "cannot be read",
        ),
        (
            json(r#"{"challenge_slug":"tsp","weights":{"a":NaN}}"#),
            "cannot be read",
        ),
        (
            json(r#"{"challenge_slug":"tsp","weights":[]}"#),
            "a map from hotkeys",
        ),
        (json("[]"), "cannot be read"),
        (json(""), "cannot be read"),
        (json(&long), "bytes"),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_owned(), "503"),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "302",
        ),
        ("SSH-2.0-x\r\n\r\n".to_owned(), "not HTTP"),
    ] {
        let (target, _asked) = container(answer.clone()).await;
        let error = ask(&target, LONG).await.unwrap_err();
        let CallError::Failed(story) = &error else {
            panic!("{error:?}")
        };
        assert!(story.contains(why), "{why}: {story}");
    }
}

#[tokio::test]
async fn an_epoch_does_not_wait_for_longer_than_it_can() {
    let (target, _asked) = container(String::new()).await;
    let error = ask(&target, Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(error, CallError::Overdue), "{error:?}");
}

#[tokio::test]
async fn a_container_that_is_not_there_is_down() {
    let address = "http://127.0.0.1:1".parse().unwrap();
    let container = Container::new("tsp".parse().unwrap(), address, PlainToken::from_text("t"), None);
    let error = ask(&Target::Container(container), LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Down(_)), "{error:?}");
}

/// Listens for so many requests, answers 401 to all but those with this token, and tells which tokens it was shown.
async fn knows(token: &'static str, requests: usize) -> (UpstreamAddress, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    let shown = tokio::spawn(async move {
        let mut shown = Vec::new();
        while shown.len() < requests {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let line = head
                .lines()
                .find_map(|line| line.strip_prefix("authorization: Bearer "));
            let line = line.unwrap().to_owned();
            let answer = match line == token {
                true => json(r#"{"challenge_slug":"tsp","weights":{}}"#),
                false => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned(),
            };
            let answer = answer.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            stream.write_all(answer.as_bytes()).await.unwrap();
            shown.push(line);
        }
        shown
    });
    (address.parse().unwrap(), shown)
}

#[tokio::test]
async fn after_a_rotation_the_token_that_the_challenge_knows_is_found_as_long_as_it_counts() {
    let far = UnixSeconds(u64::MAX);
    for (known, until, tokens, ok) in [
        ("new", far, &["new", "new"][..], true),
        ("old", far, &["new", "old", "new", "old"], true),
        ("old", UnixSeconds(0), &["new", "new"], false),
        ("neither", far, &["new", "old", "new", "old"], false),
    ] {
        let (address, shown) = knows(known, tokens.len()).await;
        let previous = Some((PlainToken::from_text("old"), until));
        let container = Container::new(
            "tsp".parse().unwrap(),
            address,
            PlainToken::from_text("new"),
            previous,
        );
        let target = Target::Container(container);
        for _ in 0..2 {
            assert_eq!(ask(&target, LONG).await.is_ok(), ok, "{known}");
        }
        assert_eq!(shown.await.unwrap(), tokens, "{known}");
    }
}

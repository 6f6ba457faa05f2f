//! Signed bodies that are too large to be held in memory.

use std::fs;

use platform_keys::Keypair;
use serde_json::json;

use crate::gateway::{
    line::Line,
    signing::Signing,
    stage::{Stage, image, run_container},
    upstream::Listening,
};

const SIZE: usize = 20 << 20;

/// No two pieces alike.
fn body(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn chunked(signing: &Signing<'_>) -> Vec<u8> {
    let mut bytes = format!("{}Transfer-Encoding: chunked\r\n\r\n", signing.head()).into_bytes();
    for piece in signing.body.chunks(777_777) {
        bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_signed_body_is_verified_before_the_container_gets_it_whole() {
    let (stage, key, body) = (Stage::start().await, Keypair::generate().unwrap(), body(SIZE));
    let container = Listening::bind().await;
    let created = image("large", container.at(), json!({"max_body": "64MiB"}));
    run_container(&stage.host, &created).await;
    let spool = stage.host.state().join("spool");
    for old in [false, true] {
        let mut signing = Signing::new(&key, "large", "/x", &body);
        if old {
            signing.target = "/v1/challenges/large/submissions".to_owned();
        }
        // Its length is told, or is not.
        let bytes = if old { chunked(&signing) } else { signing.bytes() };
        let mut client = Line::connect(&stage.host.public).await;
        client.write(bytes).await;
        let mut upstream = container.accept().await;
        let seen = upstream.head().await.unwrap();
        assert_eq!(seen.all("x-platform-verified-hotkey"), [key.hotkey().to_string()]);
        assert_eq!(
            seen.all("content-length"),
            [SIZE.to_string()],
            "it is known by now"
        );
        assert_eq!(
            fs::read_dir(&spool).unwrap().count(),
            0,
            "what is spooled has no name"
        );
        let arrived = upstream.exactly(SIZE).await;
        assert!(arrived == body, "{} bytes", arrived.len());
        upstream
            .write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
        assert_eq!(client.answer("POST").await.unwrap().status(), 200);
    }
    // A bit that is not the signed one; and a body over all limits, before any of it was read.
    let mut wrong = Signing::new(&key, "large", "/x", &body).bytes();
    *wrong.last_mut().unwrap() ^= 1;
    let mut client = Line::connect(&stage.host.public).await;
    client.write(wrong).await;
    let refused = client.answer("POST").await.unwrap();
    assert_eq!(
        (refused.status(), refused.reason().as_str()),
        (401, "invalid signature")
    );
    let head = Signing::new(&key, "large", "/x", &body).head();
    let mut client = Line::connect(&stage.host.public).await;
    client
        .write(format!("{head}Content-Length: {}\r\n\r\n", (64 << 20) + 1))
        .await;
    assert_eq!(client.answer("POST").await.unwrap().status(), 413);
    // Of none of these the container heard: the next that it hears is another.
    let mut client = Line::connect(&stage.host.public).await;
    client
        .write("GET /challenges/large/next HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let mut upstream = container.accept().await;
    assert_eq!(upstream.request().await.unwrap().asked().1, "/next");
    assert_eq!(fs::read_dir(&spool).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_operators_word_a_body_is_two_mebibytes_and_no_more() {
    let (stage, key) = (Stage::start().await, Keypair::generate().unwrap());
    let most = body(2 << 20);
    let (answer, seen) = stage
        .single("box", Signing::new(&key, "box", "/x", &most).bytes())
        .await;
    assert!(answer.status() == 200 && seen.unwrap().body == most);
    let more = body((2 << 20) + 1);
    let signing = Signing::new(&key, "box", "/x", &more);
    for bytes in [signing.bytes(), chunked(&signing)] {
        let (answer, seen) = stage.single("box", bytes).await;
        assert_eq!((answer.status(), seen), (413, None));
    }
}

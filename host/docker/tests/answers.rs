//! Engines that are none, or mean harm: what they say is bounded, and so is the time that they have.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    time::Duration,
};

use platform_docker::{ClientTls, Engine, EngineError, Follow};
use platform_domain::{ImageRef, with_causes};
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::endpoint;

const VERSION: &str = r#"{"ApiVersion":"1.41","Os":"linux","Arch":"amd64"}"#;

fn with_length(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// An engine that says its version honestly, and then always this, with the body once more for as often as it is given.
fn engine(dir: &TempDir, honest: bool, answer: Vec<u8>, repeated: usize) -> Engine {
    let socket = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: UnixStream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or_default() > 0 {
                head.extend(byte);
            }
            if honest && head.starts_with(b"GET /version") {
                drop(stream.write_all(&with_length(VERSION)));
                continue;
            }
            drop(stream.write_all(&answer));
            let body = answer
                .windows(4)
                .position(|end| end == b"\r\n\r\n")
                .unwrap_or_default();
            for _ in 0..repeated {
                if stream.write_all(&answer[body + 4..]).is_err() {
                    break;
                }
            }
            // Until the other side has had enough.
            drop(stream.read(&mut byte));
        }
    });
    Engine::new(endpoint(&format!("unix://{}", socket.display()), None)).unwrap()
}

fn assert_protocol(error: &EngineError, expected: &str) {
    let text = with_causes(error);
    assert!(
        matches!(error, EngineError::Protocol(_)) && text.contains(expected),
        "{text}"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_none_is_an_error() {
    let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let zeros = [endless, vec![b' '; 1 << 20]].concat();
    let headers = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(20_000)).into_bytes();
    let header = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(100_000)).into_bytes();
    for (answer, repeated, expected) in [
        (zeros, 32, "more than 16777216 bytes"),
        (headers, 1, ""),
        (header, 0, "message head is too large"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), 0, "invalid HTTP version"),
        (with_length("{}"), 0, "at least 1.41 is needed"),
        (
            with_length(r#"{"ApiVersion":"1.24"}"#),
            0,
            "the engine has API 1.24",
        ),
        (
            with_length(r#"{"ApiVersion":"2.0"}"#),
            0,
            "the engine has API 2.0",
        ),
        (with_length("no json"), 0, ""),
    ] {
        let dir = TempDir::new().unwrap();
        let error = engine(&dir, false, answer, repeated).ping().await.unwrap_err();
        assert_protocol(&error, expected);
    }
}

#[tokio::test]
async fn what_an_engine_refuses_is_shortened() {
    let dir = TempDir::new().unwrap();
    let body = format!(r#"{{"message":"\u001b[2J{}"}}"#, "x".repeat(100_000));
    let head = format!("HTTP/1.1 500 No\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let engine = engine(&dir, true, head.into_bytes(), 0);
    let error = engine.describe().await.unwrap_err();
    let EngineError::Engine { status: 500, message } = &error else {
        panic!("{error:?}")
    };
    assert!(message.chars().count() <= 501 && !message.contains('\u{1b}'));
    // Where it is read without the library, its end is not waited for: what is left is no sentence.
    let error = engine.inspect("some").await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Engine { status: 500, message } if message.is_empty()),
        "{error:?}"
    );
}

#[tokio::test]
async fn logs_and_events_that_have_no_end_are_not_held_in_memory() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\nconnection: close\r\n\r\n";
    let dir = TempDir::new().unwrap();
    let event = engine(&dir, true, [&head[..], &[b'x'; 1 << 16]].concat(), 64);
    let error = event.events("some").await.unwrap().next().await.unwrap_err();
    assert_protocol(&error, "a line has no end");
    // One frame of four gigabytes.
    let dir = TempDir::new().unwrap();
    let frame = [&head[..], b"\x01\0\0\0\xff\xff\xff\xff", &[b'x'; 1 << 16]].concat();
    let mut log = engine(&dir, true, frame, 1000)
        .logs("some", 1, Follow::No)
        .await
        .unwrap();
    assert!(log.next().await.unwrap_or(None).is_none());
    let dir = TempDir::new().unwrap();
    let mut log = engine(&dir, true, [&head[..], b"plain text\n"].concat(), 0)
        .logs("some", 1, Follow::No)
        .await
        .unwrap();
    assert_protocol(&log.next().await.unwrap_err(), "a form that is not known");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_says_nothing_has_so_much_time_and_no_more() {
    let dir = TempDir::new().unwrap();
    let error = engine(&dir, false, Vec::new(), 0).ping().await.unwrap_err();
    assert!(
        matches!(error, EngineError::Timeout(limit) if limit == Duration::from_secs(15)),
        "{error:?}"
    );
}

#[tokio::test]
async fn each_kind_of_call_has_its_own_time() {
    let dir = TempDir::new().unwrap();
    let engine = engine(&dir, true, Vec::new(), 0);
    let image: ImageRef = "r.io/some:image".parse().unwrap();
    let owner = "host".parse().unwrap();
    // It says its version while time goes on.
    engine.ping().await.unwrap();
    tokio::time::pause();
    let timeouts = [
        (engine.image(&image).await.map(drop), 15),
        (engine.inspect("some").await.map(drop), 15),
        (engine.stats("some").await.map(drop), 15),
        (engine.list_volumes(&owner).await.map(drop), 15),
        (engine.logs("some", 1, Follow::Yes).await.map(drop), 15),
        (engine.events("some").await.map(drop), 15),
        (engine.remove_image(&image).await, 60),
        (engine.pull(&image, None, |_| {}).await.map(drop), 300),
    ];
    for (outcome, seconds) in timeouts {
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, EngineError::Timeout(limit) if limit == Duration::from_secs(seconds)),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_never_finished_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let made = rcgen::generate_simple_self_signed(["engine".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = ClientTls::from_pem(certificate.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
    let text = format!("tcp://{}", listener.local_addr().unwrap());
    let engine = Engine::new(endpoint(&text, Some(tls))).unwrap();
    let error = engine.ping().await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Absent { hint, .. } if hint.contains("in time")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_pull_that_talks_without_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let image: ImageRef = "r.io/some:image".parse().unwrap();
    let dir = TempDir::new().unwrap();
    // A line without an end, and lines without one.
    let blank = engine(
        &dir,
        true,
        format!("{head}{}", "\r".repeat(1 << 16)).into_bytes(),
        2000,
    );
    assert_protocol(
        &blank.pull(&image, None, |_| {}).await.unwrap_err(),
        "a line has no end",
    );
    let dir = TempDir::new().unwrap();
    let line = format!("{head}{}\n", json!({ "status": "x".repeat(1 << 16) }));
    let endless = engine(&dir, true, line.into_bytes(), 4000);
    let mut longest = 0;
    let pulled = endless.pull(&image, None, |line| longest = longest.max(line.status.len()));
    assert_protocol(&pulled.await.unwrap_err(), "more than 134217728 bytes");
    assert!(longest < 200);
}

#[tokio::test]
async fn what_hangs_up_in_the_middle_leaves_no_descriptor_open() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let engine = crate::fixture::engine();
    engine.ping().await.unwrap();
    let before = open();
    for _ in 0..100 {
        engine.ping().await.unwrap();
        drop(engine.events("nobody").await.unwrap());
        let asked = engine.describe();
        drop(tokio::time::timeout(Duration::from_micros(300), asked).await);
    }
    // Other tests of this process open some of their own; two hundred would be ours.
    let few = async {
        while open() > before + 80 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), few).await.unwrap();
}

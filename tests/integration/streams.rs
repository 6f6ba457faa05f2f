//! A challenge that speaks HTTP itself, through the public door: bodies that go piece by piece, and what clients and
//! guests do to them.

use std::time::Duration;

use platform_host::settings::Breaker;
use platform_keys::Keypair;
use platform_tests::{HostBuilder, RawAnswer, TestHost, raw};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    epochs::NETUID,
    signed::{now, sign},
};

/// The longest any wait may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn relay(change: impl FnOnce(&mut HostBuilder)) -> TestHost {
    let mut builder = HostBuilder::default();
    builder.config.chain.netuid = NETUID;
    change(&mut builder);
    let host = builder.start().await;
    host.run_guest("relay", "relay", "0", &[]).await;
    host
}

fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} /challenges/relay{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
}

async fn send(host: &TestHost, method: &str, path: &str, more: &str, body: &[u8]) -> RawAnswer {
    raw(&host.public, [head(method, path, more).as_bytes(), body].concat()).await
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Reads until this was said.
async fn hear(stream: &mut TcpStream, text: &str) -> String {
    let mut heard = Vec::new();
    let hearing = async {
        while !heard.windows(text.len()).any(|part| part == text.as_bytes()) {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&bytes[..read]);
        }
    };
    tokio::time::timeout(PATIENCE, hearing).await.expect(text);
    String::from_utf8(heard).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_hears_each_piece_before_it_sends_the_next() {
    let host = relay(|_| ()).await;
    let mut stream = TcpStream::connect(host.public.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let open = head("POST", "/echo", "Transfer-Encoding: chunked\r\n");
    stream.write_all(open.as_bytes()).await.unwrap();
    for number in 0..20 {
        let piece = format!("piece-{number}.");
        stream.write_all(&chunk(piece.as_bytes())).await.unwrap();
        hear(&mut stream, &piece).await;
    }
    // Headers that come after everybody has looked are nobody's.
    stream
        .write_all(b"0\r\nx-platform-verified-hotkey: me\r\n\r\n")
        .await
        .unwrap();
    let end = hear(&mut stream, "0\r\n\r\n").await;
    assert!(!end.contains("hotkey"), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_body_is_as_large_as_its_route_says_and_no_larger() {
    let host = relay(|builder| builder.config.public.max_streamed_body_bytes = 12 << 20).await;
    let (large, small) = (vec![b'x'; 10 << 20], 2 << 20);
    let length = |bytes: usize| format!("Content-Length: {bytes}\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n";
    let chunks = |bytes: &[u8]| {
        let each = bytes.chunks(1 << 16).flat_map(chunk);
        each.chain(*b"0\r\n\r\n").collect::<Vec<u8>>()
    };
    for (path, more, body, expected) in [
        // The route says 64 MiB, the operator less, and a route that says nothing has what all others have.
        ("/count", length(large.len()), large.clone(), Ok("10485760")),
        ("/count", chunked.to_owned(), chunks(&large), Ok("10485760")),
        ("/count", length(13 << 20), vec![], Err(413)),
        ("/small", length(small), large[..small].to_vec(), Ok("2097152")),
        ("/small", length(small + 1), vec![], Err(413)),
        (
            "/small",
            chunked.to_owned(),
            chunks(&large[..small]),
            Ok("2097152"),
        ),
        ("/small", chunked.to_owned(), chunks(&large[..=small]), Err(413)),
        (
            "/small",
            chunked.to_owned(),
            b"5\r\nhello\r\nnothing".to_vec(),
            Err(400),
        ),
    ] {
        let answer = send(&host, "POST", path, &more, &body).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match expected {
            Ok(counted) => assert!(
                answer.status == 200 && text.contains(counted),
                "{path} {more}{text}"
            ),
            Err(status) => assert_eq!(answer.status, status, "{path} {more}{text}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_whole_or_visibly_not() {
    let host = relay(|_| ()).await;
    for (method, path, status, length, whole) in [
        ("GET", "/flood/5000", 200, None, true),
        ("HEAD", "/flood/5000", 200, Some("5000"), false),
        ("GET", "/status/204", 204, None, false),
        ("GET", "/cut", 200, None, false),
        ("GET", "/unfinished", 200, None, false),
        ("GET", "/finished-and-broken", 200, None, false),
        ("HEAD", "/cut", 502, None, false),
        ("GET", "/status/100", 502, None, false),
        ("GET", "/silent", 502, None, false),
        ("GET", "/error", 500, None, false),
        ("GET", "/nothing", 404, None, true),
        ("POST", "/nothing", 405, None, false),
    ] {
        let answer = raw(&host.public, head(method, path, "")).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.body.ends_with(b"0\r\n\r\n"), whole, "{method} {path}");
        if (method, status) == ("GET", 200) {
            assert!(
                !answer.body.is_empty(),
                "what was said before it broke off: {path}"
            );
        }
        if let Some(length) = length {
            assert_eq!(
                (answer.all("content-length"), answer.body.len()),
                (vec![length], 0)
            );
        }
    }
    // An internal text stays inside.
    let answer = send(&host, "GET", "/error", "", b"").await;
    assert_eq!(answer.json()["error"]["message"], "Challenge error");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_says_who_signed_and_nobody_else_does() {
    let (host, key) = (relay(|_| ()).await, Keypair::generate().unwrap());
    let forged = "X-Platform-Verified-Hotkey: me\r\nX-Platform-Verified-Uid: 0\r\n";
    let seen = send(&host, "GET", "/seen?a=%20b", forged, b"").await;
    let seen = String::from_utf8(seen.body).unwrap();
    assert!(
        seen.contains("GET relay /seen?a=%20b") && !seen.contains("verified"),
        "{seen}"
    );
    assert_eq!(send(&host, "POST", "/signed", forged, b"").await.status, 401);
    let signed = sign(&host, &key, "relay", "/signed", now(), json!({"a": 1}));
    let again = signed.try_clone().unwrap();
    let answer = signed
        .header("x-platform-verified-uid", "0")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let seen = answer.text().await.unwrap();
    let expected = format!("x-platform-verified-hotkey: {}\n", key.hotkey());
    assert!(
        seen.contains(&expected) && !seen.contains("verified-uid"),
        "{seen}"
    );
    assert!(seen.ends_with("7 bytes\n"), "{seen}");
    assert_eq!(again.send().await.unwrap().status(), 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_not_held_against_a_challenge_and_its_own_sleep_is() {
    let host = relay(|builder| {
        builder.config.limits.route_ms = 300;
        builder.config.breaker = Breaker {
            failures: 3,
            watch_ms: 0,
            first_backoff_ms: 60_000,
            longest_backoff_ms: 3_600_000,
            ..Breaker::default()
        };
    })
    .await;
    for _ in 0..6 {
        // Nine bytes short.
        let address = host.public.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let open = head("POST", "/count", "Content-Length: 10\r\n");
        stream.write_all(open.as_bytes()).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        let answer = hear(&mut stream, "body_timeout").await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert_eq!(send(&host, "GET", "/seen", "", b"").await.status, 200);
    let mut status = 504;
    for _ in 0..6 {
        status = send(&host, "GET", "/asleep", "", b"").await.status;
    }
    assert_eq!(status, 503, "it is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_loses_its_answer_and_not_the_host() {
    let host = relay(|builder| builder.config.limits.route_ms = 1_000).await;
    let address = host.public.strip_prefix("http://").unwrap();
    let mut open = Vec::new();
    // All places for streams, and some that find none.
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(head("GET", "/flood/1000000000", "").as_bytes())
            .await
            .unwrap();
        open.push(stream);
    }
    let answered = async {
        while send(&host, "GET", "/seen", "", b"").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered)
        .await
        .expect("their time is over");
    for mut stream in open {
        let mut all = Vec::new();
        let read = stream.read_to_end(&mut all).await;
        let cut = read.is_err() || !all.ends_with(b"0\r\n\r\n") && all.len() < 1_000_000_000;
        assert!(cut || all.starts_with(b"HTTP/1.1 503"), "{} bytes", all.len());
    }
}

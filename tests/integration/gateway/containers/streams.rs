//! Bodies and WebSockets, with each side waiting for what the other one said.

use platform_keys::Keypair;
use platform_tests::TestHost;
use serde_json::json;

use crate::gateway::{
    line::Line,
    signing::Signing,
    stage::{Stage, image, run_container},
    upstream::Listening,
};

/// The key of the example in RFC 6455, and what it is answered with.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A host and a container whose every word the test says.
async fn by_hand() -> (TestHost, Listening) {
    let (host, container) = (TestHost::start().await, Listening::bind().await);
    run_container(&host, &image("box", container.at(), json!({}))).await;
    (host, container)
}

async fn ask(host: &TestHost, request: &str) -> Line {
    let mut line = Line::connect(&host.public).await;
    line.write(request).await;
    line
}

fn opening(slug: &str, more: &str) -> String {
    format!(
        "GET /challenges/{slug}/socket?a=b HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn events_arrive_one_by_one_while_the_next_one_is_still_being_waited_for() {
    let (host, container) = by_hand().await;
    let mut client = ask(
        &host,
        "GET /challenges/box/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
    )
    .await;
    let mut upstream = container.accept().await;
    let request = upstream.request().await.unwrap();
    assert_eq!(
        (request.asked().1.as_str(), request.all("accept")),
        ("/events", vec!["text/event-stream".to_owned()])
    );
    upstream
        .write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let head = client.head().await.unwrap();
    assert_eq!(
        (head.status(), head.all("content-type")),
        (200, vec!["text/event-stream".to_owned()])
    );
    for number in 0..5 {
        let event = format!("data: {number}\n\n");
        upstream.write(format!("{:x}\r\n{event}\r\n", event.len())).await;
        assert_eq!(
            client.chunk().await.unwrap(),
            event.as_bytes(),
            "before there is another"
        );
    }
    upstream.write("0\r\n\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), b"", "and the end");
    // Both connections go on.
    client
        .write("GET /challenges/box/more HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(upstream.request().await.unwrap().asked().1, "/more");
    upstream
        .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    assert_eq!(client.answer("GET").await.unwrap().body, b"ok");
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_so_at_the_client_too() {
    let (host, container) = by_hand().await;
    for head in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        "Content-Length: 100\r\n\r\nfirst",
    ] {
        let mut client = ask(&host, "GET /challenges/box/x HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut upstream = container.accept().await;
        upstream.request().await.unwrap();
        upstream.write(format!("HTTP/1.1 200 OK\r\n{head}")).await;
        client.until("first").await.expect("what there is of it");
        drop(upstream);
        assert!(
            !String::from_utf8(client.rest().await)
                .unwrap()
                .contains("0\r\n\r\n"),
            "no end is made up"
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_takes_its_request_to_the_container_with_it() {
    let (host, container) = by_hand().await;
    let client = ask(&host, "GET /challenges/box/events HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut upstream = container.accept().await;
    upstream.request().await.unwrap();
    upstream
        .write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        .await;
    drop(client);
    // Until it is told: what is written to nobody is lost.
    while upstream.is_open() {
        upstream.write("1\r\na\r\n").await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_body_reaches_the_container_while_the_client_still_writes_it() {
    let (host, container) = by_hand().await;
    for (framing, piece) in [
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("Content-Length: 20", "hello"),
    ] {
        let head =
            format!("POST /challenges/box/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\r\n\r\n");
        let mut client = ask(&host, &head).await;
        client.write(piece).await;
        let mut upstream = container.accept().await;
        let seen = upstream.head().await.unwrap();
        let (name, value) = framing.split_once(": ").unwrap();
        assert_eq!(seen.all(&name.to_lowercase()), [value]);
        for number in 0..4 {
            if number > 0 {
                client.write(piece).await;
            }
            let hello = match name {
                "Content-Length" => upstream.exactly(5).await,
                _ => upstream.chunk().await.unwrap(),
            };
            assert_eq!(hello, b"hello", "{number}");
        }
        if name == "Transfer-Encoding" {
            client.write("0\r\nX-Late: 1\r\n\r\n").await;
            assert_eq!(
                upstream.until("0\r\n\r\n").await.unwrap(),
                b"0\r\n\r\n",
                "without what nobody has looked through"
            );
        }
        upstream
            .write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            .await;
        assert_eq!(client.answer("POST").await.unwrap().body, b"ok");
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_has() {
    let (host, container) = by_hand().await;
    let mut client = ask(
        &host,
        "POST /challenges/box/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhello",
    )
    .await;
    let mut upstream = container.accept().await;
    upstream.head().await.unwrap();
    assert_eq!(upstream.exactly(5).await, b"hello");
    upstream
        .write("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let answer = client.answer("POST").await.unwrap();
    assert_eq!((answer.status(), answer.body.as_slice()), (413, &b"no"[..]));
}

#[tokio::test]
async fn a_web_socket_carries_bytes_both_ways_until_one_side_ends_it() {
    let (host, container) = by_hand().await;
    for ends in ["the client", "the container"] {
        let more = format!(
            "Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: chat\r\nX-Platform-Verified-Hotkey: me\r\nAuthorization: x\r\n"
        );
        let mut client = ask(&host, &opening("box", &more)).await;
        let mut upstream = container.accept().await;
        let seen = upstream.request().await.unwrap();
        assert_eq!(seen.asked().1, "/socket?a=b");
        for (name, values) in [
            ("connection", &["upgrade"][..]),
            ("upgrade", &["websocket"]),
            ("sec-websocket-key", &[KEY]),
            ("sec-websocket-version", &["13"]),
            ("sec-websocket-protocol", &["chat"]),
            ("x-platform-proxy", &["true"]),
            ("x-platform-verified-hotkey", &[]),
            ("authorization", &[]),
        ] {
            assert_eq!(seen.all(name), values, "{name}");
        }
        // With the first frame behind it at once.
        upstream
            .write(format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\
                 Sec-WebSocket-Protocol: chat\r\n\r\n\u{1}\u{2}hi"
            ))
            .await;
        let head = client.head().await.unwrap();
        assert_eq!(head.status(), 101);
        for (name, value) in [
            ("upgrade", "websocket"),
            ("sec-websocket-accept", ACCEPT),
            ("sec-websocket-protocol", "chat"),
        ] {
            assert_eq!(head.all(name), [value], "{name}");
        }
        assert_eq!(client.exactly(4).await, b"\x01\x02hi");
        for number in 0..50_u8 {
            // Masked as clients do it; the host does not look inside.
            let frame = [0x81, 0x84, number, 0xff, 0, 0xa5, b'a' ^ number, 0, b'\r', b'\n'];
            client.write(frame).await;
            let arrived = upstream.exactly(frame.len()).await;
            assert_eq!(arrived, frame);
            upstream.write(&arrived).await;
            assert_eq!(client.exactly(frame.len()).await, frame);
        }
        if ends == "the client" {
            drop(client);
            assert_eq!(upstream.rest().await, b"");
        } else {
            drop(upstream);
            assert_eq!(client.rest().await, b"");
        }
    }
}

#[tokio::test]
async fn who_signed_the_opening_of_a_web_socket_is_told() {
    let (stage, container) = (Stage::start().await, Listening::bind().await);
    run_container(&stage.host, &image("talk", container.at(), json!({}))).await;
    let key = Keypair::generate().unwrap();
    let more = format!(
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    );
    let signing = Signing {
        method: "GET",
        more: &more,
        ..Signing::new(&key, "talk", "/socket?a=b", b"")
    };
    let mut client = ask(
        &stage.host,
        &format!("{}\r\n", signing.head().replace("Connection: close\r\n", "")),
    )
    .await;
    let mut upstream = container.accept().await;
    let seen = upstream.request().await.unwrap();
    assert_eq!(seen.all("x-platform-verified-hotkey"), [key.hotkey().to_string()]);
    assert_eq!(seen.all("upgrade"), ["websocket"]);
    upstream
        .write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let answer = client.answer("GET").await.unwrap();
    assert_eq!(
        (answer.status(), answer.body.as_slice()),
        (403, &b"no"[..]),
        "its refusal is an answer like any other"
    );
}

#[tokio::test]
async fn what_is_no_opening_of_a_web_socket_opens_none() {
    let stage = Stage::start().await;
    let with_key = format!("Sec-WebSocket-Key: {KEY}\r\nConnection: close\r\n");
    // A component has no sockets to give: a request like any other.
    let (answer, seen) = stage.single("echo", opening("echo", &with_key)).await;
    assert_eq!((answer.status(), seen.unwrap().all("upgrade").len()), (200, 0));
    // Keys that are none: the client's own fault, and the container is not asked.
    for more in [
        "",
        "Sec-WebSocket-Key: short\r\n",
        "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b\r\n",
    ] {
        let (answer, seen) = stage
            .single("box", opening("box", &format!("{more}Connection: close\r\n")))
            .await;
        assert_eq!((answer.status(), seen), (400, None), "{more:?}");
    }
    // A container that switches to something else.
    for answer in [
        "101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\nhi"
            .to_owned(),
        "101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhi".to_owned(),
        format!("101 S\r\nUpgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\nhi"),
    ] {
        stage.container.says(move |_| format!("HTTP/1.1 {answer}").into());
        assert_eq!(
            stage.single("box", opening("box", &with_key)).await.0.status(),
            502
        );
    }
}

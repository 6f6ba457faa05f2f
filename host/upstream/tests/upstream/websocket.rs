//! WebSockets: how they begin, and what passes then.

use bytes::Bytes;
use platform_domain::Request;
use platform_upstream::{Limits, NotAllowed, Relayed, Tunnel, Upgrade, Upstream, UpstreamError, relay};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};

use crate::fixture::{Challenge, SHORT, challenge, closed, kind, outcome, read_head, request, soon, write};

/// The example of RFC 6455.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n";

fn asked(headers: &[(&str, &'static str)]) -> Request<()> {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Bytes::from_static(value.as_bytes())));
    Request {
        headers: headers.collect(),
        ..request("GET", "/socket")
    }
}

fn socket() -> Request<()> {
    asked(&[
        ("sec-websocket-key", KEY),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, superchat"),
    ])
}

/// A challenge that answers so, says one thing, and then echoes until the other side ends.
async fn echo() -> Challenge {
    challenge(|mut stream: TcpStream| async move {
        let head = read_head(&mut stream).await;
        let expected = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\
             sec-websocket-protocol: chat, superchat\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        assert!(head.ends_with(expected), "{head}");
        // What follows the head at once is not lost.
        write(&mut stream, format!("{SWITCHED}{ACCEPT}\r\nwelcome")).await;
        let mut part = vec![0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut part).await {
            write(&mut stream, &part[..count]).await;
        }
        write(&mut stream, "bye").await;
    })
    .await
}

async fn switch(upstream: &Upstream) -> Tunnel {
    match soon(upstream.upgrade(socket())).await.unwrap() {
        Upgrade::Switched { head, tunnel } => {
            assert_eq!(head.status, 101);
            let accept = head
                .headers
                .iter()
                .find(|(name, _)| name == "sec-websocket-accept");
            assert_eq!(accept.unwrap().1, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            tunnel
        }
        Upgrade::Answered(answer) => panic!("{answer:?}"),
    }
}

async fn read(stream: &mut DuplexStream, expected: &str) {
    let mut text = vec![0; expected.len()];
    soon(stream.read_exact(&mut text)).await.unwrap();
    assert_eq!(text, expected.as_bytes());
}

#[tokio::test]
async fn bytes_pass_both_ways_and_each_side_ends_by_itself() {
    let challenge = echo().await;
    let upstream = challenge.upstream();
    let tunnel = switch(&upstream).await;
    let (mut client, ours) = duplex(64);
    let limits = Limits::default();
    let relaying = relay(ours, tunnel, &limits);
    let talking = async {
        read(&mut client, "welcome").await;
        for text in ["hello", "again"] {
            client.write_all(text.as_bytes()).await.unwrap();
            read(&mut client, text).await;
        }
        client.shutdown().await.unwrap();
        read(&mut client, "bye").await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    };
    let (relayed, ()) = soon(async { tokio::join!(relaying, talking) }).await;
    let expected = Relayed {
        to_upstream: 10,
        to_client: 20,
    };
    assert_eq!(relayed.unwrap(), expected);
}

#[tokio::test]
async fn silence_and_time_end_a_websocket() {
    let challenge = echo().await;
    let upstream = challenge.upstream();
    let idle = Limits {
        relay_idle: SHORT,
        ..Limits::default()
    };
    let (mut client, ours) = duplex(64);
    let tunnel = switch(&upstream).await;
    let talking = async {
        for _ in 0..6 {
            client.write_all(b"x").await.unwrap();
            tokio::time::sleep(SHORT / 3).await;
        }
    };
    let (relayed, ()) = soon(async { tokio::join!(relay(ours, tunnel, &idle), talking) }).await;
    assert_eq!(kind(&relayed.unwrap_err()), "idle");
    let mut seen = String::new();
    client.read_to_string(&mut seen).await.unwrap();
    assert_eq!(seen, "welcomexxxxxx");

    let whole = Limits {
        whole: SHORT,
        ..Limits::default()
    };
    let (mut client, ours) = duplex(64);
    let tunnel = switch(&upstream).await;
    let talking =
        async { while client.write_all(b"x").await.is_ok() && client.read(&mut [0; 9]).await.is_ok() {} };
    let (relayed, ()) = soon(async { tokio::join!(relay(ours, tunnel, &whole), talking) }).await;
    assert_eq!(kind(&relayed.unwrap_err()), "too long");
}

#[tokio::test]
async fn a_challenge_that_dies_ends_the_websocket_although_the_client_stays() {
    for unread in [true, false] {
        let challenge = challenge(move |mut stream: TcpStream| async move {
            read_head(&mut stream).await;
            write(&mut stream, format!("{SWITCHED}{ACCEPT}\r\n")).await;
            if unread {
                // That makes a reset of the end.
                stream.readable().await.unwrap();
            }
        })
        .await;
        let tunnel = switch(&challenge.upstream()).await;
        let (mut client, ours) = duplex(64);
        let talking = async { while client.write_all(b"hello").await.is_ok() {} };
        let limits = Limits::default();
        let relaying = async { relay(ours, tunnel, &limits).await };
        let (relayed, ()) = soon(async { tokio::join!(relaying, talking) }).await;
        assert_eq!(kind(&relayed.unwrap_err()), "broken");
    }
}

#[tokio::test]
async fn a_switch_that_is_not_the_one_asked_for_is_refused() {
    let head = |lines: &str| format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n");
    let other = "sec-websocket-accept: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for answer in [
        head(""),
        head("connection: upgrade\r\nupgrade: websocket\r\n"),
        head(&format!("connection: upgrade\r\nupgrade: websocket\r\n{other}")),
        head(&format!(
            "connection: upgrade\r\nupgrade: websocket\r\n{ACCEPT}{ACCEPT}"
        )),
        head(&format!(
            "connection: upgrade\r\nupgrade: websocket\r\n{ACCEPT}{other}"
        )),
        head(&format!("connection: upgrade\r\nupgrade: h2c\r\n{ACCEPT}")),
        head(&format!("connection: close\r\nupgrade: websocket\r\n{ACCEPT}")),
        head(&format!("upgrade: websocket\r\n{ACCEPT}")),
        head(&format!("connection: upgrade\r\n{ACCEPT}")),
    ] {
        let (gone, mut is_gone) = mpsc::unbounded_channel();
        let sent = answer.clone();
        let challenge = challenge(move |mut stream: TcpStream| {
            let (sent, gone) = (sent.clone(), gone.clone());
            async move {
                read_head(&mut stream).await;
                write(&mut stream, sent).await;
                closed(&mut stream).await;
                gone.send(()).unwrap();
            }
        })
        .await;
        let upstream = challenge.upstream_with(Limits {
            upgrades: 1,
            ..Limits::default()
        });
        for _ in 0..2 {
            let error = soon(upstream.upgrade(socket())).await.unwrap_err();
            assert_eq!(kind(&error), "broken", "{answer}");
            soon(is_gone.recv()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn another_status_is_an_ordinary_answer() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        while !read_head(&mut stream).await.is_empty() {
            write(
                &mut stream,
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
            )
            .await;
        }
    })
    .await;
    let upstream = challenge.upstream();
    for _ in 0..2 {
        match soon(upstream.upgrade(socket())).await.unwrap() {
            Upgrade::Answered(answer) => assert_eq!(soon(outcome(Ok(answer))).await, "403 no"),
            switched => panic!("{switched:?}"),
        }
    }
}

#[tokio::test]
async fn what_opens_no_websocket_is_not_sent() {
    let challenge = echo().await;
    let upstream = challenge.upstream();
    let key = ("sec-websocket-key", KEY);
    for request in [
        asked(&[]),
        asked(&[key, key]),
        asked(&[("sec-websocket-key", "")]),
        asked(&[("sec-websocket-key", "c2hvcnQ=")]),
        asked(&[("sec-websocket-key", "not base64")]),
        Request {
            method: "POST".to_owned(),
            ..asked(&[key])
        },
    ] {
        let error = soon(upstream.upgrade(request)).await.unwrap_err();
        let expected = NotAllowed::WebSocket;
        assert!(
            matches!(error, UpstreamError::NotAllowed(reason) if reason == expected),
            "{error}"
        );
    }
    assert_eq!(challenge.connections(), 0);
}

async fn challenge_that_waits() -> Challenge {
    challenge(|mut stream: TcpStream| async move { closed(&mut stream).await }).await
}

#[tokio::test]
async fn a_websocket_has_its_place_until_it_is_dropped() {
    let challenge = echo().await;
    let upstream = challenge.upstream_with(Limits {
        upgrades: 1,
        exchanges: 0,
        ..Limits::default()
    });
    for _ in 0..3 {
        let tunnel = switch(&upstream).await;
        let busy = soon(upstream.upgrade(socket())).await.unwrap_err();
        assert_eq!(kind(&busy), "busy");
        drop(tunnel);
    }
    let silent = challenge_that_waits().await;
    let upstream = silent.upstream_with(Limits {
        upgrades: 1,
        ..Limits::default()
    });
    for _ in 0..2 {
        // Whoever gives up gives the place back.
        timeout(SHORT / 10, upstream.upgrade(socket())).await.unwrap_err();
    }
}

//! HTTP/1.1: time for a head and for taking an answer.

use std::time::Instant;

use platform_listener::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::{sleep, timeout},
};

use crate::server::{LARGE, LONG, REQUEST, rest, server, short};

#[tokio::test]
async fn a_client_without_a_request_is_dropped_however_it_waits() {
    let server = server(short()).await;
    let half = [REQUEST, b"GET /qui"].concat();
    for (sent, answers) in [
        (&b""[..], 0),
        (b"GET /qui", 0),
        (b"P", 0),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", 0),
        (b"POST /quick HTTP/1.1\r\n", 0),
        (REQUEST, 1),
        (&half, 1),
    ] {
        let mut stream = server.send(sent).await;
        let answer = String::from_utf8(rest(&mut stream).await).unwrap();
        assert_eq!(answer.matches("200 OK").count(), answers, "{answer}");
    }
    for text in [
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxx",
    ] {
        let (mut slow, started) = (server.connect().await, Instant::now());
        let trickle = async {
            // A byte now and then does not begin the time anew.
            for byte in text.bytes().cycle() {
                if slow.write_all(&[byte]).await.is_err() {
                    break;
                }
                sleep(short().head / 10).await;
            }
        };
        timeout(LONG, trickle).await.expect("the connection ends");
        assert!(started.elapsed() < short().head * 4);
    }
}

#[tokio::test]
async fn idle_connections_keep_others_out_for_the_time_of_a_head_only() {
    let connections = 2;
    let server = server(Options {
        connections,
        ..short()
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..3 * connections {
        idle.push(server.connect().await);
    }
    let started = Instant::now();
    assert!(server.answers().await);
    assert!(started.elapsed() > short().head, "there was no place");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_dropped() {
    let server = server(Options {
        connections: 1,
        ..short()
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // There is one place, so this is answered when the other has lost it.
    assert!(server.answers().await);
    assert!(rest(&mut deaf).await.len() < LARGE);
}

#[tokio::test]
async fn an_answer_that_comes_before_the_end_of_a_body_is_not_lost() {
    let server = server(short()).await;
    let head = b"POST /quick HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n";
    let mut client = server.send(head).await;
    // As a simple client does: everything is sent before anything is read.
    client.write_all(&vec![b'x'; 9_000_000]).await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, client.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 405 "), "{answer:?}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = server(Options::default()).await;
    let mut client = server.send(b"GET /quick HTTP/1.1\r\nhost: x\r\nx: ").await;
    // Whoever reads no more may reset what still comes.
    drop(client.write_all(&vec![b'x'; 70_000]).await);
    let answer = rest(&mut client).await;
    assert!(answer.starts_with(b"HTTP/1.1 431 "), "{answer:?}");
    assert!(server.answers().await);
}

#[tokio::test]
async fn a_request_that_names_no_site_is_refused_unless_its_version_needs_none() {
    let server = server(short()).await;
    for (head, status) in [
        ("GET /quick HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        ("GET http://x/quick HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        (
            "GET /quick HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 ",
        ),
        ("GET /quick HTTP/1.0\r\n\r\n", "HTTP/1.0 200 "),
    ] {
        // What comes behind is not looked at.
        let mut stream = server.send(&[head.as_bytes(), REQUEST].concat()).await;
        let answer = String::from_utf8(rest(&mut stream).await).unwrap();
        assert!(answer.starts_with(status), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{head:?}: {answer}");
    }
}

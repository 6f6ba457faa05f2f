//! What only a socket shows: bytes of a request line that a client library would tidy up, and what is sent
//! after the head of an answer.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use axum::{Router, extract::Request};
use tokio::{
    net::TcpListener,
    task::{JoinSet, spawn_blocking},
};

use crate::fixture::{PROXY, app};

/// A gateway on a free port, for as long as the set lives.
async fn listen() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    let app = app();
    let router = Router::new().fallback(async move |request: Request| app.respond(PROXY, request).await);
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, server)
}

/// Sends the bytes and reads until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let request = request.to_owned();
    let answer = spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    });
    String::from_utf8(answer.await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_private_path_is_refused_in_the_spelling_of_the_request_line() {
    let (address, _server) = listen().await;
    for (target, status) in [
        ("/challenges/open/../open/health", 502),
        ("/challenges/open/./health", 403),
        ("/challenges/open//internal/v1", 403),
        ("/challenges/open/%69nternal", 403),
        ("/challenges/open/a/..%2f..%2finternal", 403),
        ("/challenges/open/internal?x", 403),
        ("http://elsewhere/challenges/open/internal", 403),
        ("/challenges/open/%00", 403),
        ("/challenges/open/€", 502),
        ("/challenges/open/a%2Fb;c=d//e?", 502),
        ("/%63hallenges/open/x", 404),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = exchange(address, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{target}: {answer}"
        );
    }
}

#[tokio::test]
async fn the_answer_to_head_has_the_length_and_no_body() {
    let (address, _server) = listen().await;
    let ask = |method: &str| {
        format!("{method} /challenges/open/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    };
    let get = exchange(address, &ask("GET")).await;
    let head = exchange(address, &ask("HEAD")).await;
    let (_, body) = get.split_once("\r\n\r\n").unwrap();
    let (head, nothing) = head.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        (head.lines().next(), nothing),
        (Some("HTTP/1.1 502 Bad Gateway"), "")
    );
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
}

#[tokio::test]
async fn a_client_is_not_asked_to_send_a_body_that_will_be_refused() {
    let (address, _server) = listen().await;
    let ask = |length: usize| {
        format!(
            "PUT /challenges/open/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    assert!(
        exchange(address, &ask(2 * 1024 * 1024 + 1))
            .await
            .starts_with("HTTP/1.1 413 ")
    );
    let invited = exchange(address, &format!("{}x", ask(1))).await;
    assert!(
        invited.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 "),
        "{invited}"
    );
}

#[tokio::test]
async fn a_clients_own_request_id_is_not_taken() {
    let (address, _server) = listen().await;
    let request =
        "GET /challenges/open/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: mine\r\n\r\n";
    let answer = exchange(address, request).await;
    assert_eq!(answer.matches("x-request-id: ").count(), 1);
    assert!(!answer.contains("mine"), "{answer}");
}

//! Answers as they should be.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    http::header::{CONTENT_ENCODING, SET_COOKIE},
    response::AppendHeaders,
    routing::get as on_get,
};
use bytes::Bytes;
use http_body_util::Full;
use platform_domain::Response;
use platform_upstream::Upstream;
use tokio::{net::TcpListener, task::JoinSet};

use crate::fixture::{EMPTY, challenge, get, outcome, read_head, request, soon, text, write};

fn header<'a, B>(answer: &'a Response<B>, name: &str) -> Vec<&'a str> {
    let named = answer.headers.iter().filter(|(it, _)| it == name);
    named
        .map(|(_, value)| std::str::from_utf8(value).unwrap())
        .collect()
}

#[tokio::test]
async fn an_answer_of_a_common_server_comes_back_as_it_is() {
    let router = Router::new().route(
        "/",
        on_get(async || {
            let headers = [
                (SET_COOKIE, "a=1"),
                (CONTENT_ENCODING, "gzip"),
                (SET_COOKIE, "b=2"),
                (SET_COOKIE, "a=3"),
            ];
            (AppendHeaders(headers), "not gzip at all")
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let upstream = Upstream::new(at.parse().unwrap(), Default::default());
    for method in ["GET", "HEAD", "GET", "POST"] {
        let request = request(method, "/").with_body(Full::<Bytes>::default());
        let answer = soon(upstream.send(request)).await.unwrap();
        if method == "POST" {
            assert_eq!((answer.status, header(&answer, "allow")), (405, vec!["GET,HEAD"]));
            continue;
        }
        assert_eq!(answer.status, 200);
        assert_eq!(header(&answer, "set-cookie"), ["a=1", "b=2", "a=3"]);
        assert_eq!(header(&answer, "content-encoding"), ["gzip"]);
        assert_eq!(header(&answer, "content-length"), ["15"]);
        let expected = if method == "HEAD" { "" } else { "not gzip at all" };
        assert_eq!(soon(text(answer)).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_challenge_is_found_by_its_name() {
    let challenge = challenge(|mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(head.contains("\r\nhost: localhost:"), "{head}");
        write(&mut stream, EMPTY).await;
    })
    .await;
    let named = challenge.at.replace("127.0.0.1", "localhost");
    let upstream = Upstream::new(named.parse().unwrap(), Default::default());
    for _ in 0..5 {
        assert_eq!(outcome(soon(upstream.send(get())).await).await, "200 ");
    }
}

#[tokio::test]
async fn answers_of_every_shape_are_read_to_their_end_and_leave_the_connection_usable() {
    let table = [
        ("GET", "200 OK\r\ncontent-length: 2\r\n\r\nab", "200 ab"),
        (
            "GET",
            "200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
            "200 ab",
        ),
        (
            "GET",
            "200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1;x=y\r\nb\r\n0\r\n\r\n",
            "200 ab",
        ),
        (
            "GET",
            "200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n",
            "200 ab",
        ),
        ("GET", "204 No Content\r\ncontent-length: 9\r\n\r\n", "204 "),
        ("GET", "304 Not Modified\r\ncontent-length: 9\r\n\r\n", "304 "),
        ("HEAD", "200 OK\r\ncontent-length: 900\r\n\r\n", "200 "),
        ("HEAD", "200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "200 "),
        (
            "GET",
            "302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
            "302 ",
        ),
        ("GET", "500 \r\ncontent-length: 0\r\n\r\n", "500 "),
        ("GET", "599 Own Reason\r\ncontent-length: 0\r\n\r\n", "599 "),
        (
            "GET",
            "100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nc",
            "200 c",
        ),
    ];
    let answered = Arc::new(AtomicUsize::new(0));
    let challenge = challenge(move |mut stream| {
        let answered = answered.clone();
        async move {
            while !read_head(&mut stream).await.is_empty() {
                let Some((_, answer, _)) = table.get(answered.fetch_add(1, Ordering::SeqCst)) else {
                    // Until the end of the connection.
                    write(&mut stream, "HTTP/1.0 200 OK\r\n\r\nab").await;
                    break;
                };
                write(&mut stream, format!("HTTP/1.1 {answer}")).await;
            }
        }
    })
    .await;
    let upstream = challenge.upstream();
    for (method, answer, expected) in table {
        let request = request(method, "/").with_body(Full::<Bytes>::default());
        let answered = soon(upstream.send(request)).await;
        let lengths = header(answered.as_ref().unwrap(), "content-length").len();
        let written = answer.contains("content-length") && !answer.starts_with("204");
        assert_eq!(lengths, usize::from(written), "{answer}");
        assert_eq!(soon(outcome(answered)).await, expected, "{answer}");
    }
    assert_eq!(soon(outcome(upstream.send(get()).await)).await, "200 ab");
    // A connection may be on its way back when the next request already looks for one.
    assert!(challenge.connections() < 4, "{}", challenge.connections());
}

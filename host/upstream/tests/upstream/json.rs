//! Small answers that the host itself asks for.

use std::time::Duration;

use tokio::{net::TcpStream, time::Instant};

use crate::fixture::{LONG, SHORT, challenge, closed, kind, read_head, soon, write};

const OK: &str = "HTTP/1.1 200 OK\r\n";

#[tokio::test]
async fn an_answer_of_status_200_and_of_its_size_is_taken_whole() {
    let endless = "8\r\naaaaaaaa\r\n".repeat(100_000);
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    for (answer, within, expected) in [
        (
            format!("{OK}content-length: 8\r\n\r\n{{\"a\": 1}}"),
            LONG,
            Ok("{\"a\": 1}"),
        ),
        (
            format!("{OK}{chunked}4\r\n{{\"a\"\r\n4\r\n: 1}}\r\n0\r\n\r\n"),
            LONG,
            Ok("{\"a\": 1}"),
        ),
        (format!("{OK}content-length: 0\r\n\r\n"), LONG, Ok("")),
        (
            format!("{OK}content-length: 9\r\n\r\n"),
            LONG,
            Err("answer too large"),
        ),
        (format!("{OK}{chunked}{endless}"), LONG, Err("answer too large")),
        (
            "HTTP/1.1 404 X\r\ncontent-length: 1\r\n\r\na".to_owned(),
            LONG,
            Err("status"),
        ),
        ("HTTP/1.1 204 X\r\n\r\n".to_owned(), LONG, Err("status")),
        (String::new(), SHORT, Err("too long")),
        (format!("{OK}content-length: 8\r\n\r\n1"), SHORT, Err("too long")),
        (format!("{OK}x\r\n"), LONG, Err("broken")),
        (String::new(), Duration::ZERO, Err("too long")),
    ] {
        let (sent, what) = (answer.clone(), answer);
        let challenge = challenge(move |mut stream: TcpStream| {
            let sent = sent.clone();
            async move {
                let head = read_head(&mut stream).await;
                assert!(
                    head.starts_with("GET /internal/v1/weights?epoch=7 HTTP/1.1\r\n"),
                    "{head}"
                );
                assert!(head.contains("\r\nauthorization: Bearer x\r\n"), "{head}");
                write(&mut stream, sent).await;
                closed(&mut stream).await;
            }
        })
        .await;
        let headers = vec![("authorization".to_owned(), "Bearer x".into())];
        let deadline = Instant::now() + within;
        let upstream = challenge.upstream();
        let answer = soon(upstream.get_json("/internal/v1/weights?epoch=7", headers, 8, deadline)).await;
        let answer = answer.as_deref().map_err(kind);
        assert_eq!(answer, expected.map(str::as_bytes), "{what:.60}");
    }
}

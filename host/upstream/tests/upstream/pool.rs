//! Connections that are kept for the next request, and those that are not.

use std::time::Duration;

use platform_upstream::Limits;
use tokio::{net::TcpStream, sync::mpsc};

use crate::fixture::{EMPTY, challenge, closed, get, outcome, post, read_head, read_to, soon, text, write};

#[tokio::test]
async fn requests_one_after_the_other_share_a_connection() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        while !read_head(&mut stream).await.is_empty() {
            write(&mut stream, EMPTY).await;
        }
    })
    .await;
    let upstream = challenge.upstream();
    for _ in 0..100 {
        assert_eq!(outcome(soon(upstream.clone().send(get())).await).await, "200 ");
    }
    // A connection may be on its way back when the next request already looks for one.
    assert!(challenge.connections() < 5, "{}", challenge.connections());
}

#[tokio::test]
async fn nothing_is_sent_twice_when_a_kept_connection_is_hung_up() {
    for reads_first in [false, true] {
        let (sent, mut all) = mpsc::unbounded_channel();
        let challenge = challenge(move |mut stream: TcpStream| {
            let sent = sent.clone();
            async move {
                sent.send(read_to(&mut stream, ".").await).unwrap();
                write(&mut stream, EMPTY).await;
                if reads_first {
                    // The next one is read, and the connection is gone.
                    sent.send(read_to(&mut stream, ".").await).unwrap();
                }
            }
        })
        .await;
        let upstream = challenge.upstream();
        let mut answered = 0;
        for number in 0..60 {
            let answer = soon(upstream.send(post(format!("number {number}.")))).await;
            match soon(outcome(answer)).await.as_str() {
                "200 " => answered += 1,
                "broken" => {}
                other => panic!("{other}"),
            }
        }
        assert!(answered >= 30, "{answered}");
        let mut seen = Vec::new();
        while let Ok(request) = all.try_recv() {
            let body = request.rsplit("\r\n").next().unwrap().to_owned();
            assert!(!seen.contains(&body), "{body} was sent twice");
            seen.push(body);
        }
        assert!(seen.len() >= answered);
    }
}

#[tokio::test]
async fn what_a_challenge_says_unasked_answers_no_request() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue";
        let unasked = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong";
        write(&mut stream, format!("{answer}{unasked}")).await;
        closed(&mut stream).await;
    })
    .await;
    let upstream = challenge.upstream();
    for _ in 0..100 {
        let answer = soon(upstream.send(get())).await;
        assert_eq!(soon(outcome(answer)).await, "200 true");
    }
}

#[tokio::test]
async fn a_connection_that_nobody_needs_is_closed_in_time() {
    let (gone, mut is_gone) = mpsc::unbounded_channel();
    let challenge = challenge(move |mut stream: TcpStream| {
        let gone = gone.clone();
        async move {
            read_head(&mut stream).await;
            write(&mut stream, EMPTY).await;
            closed(&mut stream).await;
            gone.send(()).unwrap();
        }
    })
    .await;
    let short = challenge.upstream_with(Limits {
        pooled_for: Duration::from_millis(50),
        ..Limits::default()
    });
    soon(text(soon(short.send(get())).await.unwrap())).await.unwrap();
    soon(is_gone.recv()).await.unwrap();
    let none = challenge.upstream_with(Limits {
        pooled: 0,
        ..Limits::default()
    });
    soon(text(soon(none.send(get())).await.unwrap())).await.unwrap();
    soon(is_gone.recv()).await.unwrap();
    let dropped = challenge.upstream();
    soon(text(soon(dropped.send(get())).await.unwrap()))
        .await
        .unwrap();
    drop(dropped);
    soon(is_gone.recv()).await.unwrap();
}

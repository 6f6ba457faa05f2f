//! Bodies of requests while they are sent.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use platform_upstream::{Limits, UpstreamError};
use tokio::{io::AsyncReadExt as _, net::TcpStream, sync::mpsc};

use crate::fixture::{
    EMPTY, LONG, Large, SHORT, challenge, closed, kind, outcome, read_head, read_to, request, soon, text,
    write, written,
};

/// What the system holds of a connection on both sides, with room to spare.
const HELD: usize = 24 << 20;

fn upload(pieces: u64) -> (Large, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let body = Large {
        left: pieces,
        taken: taken.clone(),
    };
    (body, taken)
}

#[tokio::test]
async fn a_large_body_passes_and_is_not_held() {
    const PIECES: u64 = 1024;
    let (body, taken) = upload(PIECES);
    let (read, mut reads) = mpsc::channel(1);
    let challenge = challenge(move |mut stream: TcpStream| {
        let read = read.clone();
        async move {
            let head = read_head(&mut stream).await;
            let (_, start) = head.split_once("\r\n\r\n").unwrap();
            let (mut count, mut part) = (start.len(), vec![0; 1 << 20]);
            while count < Large::PIECE * PIECES as usize {
                count += stream.read(&mut part).await.unwrap();
                read.send(count).await.unwrap();
            }
            write(&mut stream, EMPTY).await;
        }
    })
    .await;
    let upstream = challenge.upstream();
    let sending = upstream.send(request("POST", "/").with_body(body));
    let watching = async {
        let mut most = 0;
        while let Some(count) = reads.recv().await {
            most = most.max((taken.load(Ordering::SeqCst) * Large::PIECE).saturating_sub(count));
            if count == Large::PIECE * PIECES as usize {
                break;
            }
        }
        most
    };
    let (answer, most) = soon(async { tokio::join!(sending, watching) }).await;
    assert_eq!(outcome(answer).await, "200 ");
    assert!(most < HELD, "{most} bytes were on their way at once");
}

#[tokio::test]
async fn a_challenge_that_reads_nothing_is_sent_what_the_system_holds() {
    let (body, taken) = upload(1 << 20);
    let challenge = challenge(|stream: TcpStream| async move {
        stream.readable().await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let upstream = challenge.upstream_with(Limits {
        head: SHORT,
        ..Limits::default()
    });
    let answer = soon(upstream.send(request("POST", "/").with_body(body))).await;
    assert_eq!(outcome(answer).await, "no head");
    assert!(taken.load(Ordering::SeqCst) * Large::PIECE < HELD);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_is_passed_on() {
    for hangs_up in [true, false] {
        let (gone, mut is_gone) = mpsc::unbounded_channel();
        let challenge = challenge(move |mut stream: TcpStream| {
            let gone = gone.clone();
            async move {
                // Not all of the head is read, so to hang up is to reset.
                stream.read_exact(&mut [0; 10]).await.unwrap();
                let body = "too much".repeat(6000);
                write(
                    &mut stream,
                    format!("HTTP/1.1 413 X\r\ncontent-length: 48000\r\n\r\n{body}"),
                )
                .await;
                if !hangs_up {
                    closed(&mut stream).await;
                }
                gone.send(()).unwrap();
            }
        })
        .await;
        let upstream = challenge.upstream_with(Limits {
            exchanges: 1,
            ..Limits::default()
        });
        for _ in 0..20 {
            let (body, _) = upload(1 << 20);
            let answer = soon(upstream.send(request("POST", "/").with_body(body))).await;
            let outcome = soon(outcome(answer)).await;
            assert!(outcome.starts_with("413 too much"), "{outcome:.60}");
            // The rest of the body is not sent to nobody.
            soon(is_gone.recv()).await.unwrap();
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("too large")]
struct TooLarge;

#[tokio::test]
async fn a_clients_own_failure_comes_back_as_it_was() {
    for answers_first in [false, true] {
        let (seen, mut is_seen) = mpsc::unbounded_channel();
        let challenge = challenge(move |mut stream: TcpStream| {
            let seen = seen.clone();
            async move {
                read_to(&mut stream, "5\r\nhello\r\n").await;
                if answers_first {
                    write(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
                }
                seen.send(()).unwrap();
                closed(&mut stream).await;
                seen.send(()).unwrap();
            }
        })
        .await;
        let upstream = challenge.upstream();
        let (client, body) = written();
        let begins = async {
            client.send(Ok("hello".into())).await.unwrap();
            is_seen.recv().await.unwrap();
            if !answers_first {
                client.send(Err(TooLarge.into())).await.unwrap();
            }
        };
        let sending = upstream.send(request("POST", "/").with_body(body));
        let (answer, ()) = soon(async { tokio::join!(sending, begins) }).await;
        let error = match answers_first {
            false => answer.unwrap_err(),
            true => {
                client.send(Err(TooLarge.into())).await.unwrap();
                soon(text(answer.unwrap())).await.unwrap_err()
            }
        };
        match error {
            UpstreamError::RequestBody(error) => assert_eq!(error.downcast_ref(), Some(&TooLarge)),
            error => panic!("{}", kind(&error)),
        }
        soon(is_seen.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_client_is_not_the_challenges_fault() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        read_to(&mut stream, "0\r\n\r\n").await;
        write(&mut stream, EMPTY).await;
    })
    .await;
    let limits = Limits {
        head: SHORT,
        ..Limits::default()
    };
    let upstream = challenge.upstream_with(limits);
    let (client, body) = written();
    let slow = async {
        for _ in 0..2 {
            tokio::time::sleep(2 * SHORT).await;
            client.send(Ok("hello".into())).await.unwrap();
        }
        drop(client);
    };
    let sending = upstream.send(request("POST", "/").with_body(body));
    let (answer, ()) = soon(async { tokio::join!(sending, slow) }).await;
    assert_eq!(outcome(answer).await, "200 ");
    // There is an end to that, too.
    let upstream = challenge.upstream_with(Limits {
        whole: SHORT,
        head: LONG,
        ..limits
    });
    let (_client, body) = written();
    let answer = soon(upstream.send(request("POST", "/").with_body(body))).await;
    assert_eq!(outcome(answer).await, "too long");
}

#[tokio::test]
async fn a_requests_trailers_are_not_sent() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        let sent = read_to(&mut stream, "0\r\n\r\n").await;
        assert!(!sent.contains("x-t"), "{sent}");
        write(&mut stream, EMPTY).await;
    })
    .await;
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-t"), HeaderValue::from_static("1"))]);
    let (client, body) = written();
    client.send(Ok(Bytes::from("hello"))).await.unwrap();
    drop(client);
    let body = Box::pin(body.with_trailers(async move { Some(Ok(trailers)) }));
    let mut request = request("POST", "/").with_body(body);
    request.headers = vec![("trailer".to_owned(), "x-t".into())];
    assert_eq!(
        outcome(soon(challenge.upstream().send(request)).await).await,
        "200 "
    );
}

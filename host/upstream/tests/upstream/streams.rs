//! Bodies of answers while they arrive, and what happens when nobody wants them any more.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use platform_upstream::{Limits, UpstreamBody};
use tokio::{net::TcpStream, sync::mpsc};

use crate::fixture::{SHORT, challenge, closed, get, kind, read_head, soon, write};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

async fn next(body: &mut UpstreamBody) -> Option<Bytes> {
    let frame = soon(body.frame()).await?;
    Some(frame.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let (signal, signals) = mpsc::channel::<&str>(1);
    let signals = Arc::new(Mutex::new(Some(signals)));
    let challenge = challenge(move |mut stream: TcpStream| {
        let mut signals = signals.lock().unwrap().take().unwrap();
        async move {
            read_head(&mut stream).await;
            write(&mut stream, EVENTS).await;
            while let Some(event) = signals.recv().await {
                write(&mut stream, event).await;
            }
        }
    })
    .await;
    let mut answer = soon(challenge.upstream().send(get())).await.unwrap();
    for event in ["data: 1\n\n", ": nothing\n\n", "data: 2\n\n"] {
        signal.send(event).await.unwrap();
        assert_eq!(next(&mut answer.body).await.unwrap(), event);
    }
    drop(signal);
    assert_eq!(next(&mut answer.body).await, None);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_exchange_at_once() {
    for answer in [
        // It waits for the head, for a body that is silent, and in the middle of an endless one.
        String::new(),
        EVENTS.to_owned(),
        format!("{EVENTS}data: 1\n\n"),
        format!("{EVENTS}{}", "x".repeat(1 << 24)),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_owned(),
    ] {
        let (began, mut begins) = mpsc::unbounded_channel();
        let (gone, mut is_gone) = mpsc::unbounded_channel();
        let (head, waits) = (answer.is_empty(), !answer.is_empty());
        let first = answer.len() > EVENTS.len();
        let challenge = challenge(move |mut stream: TcpStream| {
            let (answer, began, gone) = (answer.clone(), began.clone(), gone.clone());
            async move {
                read_head(&mut stream).await;
                began.send(()).unwrap();
                write(&mut stream, &answer).await;
                closed(&mut stream).await;
                gone.send(()).unwrap();
            }
        })
        .await;
        let upstream = challenge.upstream_with(Limits {
            exchanges: 1,
            ..Limits::default()
        });
        for _ in 0..2 {
            let sending = upstream.send(get());
            tokio::pin!(sending);
            if head {
                tokio::select! {
                    _ = &mut sending => panic!("there is no answer"),
                    began = soon(begins.recv()) => began.unwrap(),
                }
            }
            if waits {
                let mut answer = soon(sending).await.unwrap();
                if first {
                    next(&mut answer.body).await.unwrap();
                }
                // Waits for what does not come, as a server does while its client is there.
                let waiting = answer.body.frame();
                drop(tokio::time::timeout(SHORT / 10, waiting).await);
                let busy = upstream.send(get()).await.unwrap_err();
                assert_eq!(kind(&busy), "busy");
                drop(answer);
            }
            if head {
                continue;
            }
            soon(is_gone.recv()).await.unwrap();
        }
        drop(upstream);
        if head {
            soon(is_gone.recv()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn silence_counts_only_while_somebody_listens() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        write(&mut stream, format!("{EVENTS}data: 1\n\n")).await;
        closed(&mut stream).await;
    })
    .await;
    let upstream = challenge.upstream_with(Limits {
        idle: SHORT,
        ..Limits::default()
    });
    let mut answer = soon(upstream.send(get())).await.unwrap();
    // The client takes its time.
    tokio::time::sleep(2 * SHORT).await;
    assert_eq!(next(&mut answer.body).await.unwrap(), "data: 1\n\n");
    let error = soon(answer.body.frame()).await.unwrap().unwrap_err();
    assert_eq!(kind(&error), "idle");
    assert!(answer.body.frame().await.is_none());
}

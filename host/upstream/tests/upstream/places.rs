//! How many exchanges there are at once.

use std::{sync::Arc, time::Duration};

use platform_upstream::{Limits, UpstreamError};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};

use crate::fixture::{EMPTY, challenge, get, kind, outcome, read_head, soon, write};

#[tokio::test]
async fn as_many_as_there_are_places_and_then_busy() {
    let (gate, (asked, mut asks)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let held = gate.clone();
    let challenge = challenge(move |mut stream: TcpStream| {
        let (held, asked) = (held.clone(), asked.clone());
        async move {
            while !read_head(&mut stream).await.is_empty() {
                asked.send(()).unwrap();
                held.acquire().await.unwrap().forget();
                write(&mut stream, EMPTY).await;
            }
        }
    })
    .await;
    let upstream = challenge.upstream();
    let most = Limits::default().exchanges;
    let mut exchanges = JoinSet::new();
    for _ in 0..most {
        let upstream = upstream.clone();
        exchanges.spawn(async move { outcome(upstream.send(get()).await).await });
    }
    for _ in 0..most {
        soon(asks.recv()).await.unwrap();
    }
    match soon(upstream.send(get())).await.unwrap_err() {
        UpstreamError::Busy { retry_after } => assert_eq!(retry_after, Duration::from_secs(1)),
        error => panic!("{}", kind(&error)),
    }
    // What the host asks for itself is not behind what clients ask for.
    let own = upstream.clone();
    let deadline = Instant::now() + Duration::from_secs(20);
    exchanges.spawn(async move {
        let own = own.get_json("/", vec![], 10, deadline).await;
        own.map(|_| "200 ".to_owned()).unwrap()
    });
    soon(asks.recv()).await.unwrap();

    // One ends, and its place is free.
    gate.add_permits(1);
    assert_eq!(soon(exchanges.join_next()).await.unwrap().unwrap(), "200 ");
    let free = upstream.clone();
    exchanges.spawn(async move { outcome(free.send(get()).await).await });
    soon(asks.recv()).await.unwrap();
    gate.add_permits(most + 1);
    while let Some(outcome) = soon(exchanges.join_next()).await {
        assert_eq!(outcome.unwrap(), "200 ");
    }
}

#[tokio::test]
async fn an_answer_has_its_place_until_its_end_was_read() {
    let challenge = challenge(|mut stream: TcpStream| async move {
        while !read_head(&mut stream).await.is_empty() {
            write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab").await;
        }
    })
    .await;
    let upstream = challenge.upstream_with(Limits {
        exchanges: 1,
        ..Limits::default()
    });
    for _ in 0..3 {
        let answer = soon(upstream.send(get())).await;
        assert_eq!(outcome(soon(upstream.send(get())).await).await, "busy");
        assert_eq!(soon(outcome(answer)).await, "200 ab");
    }
}

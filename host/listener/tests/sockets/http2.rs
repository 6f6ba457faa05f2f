//! HTTP/2 with clients that mean well, slow ones and dead ones too.

use std::time::Instant;

use bytes::Bytes;
use h2::{Reason, client};
use http::Request;
use http_body_util::Empty;
use platform_listener::Options;
use tokio::{
    io::AsyncWriteExt as _,
    time::{sleep, timeout},
};

use crate::{
    frames::{CANCEL, GET_NEVER, GET_QUICK, HEADERS, RESET, beginning, frame, next, request},
    server::{LARGE, LONG, Server, get, http2_client, server, short, spawn},
};

#[tokio::test]
async fn both_versions_are_spoken_on_one_port() {
    let server = server(Options::default()).await;
    let (mut client, _) = http2_client(server.connect().await).await;
    let (status, body) = get(&mut client, "/who").await.unwrap();
    assert_eq!(status, 200);
    assert!(body.starts_with("HTTP/2.0 Peer { address: 127.0.0.1:"), "{body}");
    assert!(body.ends_with("secure: false }"), "{body}");
    assert!(server.answers().await);
    let body = get(&mut client, "/upgrade").await.unwrap().1;
    assert_eq!(body, "no upgrade", "HTTP/2 has none");
}

#[tokio::test]
async fn a_connection_without_a_request_is_told_to_end_and_one_with_a_request_is_not() {
    let server = server(short()).await;
    let (mut busy, _busy_end) = http2_client(server.connect().await).await;
    get(&mut busy, "/quick").await.unwrap();
    let mut for_held = busy.clone();
    let held = spawn(async move { get(&mut for_held, "/held").await });
    for _ in 0..2 {
        let started = Instant::now();
        let (mut idle, idle_end) = http2_client(server.connect().await).await;
        get(&mut idle, "/quick").await.unwrap();
        let end = timeout(LONG, idle_end).await.unwrap().unwrap();
        end.expect("it ends in order");
        assert!(started.elapsed() >= short().head);
    }
    server.gate.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().1, "held");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = server(Options::default()).await;
    let (mut client, _) = http2_client(server.connect().await).await;
    let request = Request::get("http://x/quick").header("x", "x".repeat(66_000));
    let answer = client
        .send_request(request.body(Empty::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), 431);
    assert_eq!(get(&mut client, "/quick").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_request_is_given_up_with_its_stream_and_with_its_connection() {
    let server = server(Options::default()).await;
    let requests = [(1, GET_NEVER), (3, GET_NEVER), (5, GET_QUICK)];
    let requests = requests.map(|(stream, block)| request(stream, block)).concat();
    let mut client = server.send(&[beginning(), requests].concat()).await;
    while next(&mut client).await.unwrap().kind != HEADERS {}
    assert_eq!(server.given_up.available_permits(), 0);
    client.write_all(&frame(RESET, 0, 1, &CANCEL)).await.unwrap();
    given_up(&server).await;
    drop(client);
    given_up(&server).await;
}

async fn given_up(server: &Server) {
    timeout(LONG, server.given_up.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
}

/// Asks for something large and gets its head.
async fn large(server: &Server) -> (client::SendRequest<Bytes>, h2::RecvStream) {
    let (sender, connection) = client::handshake(server.connect().await).await.unwrap();
    spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = Request::get("http://x/large").body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    (sender, answer.await.unwrap().into_body())
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up_and_the_connection_goes_on() {
    let server = server(short()).await;
    let (sender, mut body) = large(&server).await;
    let mut taken = 0;
    // Everything is read and nothing is made room for.
    let error = loop {
        match timeout(LONG, body.data()).await.unwrap() {
            Some(Ok(bytes)) => taken += bytes.len(),
            Some(Err(error)) => break error,
            None => panic!("all of it came"),
        }
    };
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    assert_eq!(taken, 65_535, "the window");
    let request = Request::get("http://x/quick").body(()).unwrap();
    let (answer, _) = sender.ready().await.unwrap().send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_answer_of_which_a_little_is_taken_now_and_then_is_given_up_too() {
    let server = server(short()).await;
    let (_sender, mut body) = large(&server).await;
    let (mut taken, mut room) = (0, 0);
    let error = loop {
        match timeout(LONG, body.data()).await.unwrap() {
            Some(Ok(bytes)) => {
                taken += bytes.len();
                room += bytes.len();
            }
            Some(Err(error)) => break error,
            None => panic!("all of it came"),
        }
        // A third of what has to be taken in that time, and always soon enough for one more piece.
        let some = room.min(2048);
        body.flow_control().release_capacity(some).unwrap();
        room -= some;
        sleep(short().write / 10).await;
    };
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    assert!(taken < 1 << 20, "{taken}");
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_comes_whole() {
    let server = server(short()).await;
    let (_sender, mut body) = large(&server).await;
    let (mut taken, mut paused) = (0, 0);
    while let Some(bytes) = timeout(LONG, body.data()).await.unwrap() {
        taken += bytes.as_ref().unwrap().len();
        if taken / (8 << 20) > paused {
            // Far longer than a head may take, all pauses together.
            paused += 1;
            sleep(short().write / 2).await;
        }
        body.flow_control()
            .release_capacity(bytes.unwrap().len())
            .unwrap();
    }
    assert_eq!(taken, LARGE);
}

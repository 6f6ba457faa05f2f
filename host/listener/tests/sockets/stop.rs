//! A stop waits for what is in flight and for nothing else.

use std::time::Instant;

use platform_listener::Options;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    frames::{GET_QUICK, PREFACE, beginning, request},
    server::{LONG, REQUEST, answer, get, http2_client, rest, server, short, spawn},
};

#[tokio::test]
async fn a_stop_waits_for_requests_and_for_nothing_else() {
    let server = server(Options::default()).await;
    let mut idle = server.send(REQUEST).await;
    assert!(answer(&mut idle).await.contains("200 OK"));
    let mut silent = server.connect().await;
    let mut half = server.send(&PREFACE[..9]).await;
    let mut held = server.send(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // Connections are accepted in their order, so once this is answered all others are known.
    let mut last = server.send(REQUEST).await;
    assert!(answer(&mut last).await.contains("200 OK"));

    let stopped = Instant::now();
    server.stop.cancel();
    for stream in [&mut idle, &mut silent, &mut half, &mut last] {
        assert!(rest(stream).await.is_empty());
    }
    assert!(stopped.elapsed() < Options::default().head);
    let nobody = TcpStream::connect(server.address).await;
    assert!(nobody.is_err(), "nobody new is let in");
    assert!(!server.task.is_finished());
    server.gate.add_permits(1);
    let answer = String::from_utf8(rest(&mut held).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("held"),
        "{answer}"
    );
    server.ended().await;
}

#[tokio::test]
async fn half_a_head_holds_a_stop_up_for_the_time_of_a_head_only() {
    let server = server(short()).await;
    let mut half = server.send(b"GET /qui").await;
    let mut next = server.send(REQUEST).await;
    assert!(answer(&mut next).await.contains("200 OK"));
    server.stop.cancel();
    timeout(LONG, server.task).await.unwrap().unwrap().unwrap();
    assert!(rest(&mut half).await.is_empty());
}

#[tokio::test]
async fn a_stop_waits_for_requests_of_http2_and_for_nothing_else() {
    let server = server(Options::default()).await;
    let (mut idle, idle_end) = http2_client(server.connect().await).await;
    get(&mut idle, "/quick").await.unwrap();
    let (mut busy, busy_end) = http2_client(server.connect().await).await;
    get(&mut busy, "/quick").await.unwrap();
    let mut for_held = busy.clone();
    let held = spawn(async move { get(&mut for_held, "/held").await });
    // On one connection in their order.
    get(&mut busy, "/quick").await.unwrap();

    let stopped = Instant::now();
    server.stop.cancel();
    timeout(LONG, idle_end).await.unwrap().unwrap().unwrap();
    assert!(stopped.elapsed() < Options::default().head);
    assert!(!server.task.is_finished());
    server.gate.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().1, "held");
    timeout(LONG, busy_end).await.unwrap().unwrap().unwrap();
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_does_not_hear_of_a_stop_does_not_hold_it_up() {
    let server = server(short()).await;
    // Has an answer, and then acknowledges nothing.
    let asks = [beginning(), request(1, GET_QUICK)].concat();
    let mut deaf = server.send(&asks).await;
    assert!(!answer(&mut deaf).await.is_empty());
    assert!(server.answers().await);
    server.stop.cancel();
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_goes_on_asking_does_not_hold_a_stop_up() {
    let server = server(short()).await;
    let mut asks = server.send(&beginning()).await;
    asks.write_all(&request(1, GET_QUICK)).await.unwrap();
    assert!(!answer(&mut asks).await.is_empty());
    server.stop.cancel();
    let goes_on = async {
        for number in 1.. {
            // Acknowledges nothing, and reads nothing.
            if asks.write_all(&request(2 * number + 1, GET_QUICK)).await.is_err() {
                break;
            }
            sleep(short().head / 20).await;
        }
    };
    timeout(LONG, goes_on).await.expect("the connection ends");
    server.ended().await;
}

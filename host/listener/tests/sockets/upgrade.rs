//! Connections that were upgraded.

use std::time::{Duration, Instant};

use platform_listener::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::server::{LONG, Server, answer, rest, server, short};

const UPGRADE: &[u8] = b"GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

async fn upgraded(server: &Server) -> TcpStream {
    let mut stream = server.send(UPGRADE).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 101 "));
    stream
}

async fn echoes(stream: &mut TcpStream) {
    stream.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    timeout(LONG, stream.read_exact(&mut back))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&back, b"hello");
}

#[tokio::test]
async fn an_upgraded_connection_is_the_services_and_still_one_of_the_connections() {
    let server = server(Options {
        connections: 1,
        ..short()
    })
    .await;
    let mut stream = upgraded(&server).await;
    let waiting = {
        let address = server.address;
        async move {
            let mut other = TcpStream::connect(address).await.unwrap();
            other.write_all(crate::server::REQUEST).await.unwrap();
            answer(&mut other).await
        }
    };
    let mut waiting = crate::server::spawn(waiting);
    // Idle for longer than others may be.
    assert!(
        timeout(2 * short().head, &mut waiting).await.is_err(),
        "the place is taken"
    );
    echoes(&mut stream).await;
    stream.shutdown().await.unwrap();
    assert!(waiting.await.unwrap().contains("200 OK"));
}

#[tokio::test]
async fn a_stop_gives_upgraded_connections_their_time_and_then_cuts_them() {
    let upgraded_stop = Duration::from_millis(500);
    let server = server(Options {
        upgraded_stop,
        ..Options::default()
    })
    .await;
    let mut stays = upgraded(&server).await;
    let stopped = Instant::now();
    server.stop.cancel();
    echoes(&mut stays).await;
    assert!(rest(&mut stays).await.is_empty());
    assert!(stopped.elapsed() >= upgraded_stop);
    let given_up = server.given_up.clone();
    timeout(LONG, given_up.acquire()).await.unwrap().unwrap().forget();
    server.ended().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_where_all_upgraded_connections_ended() {
    let server = server(Options {
        upgraded_stop: LONG,
        ..Options::default()
    })
    .await;
    let mut ends = upgraded(&server).await;
    server.stop.cancel();
    let stopped = Instant::now();
    ends.shutdown().await.unwrap();
    server.ended().await;
    assert!(stopped.elapsed() < LONG / 2);
}

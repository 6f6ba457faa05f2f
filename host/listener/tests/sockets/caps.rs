//! How many connections there may be, of all and of one network.

use std::net::SocketAddr;

use platform_listener::Options;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use crate::server::{REQUEST, Server, answer, rest, server, short};

/// Connects from another address of this machine, and asks.
async fn from(server: &Server, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    // Whoever is not let in may be reset already.
    drop(stream.write_all(REQUEST).await);
    stream
}

#[tokio::test]
async fn a_network_has_its_places_others_have_theirs_and_a_trusted_one_has_no_number() {
    let server = server(Options {
        connections_per_network: 2,
        exempt: vec!["127.0.0.3/32".parse().unwrap()],
        ..Options::default()
    })
    .await;
    let mut kept = Vec::new();
    for address in ["127.0.0.2"; 2]
        .into_iter()
        .chain(["127.0.0.3"; 5])
        .chain(["127.0.0.4"])
    {
        let mut stream = from(&server, address).await;
        assert!(answer(&mut stream).await.contains("200 OK"), "{address}");
        kept.push(stream);
    }
    assert!(
        rest(&mut from(&server, "127.0.0.2").await).await.is_empty(),
        "closed at once"
    );
    // A place is free again when the host has seen that its connection ended.
    kept.remove(0).shutdown().await.unwrap();
    while rest(&mut from(&server, "127.0.0.2").await).await.is_empty() {}
}

#[tokio::test]
async fn a_place_comes_back_however_its_connection_ends() {
    let server = server(Options {
        connections: 1,
        connections_per_network: 1,
        ..short()
    })
    .await;
    for sent in [
        &b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        b"no HTTP\r\n\r\n",
        b"GET /qui",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno HTTP/2",
    ] {
        drop(server.send(sent).await);
        // Waits to be accepted until the one before is gone.
        assert!(server.answers().await, "{sent:?}");
    }
}

#[tokio::test]
async fn a_thousand_idle_connections_are_nothing() {
    let server = server(Options {
        connections_per_network: 2000,
        ..Options::default()
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        let mut stream = server.send(REQUEST).await;
        assert!(answer(&mut stream).await.contains("200 OK"));
        idle.push(stream);
    }
    assert!(server.answers().await);
    server.stop.cancel();
    for stream in &mut idle {
        assert!(rest(stream).await.is_empty());
    }
    server.ended().await;
}

//! An HTTP/1.1 listener for strangers: bounded connections, bounded time for a request's head and for taking an
//! answer, and a stop that lets what is in flight finish. `axum::serve` has none of these.

mod client;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::response::Response;
use hyper::{Request, body::Incoming, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::client::Client;

/// What a client may take.
#[derive(Clone, Copy)]
struct Patience {
    /// From the first moment of a connection, or from the last answer, to the end of a request's head. So it
    /// also ends connections that are idle.
    head: Duration,
    /// Without reading anything of an answer.
    write: Duration,
    /// Connections at the same time; more wait to be accepted.
    connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // A client that takes longer holds a connection for nothing.
            head: Duration::from_secs(10),
            // As long as a body may take; an answer of megabytes stays in memory that long.
            write: Duration::from_secs(30),
            // File descriptors are the bound: half of the usual 1024, the rest is for files, the chain and the
            // admin.
            connections: 512,
        }
    }
}

/// The head of a request, all header lines together. Clients and proxies rarely send more than 8 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The listener is out of descriptors or the network is down: looking again at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then until the requests in flight are answered. `service` makes what answers the requests of a peer.
pub(crate) async fn serve<S>(
    listener: TcpListener,
    service: impl Fn(SocketAddr) -> S,
    stop: CancellationToken,
) -> anyhow::Result<()>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    serve_with(Patience::default(), listener, service, stop).await
}

async fn serve_with<S>(
    patience: Patience,
    listener: TcpListener,
    service: impl Fn(SocketAddr) -> S,
    stop: CancellationToken,
) -> anyhow::Result<()>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    let permits = Arc::new(Semaphore::new(patience.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&permits).acquire_owned() => permit?,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        // Answers are small and whole: waiting to fill a segment only adds latency.
        drop(stream.set_nodelay(true));
        let stream = Client::new(stream, patience.write);
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service(peer));
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection ended early");
            }
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
    // Whoever still waits to be accepted is turned away at once instead of after the last answer.
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::{Router, routing::get};
    use hyper_util::service::TowerToHyperService;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpSocket, TcpStream},
        sync::Notify,
        task::JoinHandle,
        time::timeout,
    };

    use super::*;

    const REQUEST: &[u8] = b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n";
    /// Long for a machine, short for a person.
    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Patience = Patience {
        head: Duration::from_millis(500),
        write: Duration::from_millis(500),
        connections: 2,
    };

    struct Server {
        address: SocketAddr,
        stop: CancellationToken,
        /// Lets requests for `/held` go on.
        gate: Arc<Notify>,
        task: JoinHandle<anyhow::Result<()>>,
    }

    async fn server(patience: Patience) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, gate) = (CancellationToken::new(), Arc::new(Notify::new()));
        let held = gate.clone();
        let router = Router::new()
            .route("/quick", get(async || "quick"))
            .route("/large", get(async || vec![0_u8; 64 << 20]))
            .route(
                "/held",
                get(async move || {
                    held.notified().await;
                    "held"
                }),
            );
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        let task = tokio::spawn(serve_with(
            patience,
            listener,
            move |_| TowerToHyperService::new(router.clone()),
            stop.clone(),
        ));
        Server {
            address,
            stop,
            gate,
            task,
        }
    }

    /// Everything up to the end of the connection, however it ends.
    async fn rest(stream: &mut TcpStream) -> Vec<u8> {
        let (mut all, mut part) = (Vec::new(), vec![0; 65536]);
        let read = timeout(LONG, async {
            while let Ok(count @ 1..) = stream.read(&mut part).await {
                all.extend_from_slice(&part[..count]);
            }
        });
        read.await.expect("the connection ends");
        all
    }

    #[tokio::test]
    async fn a_client_without_a_request_is_dropped_however_it_waits() {
        let server = server(Patience {
            connections: 9,
            ..SHORT
        })
        .await;
        let half = [REQUEST, b"GET /qui"].concat();
        for (sent, answers) in [(&b""[..], 0), (b"GET /qui", 0), (REQUEST, 1), (&half, 1)] {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            let answer = String::from_utf8(rest(&mut stream).await).unwrap();
            assert_eq!(answer.matches("200 OK").count(), answers, "{answer}");
        }
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        let trickle = async {
            // A byte now and then does not begin the time anew.
            while slow.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT.head / 10).await;
            }
        };
        timeout(LONG, trickle).await.expect("the connection ends");
    }

    #[tokio::test]
    async fn idle_connections_keep_others_out_for_the_time_of_a_head_only() {
        let server = server(SHORT).await;
        let mut idle = Vec::new();
        for _ in 0..3 * SHORT.connections {
            idle.push(TcpStream::connect(server.address).await.unwrap());
        }
        let (mut last, started) = (TcpStream::connect(server.address).await.unwrap(), Instant::now());
        last.write_all(REQUEST).await.unwrap();
        assert!(rest(&mut last).await.starts_with(b"HTTP/1.1 200"));
        assert!(started.elapsed() > SHORT.head, "there was no place");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_of_its_answer_is_dropped() {
        let server = server(Patience {
            connections: 1,
            ..SHORT
        })
        .await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut deaf = socket.connect(server.address).await.unwrap();
        deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        // There is one place, so this is answered when the other has lost it.
        let mut other = TcpStream::connect(server.address).await.unwrap();
        other.write_all(REQUEST).await.unwrap();
        assert!(rest(&mut other).await.starts_with(b"HTTP/1.1 200"));
        assert!(rest(&mut deaf).await.len() < 64 << 20);
    }

    #[tokio::test]
    async fn an_answer_that_comes_before_the_end_of_a_body_is_not_lost() {
        let server = server(SHORT).await;
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client
            .write_all(b"POST /quick HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n")
            .await
            .unwrap();
        // As a simple client does: everything is sent before anything is read.
        client.write_all(&vec![b'x'; 9_000_000]).await.unwrap();
        let mut answer = Vec::new();
        timeout(LONG, client.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 405 "), "{answer:?}");
    }

    #[tokio::test]
    async fn a_stop_waits_for_requests_and_for_nothing_else() {
        let server = server(Patience::default()).await;
        let mut idle = TcpStream::connect(server.address).await.unwrap();
        idle.write_all(REQUEST).await.unwrap();
        assert!(idle.read(&mut [0; 1000]).await.unwrap() > 100);
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        let mut held = TcpStream::connect(server.address).await.unwrap();
        held.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        // Connections are accepted in their order, so once this is answered all others are known.
        let mut last = TcpStream::connect(server.address).await.unwrap();
        last.write_all(REQUEST).await.unwrap();
        assert!(last.read(&mut [0; 1000]).await.unwrap() > 100);

        let stopped = Instant::now();
        server.stop.cancel();
        for stream in [&mut idle, &mut silent, &mut last] {
            assert!(rest(stream).await.is_empty());
        }
        assert!(stopped.elapsed() < Patience::default().head);
        assert!(
            TcpStream::connect(server.address).await.is_err(),
            "nobody new is let in"
        );
        assert!(!server.task.is_finished());
        server.gate.notify_one();
        let answer = String::from_utf8(rest(&mut held).await).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("held"),
            "{answer}"
        );
        timeout(LONG, server.task).await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn half_a_head_holds_a_stop_up_for_the_time_of_a_head_only() {
        let server = server(SHORT).await;
        let mut half = TcpStream::connect(server.address).await.unwrap();
        half.write_all(b"GET /qui").await.unwrap();
        let mut next = TcpStream::connect(server.address).await.unwrap();
        next.write_all(REQUEST).await.unwrap();
        assert!(next.read(&mut [0; 1000]).await.unwrap() > 100);
        server.stop.cancel();
        timeout(LONG, server.task).await.unwrap().unwrap().unwrap();
        assert!(rest(&mut half).await.is_empty());
    }
}

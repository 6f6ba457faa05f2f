//! The listener that strangers meet: HTTP/1.1 and HTTP/2 on one port, in clear or over TLS. Connections are bounded in number,
//! all together and by who has them, and so is the time for a request's head and for taking an answer; and a stop lets what is in
//! flight finish. `axum::serve` has none of these. How often somebody may ask is the service's affair.

mod caps;
mod client;
mod connection;
mod limits;
mod streams;
mod tls;

use std::{
    convert::Infallible,
    error::Error,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, service::Service};
use ipnet::IpNet;
use tokio::{
    net::TcpListener,
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

pub use tls::{Tls, TlsError};

use crate::{
    caps::Caps,
    connection::Connection,
    limits::{
        ACCEPT_PAUSE, HEAD_TIME, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_NETWORK, UPGRADED_STOP_TIME, WRITE_TIME,
    },
};

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it connected from.
    pub address: SocketAddr,
    /// Whether it came over TLS.
    pub secure: bool,
}

/// What is served and what a client may take. The default is plain HTTP.
#[derive(Clone, Debug)]
pub struct Options {
    /// With it, nothing but TLS is spoken.
    pub tls: Option<Tls>,
    /// From the first moment of a connection, or from the last answer, to the end of a request's head.
    pub head: Duration,
    /// Without taking anything of an answer.
    pub write: Duration,
    /// For upgraded connections to end when the host stops.
    pub upgraded_stop: Duration,
    /// Connections at the same time; more wait to be accepted.
    pub connections: usize,
    /// Connections of one IPv4 address or one /64 of IPv6 at the same time; more are closed at once.
    pub connections_per_network: usize,
    /// Networks that have no number of their own, because many clients come through them: trusted proxies.
    pub exempt: Vec<IpNet>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: None,
            head: HEAD_TIME,
            write: WRITE_TIME,
            upgraded_stop: UPGRADED_STOP_TIME,
            connections: MAX_CONNECTIONS,
            connections_per_network: MAX_CONNECTIONS_PER_NETWORK,
            exempt: Vec::new(),
        }
    }
}

/// Serves until `stop`, then until the requests in flight are answered. `service` makes what answers the requests of a peer.
///
/// A service may upgrade a connection of HTTP/1 by [`hyper::upgrade::on`]. It stays one of the connections until whoever took it
/// lets go of it. A stop cannot know when that will be, so it waits for [`Options::upgraded_stop`] and then cuts it: what has it
/// reads and writes errors. Whoever wants a better end for it looks at the same `stop`. HTTP/2 has no upgrades.
///
/// An error means that this is no listener (any more); what a client or the network does is none. A future that is dropped cuts
/// all connections.
pub async fn serve<S, B>(
    listener: TcpListener,
    options: Options,
    service: impl Fn(Peer) -> S,
    stop: CancellationToken,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut caps = Caps::new(options.connections_per_network, options.exempt.clone());
    let acceptor = options.tls.as_ref().map(Tls::acceptor);
    let mut tasks = JoinSet::new();
    let mut stopped = pin!(stop.cancelled());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => break,
            Some(ended) = tasks.join_next_with_id() => {
                caps.release(task_of(ended));
                continue;
            }
            accepted = listener.accept(), if tasks.len() < options.connections => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                survive(error).await?;
                continue;
            }
        };
        let Some(place) = caps.place(address.ip()) else {
            tracing::debug!(%address, "too many connections of one network");
            continue;
        };
        // Answers are small and whole: waiting to fill a segment only adds latency.
        drop(stream.set_nodelay(true));
        let secure = acceptor.is_some();
        let connection = Connection {
            stream,
            acceptor: acceptor.clone(),
            head: options.head,
            write: options.write,
            upgraded_stop: options.upgraded_stop,
            // Of its own, because all who wait for one take turns with its lock.
            stop: stop.child_token(),
        };
        let task = tasks.spawn(connection.run(service(Peer { address, secure })));
        caps.take(place, task.id());
    }
    // Whoever still waits to be accepted is turned away at once instead of after the last answer.
    drop(listener);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

fn task_of(ended: Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((task, ())) => task,
        Err(error) => {
            if error.is_panic() {
                tracing::error!(error = %error, "a connection panicked");
            }
            error.id()
        }
    }
}

/// Waits until there may be a next connection, unless there never will be.
async fn survive(error: io::Error) -> io::Result<()> {
    match error.kind() {
        // What was accepted is gone already.
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => Ok(()),
        ErrorKind::InvalidInput => Err(error),
        _ => {
            tracing::warn!(error = %error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            Ok(())
        }
    }
}

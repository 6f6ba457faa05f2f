//! One connection from its first moment to its end, and beyond it when it was upgraded.

use std::{
    convert::Infallible,
    error::Error,
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, HOST},
};
use http_body::Body;
use http_body_util::{Either, Empty};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::{HttpService, Service, service_fn},
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, Version},
    limits::{
        CONNECTION_WINDOW, HEADER_TABLE, LEAVE_TIME, MAX_BROKEN_STREAMS, MAX_FRAME, MAX_HEAD_BYTES,
        MAX_RESET_STREAMS, MAX_SEND_BUFFER, MAX_STREAMS, PING_AFTER, PING_TIME, STREAM_WINDOW,
    },
    streams::{Activity, Pieces, Streams},
    tls::HTTP2,
};

/// A connection that was accepted.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) head: Duration,
    pub(crate) write: Duration,
    pub(crate) upgraded_stop: Duration,
    pub(crate) stop: CancellationToken,
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
enum Early {
    #[error("nothing was asked in time")]
    Silent,
    #[error("it did not end when it was told to")]
    Stayed,
    #[error("it did not begin")]
    Begin(#[source] io::Error),
    #[error("HTTP failed")]
    Http(#[source] hyper::Error),
}

/// What hyper has for both versions, without a trait for it.
trait Leave: Future<Output = hyper::Result<()>> {
    /// Lets what is in flight finish, and nothing begin.
    fn leave(self: Pin<&mut Self>);
}

/// The times of a connection, and the word to end it.
struct Driver {
    begun: Instant,
    head: Duration,
    write: Duration,
    stop: CancellationToken,
}

impl Connection {
    pub(crate) async fn run<S, B>(self, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (mut cut, end) = oneshot::channel();
        let client = Client::new(self.stream, self.write, end);
        let driver = Driver {
            begun: Instant::now(),
            head: self.head,
            write: self.write,
            stop: self.stop,
        };
        let ended = match self.acceptor {
            None => driver.plain(client, service).await,
            Some(acceptor) => driver.secure(acceptor, client, service).await,
        };
        if let Err(error) = ended {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::debug!(error = %error, cause, "a connection ended early");
        }
        // Closed already, unless it was upgraded and whoever has it now keeps it.
        tokio::select! {
            biased;
            () = cut.closed() => {}
            () = async {
                driver.stop.cancelled().await;
                sleep(self.upgraded_stop).await;
            } => drop(cut.send(())),
        }
    }
}

impl Driver {
    async fn plain<S, B>(&self, mut client: Client<TcpStream>, service: S) -> Result<(), Early>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        match self.first(client.version()).await? {
            Some(Some(version)) => self.speak(version, client, service).await,
            // It left, or the host does.
            Some(None) | None => Ok(()),
        }
    }

    async fn secure<S, B>(
        &self,
        acceptor: TlsAcceptor,
        client: Client<TcpStream>,
        service: S,
    ) -> Result<(), Early>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(stream) = self.first(acceptor.accept(client)).await? else {
            return Ok(());
        };
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(HTTP2) => Version::Http2,
            _ => Version::Http1,
        };
        self.speak(version, stream, service).await
    }

    /// What comes before any request, while nobody waits for anything. None when the host stops.
    async fn first<T>(&self, what: impl Future<Output = io::Result<T>>) -> Result<Option<T>, Early> {
        tokio::select! {
            result = timeout_at(self.begun + self.head, what) => {
                result.map_err(|_| Early::Silent)?.map(Some).map_err(Early::Begin)
            }
            () = self.stop.cancelled() => Ok(None),
        }
    }

    async fn speak<S, B, I>(&self, version: Version, stream: I, service: S) -> Result<(), Early>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        let activity = Arc::new(Activity::new(self.begun));
        match version {
            Version::Http1 => {
                let asked = Arc::clone(&activity);
                let service = service_fn(move |request: Request<Incoming>| {
                    asked.begin();
                    let answer = (!lacks_host(&request)).then(|| service.call(request));
                    async move {
                        match answer {
                            Some(answer) => answer.await.map(|answer| answer.map(Either::Left)),
                            None => Ok(malformed()),
                        }
                    }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(self.head)
                    .max_buf_size(MAX_HEAD_BYTES)
                    .serve_connection(stream, service)
                    .with_upgrades();
                self.drive(version, connection, &activity).await
            }
            Version::Http2 => {
                let service = service_fn(move |mut request: Request<Incoming>| {
                    // A tunnel would be a request that never ends.
                    request.extensions_mut().remove::<OnUpgrade>();
                    let answer = service.call(request);
                    async move { answer.await.map(|answer| answer.map(Pieces::new)) }
                });
                let streams = Streams {
                    activity: Arc::clone(&activity),
                    write: self.write,
                };
                let connection = http2(streams).serve_connection(stream, service);
                self.drive(version, connection, &activity).await
            }
        }
    }

    /// Until all is said, or the connection is idle for too long, or the host stops and what is in flight is answered.
    async fn drive(
        &self,
        version: Version,
        connection: impl Leave,
        activity: &Activity,
    ) -> Result<(), Early> {
        let mut connection = pin!(connection);
        let mut look = pin!(sleep_until(self.begun + self.head));
        let mut leaving = None;
        let leave_time = LEAVE_TIME.min(self.head);
        loop {
            let stopped = tokio::select! {
                result = connection.as_mut() => return result.map_err(Early::Http),
                () = self.stop.cancelled(), if leaving.is_none() => true,
                () = look.as_mut() => false,
            };
            let now = Instant::now();
            if !stopped {
                let patience = if leaving.is_some() { leave_time } else { self.head };
                let due = match activity.quiet_since() {
                    None => now + patience,
                    Some(since) => leaving.map_or(since, |left| since.max(left)) + patience,
                };
                if leaving.is_some() {
                    // It had its time to see that it should begin nothing any more.
                    activity.close();
                }
                if now < due {
                    look.as_mut().reset(due);
                    continue;
                }
                match (leaving, version) {
                    (Some(_), _) => return Err(Early::Stayed),
                    // Of HTTP/1 only what never asked is ever quiet.
                    (None, Version::Http1) => return Err(Early::Silent),
                    (None, Version::Http2) => {}
                }
            }
            leaving = Some(now);
            connection.as_mut().leave();
            look.as_mut().reset(now + leave_time);
        }
    }
}

/// What hyper does not look at (RFC 9112, 3.2): in front of several sites somebody would have to guess which one is meant.
fn lacks_host(request: &Request<Incoming>) -> bool {
    request.version() == http::Version::HTTP_11 && !request.headers().contains_key(HOST)
}

/// As hyper answers other heads that cannot be read.
fn malformed<B>() -> Response<Either<B, Empty<Bytes>>> {
    let mut answer = Response::new(Either::Right(Empty::new()));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    answer
}

fn http2(streams: Streams) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_BROKEN_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .header_table_size(HEADER_TABLE)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_TIME);
    builder
}

impl<I, S> Leave for http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::ResBody: 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Leave for http2::Connection<I, S, Streams>
where
    S: HttpService<Incoming>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::ResBody: 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    Streams: hyper::rt::bounds::Http2ServerConnExec<S::Future, S::ResBody>,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

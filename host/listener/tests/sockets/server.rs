//! A listener with a small service behind it, and what clients need to talk to it.

use std::{
    convert::Infallible,
    future::{Ready, pending, ready},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{body::Incoming, client::conn::http2, service::Service};
use hyper_util::rt::{TokioExecutor, TokioIo};
use platform_listener::{Options, Peer, serve};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) const REQUEST: &[u8] = b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n";
/// Long for a machine, short for a person.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Bytes of `/large`.
pub(crate) const LARGE: usize = 64 << 20;

/// Impatient with everybody.
pub(crate) fn short() -> Options {
    Options {
        head: Duration::from_millis(500),
        write: Duration::from_millis(500),
        upgraded_stop: Duration::from_millis(500),
        ..Options::default()
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    /// As many requests for `/held` go on.
    pub(crate) gate: Arc<Semaphore>,
    /// Gets one for each request that was given up.
    pub(crate) given_up: Arc<Semaphore>,
    pub(crate) task: JoinHandle<io::Result<()>>,
}

pub(crate) async fn server(options: Options) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (gate, given_up) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (for_gate, for_given_up) = (gate.clone(), given_up.clone());
    let service = move |peer| Answers {
        peer,
        gate: for_gate.clone(),
        given_up: for_given_up.clone(),
    };
    Server {
        address,
        stop: stop.clone(),
        gate,
        given_up,
        task: spawn(serve(listener, options, service, stop)),
    }
}

impl Server {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Connects and sends.
    pub(crate) async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Whether somebody new is answered.
    pub(crate) async fn answers(&self) -> bool {
        let mut stream = self.send(REQUEST).await;
        let mut answer = [0; 12];
        let read = timeout(LONG, stream.read_exact(&mut answer)).await.unwrap();
        read.is_ok() && answer == *b"HTTP/1.1 200"
    }

    pub(crate) async fn ended(self) {
        timeout(LONG, self.task).await.unwrap().unwrap().unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
pub(crate) fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}

/// Everything up to the end of the connection, however it ends.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), vec![0; 65536]);
    let read = timeout(LONG, async {
        while let Ok(count @ 1..) = stream.read(&mut part).await {
            all.extend_from_slice(&part[..count]);
        }
    });
    read.await.expect("the connection ends");
    all
}

/// Reads one small answer.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = vec![0; 1000];
    let count = timeout(LONG, stream.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

pub(crate) type Sender = http2::SendRequest<Empty<Bytes>>;

/// A client of HTTP/2, and the end of its connection.
pub(crate) async fn http2_client(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = timeout(LONG, handshake).await.unwrap().unwrap();
    (sender, spawn(connection))
}

pub(crate) async fn get(sender: &mut Sender, path: &str) -> hyper::Result<(StatusCode, String)> {
    let uri = format!("http://x{path}");
    let answer = sender.send_request(Request::get(uri).body(Empty::new()).unwrap());
    let answer = timeout(LONG, answer).await.expect("an answer or an end")?;
    let status = answer.status();
    let body = timeout(LONG, answer.into_body().collect()).await.unwrap()?;
    Ok((status, String::from_utf8(body.to_bytes().into()).unwrap()))
}

struct Answers {
    peer: Peer,
    gate: Arc<Semaphore>,
    given_up: Arc<Semaphore>,
}

struct GivesUp(Arc<Semaphore>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

type Answer = Result<Response<Full<Bytes>>, Infallible>;

impl Service<Request<Incoming>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let answer = |text: String| -> Ready<Answer> { ready(Ok(Response::new(Full::from(text)))) };
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/quick") => Box::pin(answer("quick".into())),
            (_, "/quick") => {
                let mut refusal = Response::new(Full::default());
                *refusal.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                Box::pin(ready(Ok(refusal)))
            }
            (_, "/large") => Box::pin(ready(Ok(Response::new(Full::from(vec![0; LARGE]))))),
            (_, "/who") => Box::pin(answer(format!("{:?} {:?}", request.version(), self.peer))),
            (_, "/held") => {
                let gate = self.gate.clone();
                Box::pin(async move {
                    gate.acquire().await.unwrap().forget();
                    answer("held".into()).await
                })
            }
            (_, "/never") => {
                let gives_up = GivesUp(self.given_up.clone());
                Box::pin(async move {
                    pending::<()>().await;
                    drop(gives_up);
                    answer(String::new()).await
                })
            }
            (_, "/upgrade") => {
                if request.extensions().get::<hyper::upgrade::OnUpgrade>().is_none() {
                    return Box::pin(answer("no upgrade".into()));
                }
                let upgrade = hyper::upgrade::on(&mut request);
                let ended = GivesUp(self.given_up.clone());
                spawn(async move {
                    let (mut read, mut write) = split(TokioIo::new(upgrade.await.unwrap()));
                    drop(copy(&mut read, &mut write).await);
                    drop(ended);
                });
                let mut switching = Response::new(Full::default());
                *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                switching.headers_mut().insert("upgrade", "echo".parse().unwrap());
                Box::pin(ready(Ok(switching)))
            }
            (_, path) => panic!("no such thing: {path}"),
        }
    }
}

//! Challenges that are a few lines over a socket each, and what is sent to them.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use platform_domain::{Request, Response};
use platform_upstream::{BoxError, Limits, Upstream, UpstreamBody, UpstreamError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

/// Long for a machine, short for a person.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Short for a machine that has nothing else to do.
pub(crate) const SHORT: Duration = Duration::from_millis(300);
pub(crate) const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A challenge, for as long as it lives.
pub(crate) struct Challenge {
    pub(crate) at: String,
    /// Connections so far.
    pub(crate) connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// Handles every connection as it is told to.
pub(crate) async fn challenge<F, T>(handle: F) -> Challenge
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let (count, mut _tasks) = (connections.clone(), JoinSet::new());
    _tasks.spawn(async move {
        let mut handlers = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            handlers.spawn(handle(stream));
        }
    });
    Challenge {
        at,
        connections,
        _tasks,
    }
}

impl Challenge {
    pub(crate) fn upstream(&self) -> Upstream {
        self.upstream_with(Limits::default())
    }

    pub(crate) fn upstream_with(&self, limits: Limits) -> Upstream {
        Upstream::new(self.at.parse().unwrap(), limits)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) fn request(method: &str, path: &str) -> Request<()> {
    Request {
        id: "id".into(),
        method: method.into(),
        path: path.into(),
        query: None,
        headers: vec![],
        body: (),
        caller: None,
    }
}

pub(crate) fn get() -> Request<Full<Bytes>> {
    request("GET", "/").with_body(Full::default())
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request("POST", "/").with_body(Full::new(body.into()))
}

/// Everything up to an empty line, and what came with it.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    while !all.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut all).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8(all).unwrap()
}

/// A whole request with nothing behind it.
pub(crate) async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    while !all.ends_with(end.as_bytes()) {
        assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "{all:?}");
    }
    String::from_utf8(all).unwrap()
}

pub(crate) async fn write(stream: &mut TcpStream, text: impl AsRef<[u8]>) -> bool {
    stream.write_all(text.as_ref()).await.is_ok()
}

/// Reads until the other side has closed, however.
pub(crate) async fn closed(stream: &mut TcpStream) {
    let mut part = vec![0; 65536];
    while let Ok(1..) = stream.read(&mut part).await {}
}

/// In time.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("it does not take that long")
}

/// The whole answer as text.
pub(crate) async fn text(answer: Response<UpstreamBody>) -> Result<String, UpstreamError> {
    let whole = answer.body.collect().await?.to_bytes();
    Ok(String::from_utf8(whole.to_vec()).unwrap())
}

/// What an answer or its absence comes down to.
pub(crate) async fn outcome(answer: Result<Response<UpstreamBody>, UpstreamError>) -> String {
    match answer {
        Err(error) => kind(&error).to_owned(),
        Ok(answer) => {
            let status = answer.status;
            match text(answer).await {
                Ok(body) => format!("{status} {body}"),
                Err(error) => format!("{status}, then {}", kind(&error)),
            }
        }
    }
}

pub(crate) fn kind(error: &UpstreamError) -> &'static str {
    match error {
        UpstreamError::Busy { .. } => "busy",
        UpstreamError::Unreachable(_) => "unreachable",
        UpstreamError::HeadTimeout(_) => "no head",
        UpstreamError::IdleTimeout(_) => "idle",
        UpstreamError::TooLong(_) => "too long",
        UpstreamError::Broken(_) => "broken",
        UpstreamError::TooLarge => "too large",
        UpstreamError::RequestBody(_) => "request body",
        UpstreamError::NotAllowed(_) => "not allowed",
        UpstreamError::Status(_) => "status",
        UpstreamError::AnswerTooLarge(_) => "answer too large",
    }
}

/// A client's body that the test writes while it is sent. Its length is not known.
pub(crate) struct Written(mpsc::Receiver<Result<Bytes, BoxError>>);

pub(crate) fn written() -> (mpsc::Sender<Result<Bytes, BoxError>>, Written) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Written(receiver))
}

impl Body for Written {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A client's body of many pieces, which counts how many were taken.
pub(crate) struct Large {
    pub(crate) left: u64,
    pub(crate) taken: Arc<AtomicUsize>,
}

impl Large {
    pub(crate) const PIECE: usize = 64 * 1024;
}

impl Body for Large {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.taken.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; Self::PIECE])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left * Self::PIECE as u64)
    }
}

//! One end of a connection that speaks HTTP/1.1 by hand, as a client or as a server.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The longest that anything here is waited for, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A connection, and what was read of it and not looked at.
pub(crate) struct Line<S = TcpStream> {
    stream: S,
    unread: Vec<u8>,
    open: bool,
}

/// A request or an answer, taken apart no further than needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The whole head as it came, with the empty line.
    pub(crate) head: Vec<u8>,
    /// The body, put together from its chunks.
    pub(crate) body: Vec<u8>,
    /// Whether it came to its end.
    pub(crate) whole: bool,
}

/// Connects from this address, of which a machine has many to itself.
pub(crate) async fn connect(base: &str, from: &str) -> Line {
    let to: SocketAddr = base.split_once("://").unwrap().1.parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    Line::new(socket.connect(to).await.unwrap())
}

impl Line {
    pub(crate) async fn connect(base: &str) -> Self {
        connect(base, "127.0.0.1").await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            open: true,
        }
    }

    /// Whether all that was written found somebody.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whoever refuses need not read everything first, and then the connection is gone.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let written = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await;
        self.open &= written.expect("it is taken in time").is_ok() && self.stream.flush().await.is_ok();
    }

    /// Whether there was anything more.
    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        read.expect("something or the end in time")
            .is_ok_and(|count| count > 0)
    }

    /// For as long as it takes; whether there is anything.
    pub(crate) async fn wait(&mut self) -> bool {
        !self.unread.is_empty()
            || self
                .stream
                .read_buf(&mut self.unread)
                .await
                .is_ok_and(|count| count > 0)
    }

    /// So many bytes, or less when it ends before.
    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.more().await {}
        let count = count.min(self.unread.len());
        self.unread.drain(..count).collect()
    }

    /// Up to this text and with it; `None` when it ends before.
    pub(crate) async fn until(&mut self, end: &str) -> Option<Vec<u8>> {
        loop {
            let found = self.unread.windows(end.len()).position(|it| it == end.as_bytes());
            match found {
                Some(at) => return Some(self.unread.drain(..at + end.len()).collect()),
                None if self.more().await => {}
                None => return None,
            }
        }
    }

    /// Everything until it ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.unread)
    }

    /// A head without what follows.
    pub(crate) async fn head(&mut self) -> Option<Message> {
        let head = self.until("\r\n\r\n").await?;
        Some(Message {
            head,
            whole: true,
            ..Message::default()
        })
    }

    /// A request with its body.
    pub(crate) async fn request(&mut self) -> Option<Message> {
        let mut request = self.head().await?;
        self.body(&mut request).await;
        Some(request)
    }

    /// An answer with its body, which without a length goes to the end.
    pub(crate) async fn answer(&mut self, method: &str) -> Option<Message> {
        let mut answer = self.head().await?;
        let has_body = method != "HEAD" && !matches!(answer.status(), 100..200 | 204 | 304);
        if has_body && !self.body(&mut answer).await {
            answer.body = self.rest().await;
        }
        Some(answer)
    }

    /// By length or by chunks; false when there is neither.
    async fn body(&mut self, message: &mut Message) -> bool {
        if message.all("transfer-encoding") == ["chunked"] {
            loop {
                match self.chunk().await {
                    Some(chunk) if chunk.is_empty() => return true,
                    Some(chunk) => message.body.extend(chunk),
                    None => {
                        message.whole = false;
                        return true;
                    }
                }
            }
        }
        let lengths = message.all("content-length");
        let Some(length) = lengths.first().and_then(|length| length.parse().ok()) else {
            return false;
        };
        message.body = self.exactly(length).await;
        message.whole = message.body.len() == length;
        true
    }

    /// One chunk as the other side made it, the last one with nothing in it; `None` when it breaks off.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.until("\r\n").await?).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let chunk = self.exactly(size).await;
        self.until("\r\n").await?;
        Some(chunk)
    }
}

impl Message {
    /// A character for each byte.
    pub(crate) fn text(&self) -> String {
        self.head.iter().copied().map(char::from).collect()
    }

    fn first(&self) -> String {
        self.text().split("\r\n").next().unwrap_or_default().to_owned()
    }

    pub(crate) fn status(&self) -> u16 {
        self.first()
            .split(' ')
            .nth(1)
            .and_then(|it| it.parse().ok())
            .unwrap_or_default()
    }

    /// Of a request: method and target.
    pub(crate) fn asked(&self) -> (String, String) {
        let first = self.first();
        let mut words = first.split(' ').map(str::to_owned);
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// In order, with the names in lower case.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let text = self.text();
        let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines
            .map(|(name, value)| (name.to_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
            .collect()
    }

    /// Every value of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let headers = self.headers().into_iter();
        headers
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value)
            .collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The host's reason.
    pub(crate) fn reason(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

//! Opening a connection, and counting what comes over it.

use std::{
    io,
    path::Path,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use bollard::errors::Error;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::unreachable;
use crate::{
    ClientTls, Endpoint,
    error::AnswerTooLarge,
    limits::{ENGINE_CONNECT, MESSAGE_CHARS, SSH_BYTES, SSH_LAST_WORDS},
    refusal::TLS_FAILED,
    text::shown,
};

/// Something to speak HTTP over.
pub(super) struct Connection {
    pub(super) io: Box<dyn Duplex>,
    /// Where a child says why it failed.
    pub(super) last_words: Option<ChildStderr>,
}

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The two pipes of a child that carries a connection. The child ends with it.
struct Carried {
    stdout: ChildStdout,
    /// `None` when nothing more is sent: a pipe ends when it is closed.
    stdin: Option<ChildStdin>,
    _child: Child,
}

/// Reads so many bytes and no more.
pub(super) struct Metered<T> {
    io: T,
    left: u64,
    most: u64,
}

impl Connection {
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, Error> {
        let opening = async {
            match endpoint {
                Endpoint::Unix(path) => unix(path).await,
                Endpoint::Tls { host, port, tls } => secured(host, *port, tls).await,
                Endpoint::Ssh {
                    user,
                    host,
                    port,
                    config,
                } => ssh(user, host, *port, config.as_deref()),
            }
        };
        let opened = timeout(ENGINE_CONNECT, opening).await;
        let opened = opened.unwrap_or_else(|late| Err(unreachable("there is no connection in time", late)));
        opened.map_err(|err| Error::IOError { err })
    }
}

async fn unix(path: &Path) -> io::Result<Connection> {
    let stream = UnixStream::connect(path).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "there is no such socket; is Docker installed and running?",
            io::ErrorKind::ConnectionRefused => "nobody listens at the socket; is Docker running?",
            io::ErrorKind::PermissionDenied => {
                "the socket may not be opened; is this user in the group docker?"
            }
            _ => "the socket cannot be opened",
        };
        unreachable(hint, error)
    })?;
    Ok(Connection {
        io: Box::new(stream),
        last_words: None,
    })
}

async fn secured(host: &str, port: u16, tls: &ClientTls) -> io::Result<Connection> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::ConnectionRefused => "nobody listens there",
            _ => "there is no way to it",
        };
        unreachable(hint, error)
    })?;
    // Requests are small or come in pieces that somebody waits for.
    stream
        .set_nodelay(true)
        .map_err(|error| unreachable("there is no way to it", error))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| unreachable("its name cannot be in a certificate", error))?;
    let connector = TlsConnector::from(tls.config());
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|error| unreachable(TLS_FAILED, error))?;
    Ok(Connection {
        io: Box::new(stream),
        last_words: None,
    })
}

/// What Docker's own command line does: a `docker system dial-stdio` on the other side.
fn ssh(user: &str, host: &str, port: Option<u16>, config: Option<&Path>) -> io::Result<Connection> {
    let mut command = Command::new("ssh");
    // Nobody is there to be asked for a password, or whether a host is known.
    command.args(["-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-l", user]);
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", host, "docker", "system", "dial-stdio"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| unreachable("ssh cannot be started; is it installed?", error))?;
    let pipes = (child.stdout.take(), child.stdin.take(), child.stderr.take());
    let (Some(stdout), Some(stdin), last_words) = pipes else {
        return Err(unreachable("ssh has no pipes", "none were made"));
    };
    Ok(Connection {
        io: Box::new(Carried {
            stdout,
            stdin: Some(stdin),
            _child: child,
        }),
        last_words,
    })
}

/// Why a child that carried the connection failed, in its own words.
pub(super) async fn said_last(stderr: ChildStderr, error: hyper::Error) -> Error {
    let said = last_words(stderr).await;
    let said = shown(&String::from_utf8_lossy(&said), MESSAGE_CHARS);
    let hint = match said.is_empty() {
        true => "ssh ended without a word".to_owned(),
        false => format!("ssh says: {said}"),
    };
    Error::IOError {
        err: unreachable(hint, error),
    }
}

/// Whatever was said when there is enough of it or the time is over.
async fn last_words(stderr: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut said = Vec::new();
    let mut stderr = stderr.take(SSH_BYTES);
    drop(timeout(SSH_LAST_WORDS, stderr.read_to_end(&mut said)).await);
    said
}

impl<T> Metered<T> {
    pub(super) const fn new(io: T, most: u64) -> Self {
        let left = most;
        Self { io, left, most }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other(AnswerTooLarge(self.most))));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        // What is read with the last bytes is less than one buffer of the HTTP library.
        let read = buf.filled().len().saturating_sub(before);
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl AsyncRead for Carried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buf)
    }
}

impl AsyncWrite for Carried {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn an_answer_ends_with_an_error_when_it_is_too_large() {
        let mut metered = Metered::new(&b"twelve bytes"[..], 12);
        let mut read = Vec::new();
        let error = metered.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(read, b"twelve bytes");
        assert_eq!(error.to_string(), "the answer has more than 12 bytes");
        assert!(Metered::new(&b"x"[..], 12).read_to_end(&mut read).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn last_words_end_with_their_length_and_with_their_time() {
        let endless = last_words(tokio::io::repeat(b'x')).await;
        assert_eq!(endless, [b'x'; 1024]);
        let (here, mut there) = tokio::io::duplex(64);
        there.write_all(b"and then nothing").await.unwrap();
        assert_eq!(last_words(here).await, b"and then nothing");
    }
}

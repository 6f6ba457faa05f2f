//! A connection into a network of an engine, carried by `nc` in a container there, over the connection to the engine: nothing has to
//! listen anywhere, and whoever may not speak to the engine reaches nothing.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::{
    Engine, EngineError, Output,
    frames::Decoder,
    limits::{DIALED_READ, DIALED_WORDS, MESSAGE_CHARS, QUESTION},
    refusal::Subject,
    spec::check_name,
    text::shown,
};

/// How an engine begins what it says in the place of a program that it cannot start. Nothing that speaks HTTP begins so.
const NOT_STARTED: &[u8] = b"OCI runtime exec failed";

/// A connection of `nc`. Whether it has reached anybody shows when it is read: until then what is written waits. Shutting it down tells
/// the other side that nothing more comes, which may still answer. Dropping it ends both directions, and with them the `nc`
/// as soon as the other side has noticed. Holds no more than it reads at once.
pub struct Dialed {
    io: TokioIo<Upgraded>,
    decoder: Decoder,
    /// Of the program, not yet taken.
    read: Bytes,
    /// What `nc` says of itself.
    said: Vec<u8>,
    began: bool,
    ended: bool,
}

/// There is no connection. In an [`io::Error`] whose kind is [`io::ErrorKind::ConnectionRefused`]: nothing has reached anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConnection {
    /// Nobody listens there, in the words of `nc`.
    #[error("{0}")]
    Refused(String),
    /// The container cannot run `nc`: it has none, or too many, or the engine's machine is at its end.
    #[error("nc cannot be started in the relay: {0}")]
    NotStarted(String),
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

impl Engine {
    /// Connects from inside a container, whose image has `nc`, to an address of a network that it is in.
    pub async fn dial(&self, container: &str, to: SocketAddr) -> Result<Dialed, EngineError> {
        check_name(container, "the name of a container")?;
        let subject = Subject::Container(container);
        let program = json!({
            "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Tty": false,
            "Cmd": ["nc", to.ip().to_string(), to.port().to_string()],
        });
        let path = format!("/containers/{container}/exec");
        let made: Result<Made, _> = self.post(QUESTION, &path, &program, None, subject).await;
        let id = match made {
            Ok(made) => made.id,
            // It is there and does not run, or is halted.
            Err(EngineError::Engine { status: 409, message }) => return Err(EngineError::NotFound(message)),
            Err(error) => return Err(error),
        };
        check_name(&id, "the name of a program").map_err(EngineError::protocol)?;
        let start = json!({ "Detach": false, "Tty": false });
        let path = format!("/exec/{id}/start");
        let io = self.switch(QUESTION, &path, &start, subject).await?;
        Ok(Dialed {
            io: TokioIo::new(io),
            decoder: Decoder::default(),
            read: Bytes::new(),
            said: Vec::new(),
            began: false,
            ended: false,
        })
    }
}

impl Dialed {
    /// Until there is something of the program, or the end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.read.is_empty() && !self.ended {
            let piece = self.decoder.piece();
            if let Some(piece) = piece.map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad))? {
                match piece.output {
                    Output::Stdout => self.read = piece.bytes,
                    Output::Stderr => self.complain(&piece.bytes),
                }
                continue;
            }
            let buffered = &mut self.decoder.buffered;
            buffered.reserve(DIALED_READ);
            let mut limited = (&mut self.io).take(DIALED_READ as u64);
            let read = pin!(limited.read_buf(buffered));
            if ready!(read.poll(context))? == 0 {
                self.ended = true;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn complain(&mut self, words: &[u8]) {
        let room = DIALED_WORDS.saturating_sub(self.said.len());
        self.said.extend(words.iter().take(room));
    }

    /// Why nothing ever came, if that was no end but no beginning.
    fn reason(&mut self) -> io::Result<()> {
        if !self.began && self.read.starts_with(NOT_STARTED) {
            let said = std::mem::take(&mut self.read);
            return Err(NoConnection::NotStarted(words(&said)).into());
        }
        self.began |= !self.read.is_empty();
        match self.ended {
            true if !self.began && !self.said.is_empty() => {
                Err(NoConnection::Refused(words(&self.said)).into())
            }
            true if !self.decoder.is_between() => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn words(said: &[u8]) -> String {
    shown(&String::from_utf8_lossy(said), MESSAGE_CHARS)
}

impl From<NoConnection> for io::Error {
    fn from(reason: NoConnection) -> Self {
        Self::new(io::ErrorKind::ConnectionRefused, reason)
    }
}

impl AsyncRead for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_fill(context))?;
        self.reason()?;
        let most = buffer.remaining().min(self.read.len());
        buffer.put_slice(self.read.get(..most).unwrap_or_default());
        self.read.advance(most);
        if self.read.is_empty() {
            // Lets go of the memory, which is read into next.
            self.read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

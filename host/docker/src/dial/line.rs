//! What comes of the program that carries a connection: its bytes, and what it says of itself.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, ReadBuf};

use crate::{
    Output,
    frames::Decoder,
    limits::{DIALED_READ, DIALED_WORDS, MESSAGE_CHARS},
    text::shown,
};

/// A raw connection to an engine, with outputs of a program in frames on it.
pub(super) struct Line {
    pub(super) io: TokioIo<Upgraded>,
    decoder: Decoder,
    /// What it has passed on, not yet taken.
    read: Bytes,
    /// What it says of itself: its number, and then why it fails.
    said: Vec<u8>,
    began: bool,
    ended: bool,
}

/// There is no program. In the words of the engine, where it should say those of the program.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotStarted(String);

impl Line {
    pub(super) fn new(io: Upgraded) -> Self {
        Self {
            io: TokioIo::new(io),
            decoder: Decoder::default(),
            read: Bytes::new(),
            said: Vec::new(),
            began: false,
            ended: false,
        }
    }

    /// Until the program has told its number.
    pub(super) async fn started(&mut self) -> io::Result<()> {
        loop {
            if self.number().is_some() {
                return Ok(());
            }
            if !self.read.is_empty() || self.ended {
                return Err(io::Error::other(NotStarted(words(&self.read))));
            }
            poll_fn(|context| self.poll_piece(context)).await?;
        }
    }

    /// Until the program has ended. What it passes on is thrown away.
    pub(super) async fn drained(&mut self) {
        while !self.ended {
            self.read = Bytes::new();
            if poll_fn(|context| self.poll_piece(context)).await.is_err() {
                self.ended = true;
            }
        }
    }

    /// By which it can be ended in its container.
    pub(super) fn number(&self) -> Option<u32> {
        let (number, _) = self.parted()?;
        std::str::from_utf8(number).ok()?.parse().ok()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.ended
    }

    /// Its first line and what follows.
    fn parted(&self) -> Option<(&[u8], &[u8])> {
        let end = self.said.iter().position(|c| *c == b'\n')?;
        let (line, rest) = self.said.split_at_checked(end)?;
        Some((line, rest.get(1..).unwrap_or_default()))
    }

    /// Until there is something of the program, or the end.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.read.is_empty() && !self.ended {
            ready!(self.poll_piece(context))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let piece = self.decoder.piece();
        if let Some(piece) = piece.map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad))? {
            match piece.output {
                Output::Stdout => self.read = piece.bytes,
                Output::Stderr => {
                    let room = DIALED_WORDS.saturating_sub(self.said.len());
                    self.said.extend(piece.bytes.iter().take(room));
                }
            }
            return Poll::Ready(Ok(()));
        }
        let buffered = &mut self.decoder.buffered;
        buffered.reserve(DIALED_READ);
        let mut limited = (&mut self.io).take(DIALED_READ as u64);
        let read = pin!(limited.read_buf(buffered));
        self.ended = ready!(read.poll(context))? == 0;
        Poll::Ready(Ok(()))
    }

    /// Why nothing ever came, if that was no end but no beginning.
    pub(super) fn reason(&mut self) -> io::Result<()> {
        self.began |= !self.read.is_empty();
        let complaint = self.parted().map(|(_, rest)| rest).unwrap_or_default();
        match self.ended {
            true if !self.began && !complaint.is_empty() => {
                let reason = words(complaint);
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, reason))
            }
            true if !self.decoder.is_between() => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Moves what there is.
    pub(super) fn take(&mut self, buffer: &mut ReadBuf<'_>) {
        let most = buffer.remaining().min(self.read.len());
        buffer.put_slice(self.read.get(..most).unwrap_or_default());
        self.read.advance(most);
        if self.read.is_empty() {
            // Lets go of the memory, which is read into next.
            self.read = Bytes::new();
        }
    }
}

fn words(said: &[u8]) -> String {
    shown(&String::from_utf8_lossy(said), MESSAGE_CHARS)
}

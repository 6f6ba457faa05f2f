//! A client's end of a connection: it must keep reading what it asked for, and it may finish what it is saying
//! before the connection is gone. Whoever holds the other end of `cut` ends it, and sees when it is gone.

use std::{
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::{Instant, Sleep, sleep, sleep_until},
};

use crate::limits::{DISCARDED, FIRST_READ, LEAST_TAKEN, LINGER, LINGER_PAUSE};

/// How a client begins that speaks HTTP/2 without having asked (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Ends with [`ErrorKind::TimedOut`] once writes have waited for `limit` in all and less than [`LEAST_TAKEN`] was taken meanwhile,
/// and with [`ErrorKind::ConnectionAborted`] when it was cut.
pub(crate) struct Client<S> {
    stream: S,
    limit: Duration,
    /// What was read to know the version.
    first: Bytes,
    /// None when it was cut.
    cut: Option<oneshot::Receiver<()>>,
    /// A write waits: since when, and until its patience ends.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// For how long writes have waited before, and what was taken since.
    waited: Duration,
    taken: usize,
    farewell: Option<Farewell>,
}

/// The host has said everything.
struct Farewell {
    last: Instant,
    pause: Pin<Box<Sleep>>,
}

impl<S> Client<S> {
    pub(crate) fn new(stream: S, limit: Duration, cut: oneshot::Receiver<()>) -> Self {
        Self {
            stream,
            limit,
            first: Bytes::new(),
            cut: Some(cut),
            waiting: None,
            waited: Duration::ZERO,
            taken: 0,
            farewell: None,
        }
    }

    /// Whether a reader that waits has to end. A writer that waits ends when its patience does.
    fn poll_cut(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(cut) = &mut self.cut {
            // Whether it was sent or the other end is gone.
            let _: Result<(), _> = ready!(Pin::new(cut).poll(context));
            self.cut = None;
        }
        Poll::Ready(())
    }

    fn is_cut(&mut self) -> bool {
        let told = self.cut.as_mut().map(oneshot::Receiver::try_recv);
        if !matches!(told, Some(Err(oneshot::error::TryRecvError::Empty))) {
            self.cut = None;
        }
        self.cut.is_none()
    }

    /// Passes the outcome of a write on, or the end of all patience.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(wrote) = &written {
            self.taken = self.taken.saturating_add(*wrote.as_ref().unwrap_or(&0));
            if let Some((since, _)) = self.waiting.take() {
                self.waited = self.waited.saturating_add(since.elapsed());
            }
            if self.taken >= LEAST_TAKEN {
                (self.taken, self.waited) = (0, Duration::ZERO);
            }
            return written;
        }
        let left = self.limit.saturating_sub(self.waited);
        let (_, end) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> Client<S> {
    /// Reads until it is known what the client speaks; what was read is not lost. None if it left before that.
    pub(crate) async fn version(&mut self) -> io::Result<Option<Version>> {
        let mut first = BytesMut::with_capacity(FIRST_READ);
        let version = loop {
            if self.stream.read_buf(&mut first).await? == 0 {
                break None;
            }
            let both = first.len().min(PREFACE.len());
            if first.get(..both) != PREFACE.get(..both) {
                break Some(Version::Http1);
            }
            if both == PREFACE.len() {
                break Some(Version::Http2);
            }
        };
        self.first = first.freeze();
        Ok(version)
    }
}

impl Farewell {
    fn new() -> Self {
        Self {
            last: Instant::now() + LINGER,
            pause: Box::pin(sleep(LINGER_PAUSE)),
        }
    }

    /// Discards what comes until nothing does.
    fn poll(&mut self, context: &mut Context<'_>, mut stream: Pin<&mut impl AsyncRead>) -> Poll<()> {
        let mut bytes = [0; DISCARDED];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match stream.as_mut().poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let now = Instant::now();
                    if now >= self.last {
                        return Poll::Ready(());
                    }
                    self.pause = Box::pin(sleep_until(self.last.min(now + LINGER_PAUSE)));
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.pause.as_mut().poll(context),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Client<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poll_cut(context).is_ready() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        if !self.first.is_empty() {
            let count = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first.split_to(count));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Client<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.farewell.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let farewell = this.farewell.get_or_insert_with(Farewell::new);
        farewell.poll(context, Pin::new(&mut this.stream)).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    /// What is written until the end, while the other end takes so many bytes ten times in each limit.
    async fn written(bytes: usize) -> (usize, io::Result<()>) {
        let limit = Duration::from_millis(500);
        let (near, mut far) = duplex(64);
        let (_cut, end) = oneshot::channel();
        let mut client = Client::new(near, limit, end);
        let answer = vec![0; 4 * LEAST_TAKEN];
        let take = async {
            let mut some = vec![0; bytes];
            while far.read_exact(&mut some).await.is_ok() {
                sleep(limit / 10).await;
            }
        };
        let mut wrote = 0;
        let write = async {
            while let Some(rest @ [_, ..]) = answer.get(wrote..) {
                wrote += client.write(rest).await?;
            }
            Ok(())
        };
        tokio::select! {
            ended = write => (wrote, ended),
            () = take => panic!("the other end has gone"),
        }
    }

    #[tokio::test]
    async fn who_takes_too_little_is_given_up_however_often_it_takes_some() {
        let (wrote, ended) = written(LEAST_TAKEN / 20).await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(wrote < LEAST_TAKEN, "{wrote}");
        let (wrote, ended) = written(LEAST_TAKEN / 5).await;
        assert!(ended.is_ok(), "{wrote}");
    }
}

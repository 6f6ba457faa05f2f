//! A client's end of a connection: it must keep reading what it asked for, and it may finish what it is saying
//! before the connection is gone.

use std::{
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

/// A client that still sends when its answer is out, as with a body that was refused, is listened to while no
/// pause is longer than this...
const LINGER_PAUSE: Duration = Duration::from_secs(1);
/// ...and at most this long. Closing a connection with unread bytes resets it, and many clients then never read
/// the answer.
const LINGER: Duration = Duration::from_secs(10);
/// Bytes discarded at a time.
const DISCARDED: usize = 8 * 1024;

/// Ends with [`ErrorKind::TimedOut`] once a write has waited for `limit` and nothing at all was taken.
pub(super) struct Client<S> {
    stream: S,
    limit: Duration,
    /// Runs since the other end took nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    farewell: Option<Farewell>,
}

/// The host has said everything.
struct Farewell {
    last: Instant,
    pause: Pin<Box<Sleep>>,
}

impl<S> Client<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stalled: None,
            farewell: None,
        }
    }

    /// Passes the outcome of a write on, or the end of all patience.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
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
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Client<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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

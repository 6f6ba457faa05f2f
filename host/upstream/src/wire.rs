//! Connections to a challenge.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures_util::{future::BoxFuture, task::AtomicWaker};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::{net::TcpStream, time::timeout};
use tower::Service;

use crate::{
    dial::{Dial, Duplex},
    error::BoxError,
    limits::{KEEPALIVE, Limits},
    resolver::Resolver,
};

/// Connects within a bounded time, look-up included, which the library does not count.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    way: Way,
    limits: Limits,
}

#[derive(Clone, Debug)]
enum Way {
    Tcp(HttpConnector<Resolver>),
    Other(Arc<dyn Dial>),
}

/// What the bytes go over. TCP, which nearly all go over, is not behind a pointer.
enum Line {
    Tcp(TokioIo<TcpStream>),
    Other(TokioIo<Box<dyn Duplex>>),
}

/// A connection that can be ended from outside. The library would go on to send the body of a request whose answer is there
/// already, from a client that has gone on, for as long as the challenge takes it.
pub(crate) struct Wire {
    line: Line,
    cut: Cut,
    /// Nothing can be sent any more.
    deaf: bool,
}

/// Ends a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    /// It carries no HTTP any more.
    raw: AtomicBool,
    waker: AtomicWaker,
}

impl Connector {
    pub(crate) fn tcp(limits: Limits) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver::new());
        // Requests are small or come in pieces that somebody waits for.
        http.set_nodelay(true);
        http.set_keepalive(Some(KEEPALIVE));
        // Of one address; a second one gets its part of the time.
        http.set_connect_timeout(Some(limits.connect));
        let way = Way::Tcp(http);
        Self { way, limits }
    }

    pub(crate) fn dialing(dial: Arc<dyn Dial>, limits: Limits) -> Self {
        let way = Way::Other(dial);
        Self { way, limits }
    }
}

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Wire, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.way {
            Way::Tcp(http) => http.poll_ready(context).map_err(BoxError::from),
            Way::Other(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let limit = self.limits.connect;
        let wire = |line| Wire {
            line,
            cut: Cut::default(),
            deaf: false,
        };
        match &mut self.way {
            Way::Tcp(http) => {
                let connecting = timeout(limit, http.call(to));
                Box::pin(async move { Ok(wire(Line::Tcp(connecting.await??))) })
            }
            Way::Other(dial) => {
                let connecting = timeout(limit, dial.dial());
                Box::pin(async move { Ok(wire(Line::Other(TokioIo::new(connecting.await??)))) })
            }
        }
    }
}

impl Cut {
    /// The connection is closed, whatever happens on it.
    pub(crate) fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// From here on an error of writing is one.
    pub(crate) fn raw(&self) {
        self.0.raw.store(true, Ordering::Release);
    }

    /// Called before every wait, so that the end wakes it.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.0.waker.register(context.waker());
        match self.0.ended.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

impl Wire {
    /// A challenge may answer before it has read all, and hang up. What it said is still to be read then, but the library
    /// reads no further after an error of writing: so there is none, the rest of the request just finds no room.
    fn written(&mut self, wrote: io::Result<usize>) -> Poll<io::Result<usize>> {
        match wrote {
            Err(_) if !self.cut.0.raw.load(Ordering::Acquire) => {
                self.deaf = true;
                Poll::Pending
            }
            wrote => Poll::Ready(wrote),
        }
    }

    fn can_write(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check(context)?;
        match self.deaf {
            true if self.cut.0.raw.load(Ordering::Acquire) => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }
}

/// The same for both.
macro_rules! on_line {
    ($wire:expr, $call:ident($($argument:expr),*)) => {
        match &mut $wire.line {
            Line::Tcp(io) => Pin::new(io).$call($($argument),*),
            Line::Other(io) => Pin::new(io).$call($($argument),*),
        }
    };
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.cut.clone())
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check(context)?;
        on_line!(self, poll_read(context, buffer))
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.can_write(context))?;
        let wrote = ready!(on_line!(self, poll_write(context, bytes)));
        self.written(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.can_write(context))?;
        let wrote = ready!(on_line!(self, poll_write_vectored(context, pieces)));
        self.written(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.line {
            Line::Tcp(io) => io.is_write_vectored(),
            Line::Other(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check(context)?;
        on_line!(self, poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_line!(self, poll_shutdown(context))
    }
}

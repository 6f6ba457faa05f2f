//! A connection that somebody has, and what becomes of it when nobody does.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    runtime::Handle,
    time::timeout,
};

use super::line::Line;
use crate::{Engine, limits::DIALED_LINGER};

/// A connection of `nc`. Whether it has reached anybody shows when it is read: until then what is written waits. If it has not, reading
/// is an error whose kind is [`io::ErrorKind::ConnectionRefused`], with the reason in the words of `nc`. Shutting it down tells
/// the other side that nothing more comes, which may still answer. Dropping it ends both directions, and the `nc` with them, by a
/// task of the same runtime. Holds no more than it reads at once.
pub struct Dialed {
    /// Until it is dropped.
    line: Option<Line>,
    engine: Engine,
    container: String,
}

impl Dialed {
    pub(super) fn new(line: Line, engine: &Engine, container: &str) -> Self {
        Self {
            line: Some(line),
            engine: engine.clone(),
            container: container.to_owned(),
        }
    }

    pub(super) async fn started(&mut self) -> io::Result<()> {
        match &mut self.line {
            Some(line) => line.started().await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn line(&mut self) -> io::Result<&mut Line> {
        self.line.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

/// Tells the other side that it is over, and waits a moment until it is: then the program has ended by itself.
async fn let_go(mut line: Line, engine: Engine, container: String) {
    let over = timeout(DIALED_LINGER, async {
        drop(line.io.shutdown().await);
        line.drained().await
    });
    if over.await.is_err()
        && let Some(number) = line.number()
        // As long as the connection is there, it is this program that has the number.
        && let Err(error) = engine.end_program(&container, number).await
    {
        tracing::debug!(container, error = %error, "what carried a connection cannot be ended");
    }
}

impl Drop for Dialed {
    fn drop(&mut self) {
        let line = self.line.take().filter(|line| !line.is_over());
        if let (Some(line), Ok(runtime)) = (line, Handle::try_current()) {
            let container = std::mem::take(&mut self.container);
            drop(runtime.spawn(let_go(line, self.engine.clone(), container)));
        }
    }
}

impl AsyncRead for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.line()?;
        ready!(line.poll_fill(context))?;
        line.reason()?;
        line.take(buffer);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.line()?.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line()?.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line()?.io).poll_shutdown(context)
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Dialed");
        shown.field("container", &self.container).finish_non_exhaustive()
    }
}

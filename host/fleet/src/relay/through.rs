//! A connection through a relay, which tells when the relay itself is what fails.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use platform_docker::{Dialed, NoConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Relay;

pub(super) struct Through {
    io: Dialed,
    relay: Relay,
}

impl Through {
    pub(super) const fn new(io: Dialed, relay: Relay) -> Self {
        Self { io, relay }
    }
}

/// Whether nothing can be started in the relay: it is full of what others have left there, or has no `nc`.
fn is_of_the_relay(error: &io::Error) -> bool {
    let reason = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(reason, Some(NoConnection::NotStarted(_)))
}

impl AsyncRead for Through {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &polled
            && is_of_the_relay(error)
        {
            self.relay.broke();
        }
        polled
    }
}

impl AsyncWrite for Through {
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

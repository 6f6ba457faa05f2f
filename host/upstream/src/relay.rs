//! Bytes both ways between a client and a challenge, within limits of time.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    time::{Instant, sleep_until},
};

use crate::{
    error::UpstreamError,
    limits::{Limits, after},
};

/// How many bytes went each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// From the client.
    pub to_upstream: u64,
    /// From the challenge.
    pub to_client: u64,
}

/// When a byte last went anywhere.
#[derive(Clone)]
struct Activity(Arc<Mutex<Instant>>);

struct Watched<T> {
    io: T,
    activity: Activity,
}

/// Copies both ways until both sides have ended, one has failed, both were silent too long, or it all took too long. When one
/// side ends, the other is told and may still go on.
pub async fn relay<C, U>(client: C, upstream: U, limits: &Limits) -> Result<Relayed, UpstreamError>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let started = Instant::now();
    let activity = Activity(Arc::new(Mutex::new(started)));
    let mut client = Watched {
        io: client,
        activity: activity.clone(),
    };
    let mut upstream = Watched {
        io: upstream,
        activity: activity.clone(),
    };
    tokio::select! {
        biased;
        copied = copy_bidirectional(&mut client, &mut upstream) => match copied {
            Ok((to_upstream, to_client)) => Ok(Relayed { to_upstream, to_client }),
            Err(error) => Err(UpstreamError::Broken(error.into())),
        },
        error = activity.silence(limits.relay_idle) => Err(error),
        () = sleep_until(after(started, limits.whole)) => Err(UpstreamError::TooLong(limits.whole)),
    }
}

impl Activity {
    fn last(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn silence(&self, longest: Duration) -> UpstreamError {
        loop {
            let end = after(*self.last(), longest);
            if end <= Instant::now() {
                return UpstreamError::IdleTimeout(longest);
            }
            sleep_until(end).await;
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        if polled.is_ready() {
            *self.activity.last() = Instant::now();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(context, bytes);
        if polled.is_ready() {
            *self.activity.last() = Instant::now();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

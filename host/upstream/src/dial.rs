//! Challenges that are reached in another way than by TCP.

use std::{fmt, io, pin::Pin};

use tokio::io::{AsyncRead, AsyncWrite};

/// Whatever makes connections to one challenge. How long it may take is counted by whoever asks, who then drops the future.
///
/// A connection that only shows later that it has reached nobody says so by an error of reading whose kind is
/// [`io::ErrorKind::ConnectionRefused`]: what was written on it has come to nobody.
pub trait Dial: fmt::Debug + Send + Sync {
    /// A new connection.
    fn dial(&self) -> Dialing;
}

/// A connection that is being made.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send>>;

/// Bytes both ways. Shutting it down ends only what is sent; dropping it ends it all.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

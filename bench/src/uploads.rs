//! A client that uploads without holding what it uploads.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use platform_domain::Digest;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PIECE: usize = 1 << 20;

/// A body that is one piece again and again.
#[derive(Clone)]
pub(crate) struct Upload {
    piece: Arc<[u8]>,
    pieces: usize,
    pub(crate) digest: Digest,
}

impl Upload {
    /// Of so many MiB.
    pub(crate) fn of(pieces: usize) -> Self {
        // Whatever: nobody compresses it.
        let piece: Arc<[u8]> = (0..PIECE)
            .map(|at| at.wrapping_mul(0x9E37_79B1).to_le_bytes()[2])
            .collect();
        let mut hash = Sha256::new();
        (0..pieces).for_each(|_| hash.update(&piece));
        let digest = Digest::from_bytes(hash.finalize().into());
        Self {
            piece,
            pieces,
            digest,
        }
    }

    pub(crate) fn length(&self) -> usize {
        self.pieces * PIECE
    }

    /// Sends it after this head, on a connection of its own. The answer must be the digest of the whole.
    pub(crate) async fn send(self, base: String, head: String) -> Result<()> {
        let address = base.strip_prefix("http://").context("no http address")?;
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        for _ in 0..self.pieces {
            stream.write_all(&self.piece).await?;
        }
        let (mut answer, expected) = (Vec::new(), self.digest.hex());
        while !answer.ends_with(expected.as_bytes()) {
            let count = stream.read_buf(&mut answer).await?;
            let text = || String::from_utf8_lossy(&answer).into_owned();
            ensure!(
                count > 0 && answer.len() < PIECE,
                "an upload is answered {}",
                text()
            );
        }
        ensure!(answer.starts_with(b"HTTP/1.1 200 "));
        Ok(())
    }
}

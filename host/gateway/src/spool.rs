//! Bodies that are needed as a whole and are too large to be held in memory: on disk, in files that have no name.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream as _;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use platform_domain::Digest;
use platform_runtime::BodyError;
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tokio_util::io::ReaderStream;

use crate::{
    limits::{BUDGET_UNIT, SPOOL_PIECE},
    refusal::Refusal,
};

/// Where they are, and how much room there is for all of them.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    room: Arc<Semaphore>,
}

/// One body on disk. Its file is gone with it, also when the host is killed.
pub(crate) struct Spooled {
    file: File,
    length: u64,
    digest: Digest,
    _room: OwnedSemaphorePermit,
}

/// The same while it is read.
struct Reading {
    pieces: ReaderStream<File>,
    left: u64,
    _room: OwnedSemaphorePermit,
}

impl Spool {
    pub(crate) fn new(dir: PathBuf, most: u64) -> Self {
        let units = usize::try_from(most / BUDGET_UNIT as u64).unwrap_or(usize::MAX);
        let room = Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        Self { dir, room }
    }

    /// Room for so many bytes, to be had before any of them is read.
    pub(crate) fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(bytes.div_ceil(BUDGET_UNIT)).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(units);
        room.map_err(|_| Refusal::Overloaded)
    }

    /// Writes a body down as it comes, and hashes it.
    pub(crate) async fn fill(
        &self,
        body: Body,
        limit: usize,
        room: OwnedSemaphorePermit,
        by: Instant,
    ) -> Result<Spooled, Refusal> {
        let dir = self.dir.clone();
        let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(dir)).await;
        let file = file.map_err(io::Error::other).flatten().map_err(Refusal::Spool)?;
        let mut file = File::from_std(file);
        file.set_max_buf_size(SPOOL_PIECE);
        let (mut body, mut hash, mut length) = (Limited::new(body, limit), Sha256::new(), 0_u64);
        loop {
            let frame = timeout_at(by, body.frame()).await;
            let Some(frame) = frame.map_err(|_| Refusal::BodyTimeout)? else {
                break;
            };
            let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
                true => Refusal::BodyTooLarge,
                false => Refusal::BodyBroken,
            })?;
            if let Ok(data) = frame.into_data() {
                hash.update(&data);
                length = length.saturating_add(data.len() as u64);
                file.write_all(&data).await.map_err(Refusal::Spool)?;
            }
        }
        file.flush().await.map_err(Refusal::Spool)?;
        file.rewind().await.map_err(Refusal::Spool)?;
        Ok(Spooled {
            file,
            length,
            digest: Digest::from_bytes(hash.finalize().into()),
            _room: room,
        })
    }
}

impl Spooled {
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// Gives it to a challenge piece by piece.
    pub(crate) fn into_body(self) -> impl HttpBody<Data = Bytes, Error = BodyError> {
        Reading {
            pieces: ReaderStream::with_capacity(self.file, SPOOL_PIECE),
            left: self.length,
            _room: self._room,
        }
    }
}

impl HttpBody for Reading {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = match ready!(Pin::new(&mut self.pieces).poll_next(context)) {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => {
                tracing::error!(%error, "an upload cannot be read back");
                return Poll::Ready(Some(Err(BodyError::Broken)));
            }
            None => return Poll::Ready(None),
        };
        self.left = self.left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

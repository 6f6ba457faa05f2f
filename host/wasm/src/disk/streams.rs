//! Reading and writing a file through streams. Calls over a data directory have a thread of their own, so each
//! operation is done when its function returns, and nothing is under way when the account is asked.

use std::{io, sync::Arc};

use bytes::Bytes;
use wasmtime_wasi::{
    async_trait,
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult},
};

use super::{account::Growth, open_file::OpenFile};
#[cfg(doc)]
use crate::limits::DATA_RUN;

/// As much as is read or written in one go, as in the library.
const PIECE: usize = 64 << 10;

pub(super) struct FileReader {
    file: Arc<OpenFile>,
    position: u64,
    ended: bool,
}

pub(super) struct FileWriter {
    file: Arc<OpenFile>,
    /// `None`: at the end of the file, wherever that is.
    position: Option<u64>,
    failed: bool,
}

impl FileReader {
    pub(super) fn new(file: Arc<OpenFile>, position: u64) -> Self {
        Self {
            file,
            position,
            ended: false,
        }
    }
}

impl FileWriter {
    /// Fails when there is no room for a first byte: see [`DATA_RUN`].
    pub(super) fn new(file: Arc<OpenFile>, position: Option<u64>) -> io::Result<Self> {
        file.check(position.unwrap_or(file.end()))?;
        Ok(Self {
            file,
            position,
            failed: false,
        })
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let position = self.position.unwrap_or(self.file.end());
            let written = match self.file.write_at(bytes, position, Growth::Begun) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                written => written?,
            };
            bytes = bytes.get(written..).unwrap_or_default();
            if self.position.is_some() {
                self.position = Some(position.saturating_add(written as u64));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if self.ended {
            return Err(StreamError::Closed);
        }
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut buffer = vec![0; size.min(PIECE)];
        let read = loop {
            match self.file.read_at(&mut buffer, self.position) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => {
                self.ended = true;
                Err(StreamError::Closed)
            }
            Ok(read) => {
                buffer.truncate(read);
                self.position = self.position.saturating_add(read as u64);
                Ok(buffer.into())
            }
            Err(error) => {
                self.ended = true;
                Err(StreamError::LastOperationFailed(error.into()))
            }
        }
    }
}

#[async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check_write()?;
        self.write_all(&bytes).map_err(|error| {
            self.failed = true;
            StreamError::LastOperationFailed(error.into())
        })
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.failed {
            Err(StreamError::Closed)
        } else {
            Ok(PIECE)
        }
    }
}

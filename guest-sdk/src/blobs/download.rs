//! Reading a blob.

use std::io::{self, SeekFrom};

use super::{BlobError, BlobInfo, MAX_STEP, border};

/// A blob that is being read, by [`io::Read`] and [`io::Seek`], whatever becomes of its name meanwhile.
///
/// Each read is a step of the host, of [`MAX_STEP`] bytes at most; for many small ones put it into an
/// [`io::BufReader`]. A place before the blob's beginning is its beginning, one after its end is its end.
#[derive(Debug)]
pub struct Download {
    inner: border::Download,
    info: BlobInfo,
    /// Where the next byte is.
    position: u64,
}

impl Download {
    pub(super) fn new(inner: border::Download, info: BlobInfo) -> Self {
        Self {
            inner,
            info,
            position: 0,
        }
    }

    /// What is known of the blob.
    pub fn info(&self) -> &BlobInfo {
        &self.info
    }

    /// All of its bytes.
    pub(super) fn whole(mut self) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        loop {
            match self.step(MAX_STEP)? {
                end if end.is_empty() => return Ok(bytes),
                // Most are read in one step, and then nothing is copied.
                first if bytes.is_empty() => bytes = first,
                more => bytes.extend(more),
            }
        }
    }

    /// The next bytes, at most so many; none at the end, which is known without asking the host.
    fn step(&mut self, most: usize) -> Result<Vec<u8>, BlobError> {
        let most = most.min(MAX_STEP).try_into().unwrap_or(u32::MAX);
        if most == 0 || self.position >= self.info.size {
            return Ok(Vec::new());
        }
        let bytes = self.inner.read(most)?;
        self.position = self.position.saturating_add(bytes.len() as u64);
        Ok(bytes)
    }
}

impl io::Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.step(buffer.len())?.as_slice().read(buffer)
    }
}

impl io::Seek for Download {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => offset,
            SeekFrom::End(offset) => self.info.size.saturating_add_signed(offset),
            SeekFrom::Current(offset) => self.position.saturating_add_signed(offset),
        };
        let position = position.min(self.info.size);
        self.inner.seek(position)?;
        self.position = position;
        Ok(position)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.position)
    }
}

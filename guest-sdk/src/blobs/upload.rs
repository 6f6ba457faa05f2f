//! Writing a blob.

use std::io;

use super::{BlobError, BlobInfo, MAX_STEP, border};

/// A blob that is being written, by [`io::Write`]. Dropped, or ended with its call, nothing of it stays.
///
/// Each write is a step of the host, of [`MAX_STEP`] bytes at most; for many small ones put it into an
/// [`io::BufWriter`]. One for which there is no room has written nothing, and the upload goes on.
#[derive(Debug)]
pub struct Upload {
    inner: border::Upload,
}

impl Upload {
    pub(super) fn new(inner: border::Upload) -> Self {
        Self { inner }
    }

    /// Gives it its name. When this returns the blob lasts, also through a loss of power, in place of the one that had
    /// the name.
    pub fn finish(self, name: &str) -> Result<BlobInfo, BlobError> {
        self.inner.finish(name)
    }

    /// Adds all of the bytes to its end.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        bytes.chunks(MAX_STEP).try_for_each(|step| self.inner.write(step))
    }
}

impl io::Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let step = bytes.get(..MAX_STEP).unwrap_or(bytes);
        self.add(step)?;
        Ok(step.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

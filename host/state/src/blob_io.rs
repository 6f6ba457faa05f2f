//! Writing a blob and reading one, piece by piece.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use sha2::{Digest as _, Sha256};

use crate::{BlobError, BlobInfo, Blobs, Bounds, limits::MAX_BLOB_STEP};

/// A blob that is being written. Dropped without [`Upload::finish`], nothing of it stays.
pub struct Upload {
    blobs: Blobs,
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    /// Whether bytes are missing in the file.
    broken: bool,
}

/// A blob that is being read.
pub struct Download {
    info: BlobInfo,
    file: File,
}

impl Upload {
    pub(crate) fn new(blobs: Blobs, path: PathBuf, file: File) -> Self {
        Self {
            blobs,
            path,
            file,
            hash: Sha256::new(),
            size: 0,
            broken: false,
        }
    }

    /// Adds bytes to its end. After an error of the disk it cannot be finished.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let length = bytes.len() as u64;
        self.blobs.reserve(length)?;
        self.size += length;
        self.hash.update(bytes);
        let written = self.file.write_all(bytes);
        self.broken |= written.is_err();
        written.map_err(BlobError::io)
    }

    /// Gives it a name; a blob that had it is gone then. When this returns, it lasts.
    pub async fn finish(mut self, name: String, bounds: Bounds) -> Result<BlobInfo, BlobError> {
        if self.broken {
            return Err(BlobError::Misuse("a part of it could not be written".to_owned()));
        }
        self.file.sync_all().map_err(BlobError::io)?;
        let info = BlobInfo {
            name,
            size: self.size,
            sha256: std::mem::take(&mut self.hash).finalize().into(),
            stored_at: 0,
        };
        let info = self.blobs.name(&self.path, info, bounds).await?;
        // It has its place now, and keeps it when this is dropped.
        self.size = 0;
        Ok(info)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.blobs.release(self.size);
        // Gone already, if it was given its place.
        let _ = fs::remove_file(&self.path);
    }
}

impl Download {
    pub(crate) fn new(info: BlobInfo, file: File) -> Self {
        Self { info, file }
    }

    /// What is known of it.
    pub fn info(&self) -> &BlobInfo {
        &self.info
    }

    /// The next bytes, at most so many; none at the end.
    pub fn read(&mut self, most: u32) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        let step = Into::<u64>::into(most).min(MAX_BLOB_STEP);
        (&self.file)
            .take(step)
            .read_to_end(&mut bytes)
            .map_err(BlobError::io)?;
        Ok(bytes)
    }

    /// Goes on reading so many bytes from its beginning, or from its end if it has fewer.
    pub fn seek(&mut self, offset: u64) -> Result<(), BlobError> {
        let offset = offset.min(self.info.size);
        self.file.seek(SeekFrom::Start(offset)).map_err(BlobError::io)?;
        Ok(())
    }
}

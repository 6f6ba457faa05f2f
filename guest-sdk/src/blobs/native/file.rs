//! The bytes of a blob, on their way into a file and out of it.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    mem,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{Blobs, Held};
use crate::blobs::{BlobError, BlobInfo, MAX_STEP};

/// A file that goes when this is dropped before it has a name.
#[derive(Debug)]
pub(crate) struct Upload {
    blobs: Blobs,
    number: i64,
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    named: bool,
    _held: Held,
}

#[derive(Debug)]
pub(crate) struct Download {
    file: File,
    _held: Held,
}

impl Upload {
    pub(super) fn start(blobs: Blobs, number: i64, path: PathBuf, held: Held) -> Result<Self, BlobError> {
        let file = File::create_new(&path).map_err(failed)?;
        Ok(Self {
            blobs,
            number,
            path,
            file,
            hash: Sha256::new(),
            size: 0,
            named: false,
            _held: held,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.file.write_all(bytes).map_err(failed)?;
        self.hash.update(bytes);
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    pub(crate) fn finish(mut self, name: &str) -> Result<BlobInfo, BlobError> {
        let mut info = BlobInfo {
            name: name.to_owned(),
            size: self.size,
            sha256: mem::take(&mut self.hash).finalize().into(),
            stored_at: 0,
        };
        info.stored_at = self.blobs.name(self.number, &info)?;
        self.named = true;
        Ok(info)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.named {
            // What stays goes with the directory of the harness.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Download {
    pub(super) fn new(file: File, held: Held) -> Self {
        Self { file, _held: held }
    }

    pub(crate) fn read(&mut self, most: u32) -> Result<Vec<u8>, BlobError> {
        let (mut bytes, most) = (Vec::new(), u64::from(most).min(MAX_STEP as u64));
        let read = (&self.file).take(most).read_to_end(&mut bytes);
        read.map_err(failed)?;
        Ok(bytes)
    }

    pub(crate) fn seek(&mut self, offset: u64) -> Result<(), BlobError> {
        let moved = self.file.seek(SeekFrom::Start(offset));
        moved.map(drop).map_err(failed)
    }
}

/// The file, if it is there.
pub(super) fn open(path: &Path) -> Result<Option<File>, BlobError> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(failed),
    }
}

pub(super) fn failed(error: io::Error) -> BlobError {
    BlobError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::database::native::{Call, Store};

    #[test]
    fn a_file_is_there_as_long_as_its_blob_has_a_name() {
        let store = Store::new(&[]).unwrap();
        let blobs = Blobs {
            call: Call::of(&store),
        };
        let files = || {
            let directory = store.place(0).parent().unwrap().to_owned();
            let names = fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().file_name());
            let names = names.map(|name| name.into_string().unwrap());
            names.filter(|name| name.starts_with("blob-")).count()
        };
        let upload = || {
            let mut upload = blobs.upload().unwrap();
            upload.write(b"bytes").unwrap();
            upload
        };
        drop(upload());
        assert_eq!(files(), 0, "dropped");
        upload().finish("").unwrap_err();
        assert_eq!(files(), 0, "not named");
        for name in ["a", "a", "b"] {
            upload().finish(name).unwrap();
        }
        assert_eq!(files(), 2, "one of the two a was replaced");
        assert!(blobs.delete("a").unwrap() && !blobs.delete("a").unwrap());
        assert_eq!(files(), 1, "deleted");
    }
}

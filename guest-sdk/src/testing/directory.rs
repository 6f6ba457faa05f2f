//! Directories of tests, each private to the one who made it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// An empty directory that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

/// Two of one process have different names.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Directory {
    pub(crate) fn new() -> io::Result<Self> {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("platform-challenge-{}-{number}", process::id());
            let path = env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left by a process that had this number before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What a test leaves in the temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

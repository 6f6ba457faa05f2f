//! Something that a guest has open, for its descriptor and all streams on it together.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use super::{
    DiskFull, Quota, Slot,
    account::{Growth, Identity, Object},
};

/// An open file or directory. When it is dropped the account knows that it is closed.
#[derive(Debug)]
pub(super) struct OpenFile {
    slot: Slot,
    identity: Identity,
    file: Arc<File>,
    pub(super) is_directory: bool,
}

impl OpenFile {
    /// Something that was just opened. `before` is how long the account believes it is if it is a file and
    /// not open elsewhere; opening it may have cut it off.
    pub(super) fn new(
        slot: Slot,
        identity: Identity,
        file: Arc<File>,
        before: Option<u64>,
    ) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let object = if metadata.is_dir() {
            Object::Directory
        } else {
            let length = before.unwrap_or(metadata.len());
            Object::File { length }
        };
        let this = Self {
            slot,
            identity,
            file,
            is_directory: metadata.is_dir(),
        };
        this.quota().account.open(identity, &this.file, object);
        if !this.is_directory {
            this.quota().account.settle(identity, metadata.len());
        }
        Ok(this)
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    /// Where the file ends.
    pub(super) fn end(&self) -> u64 {
        self.quota().account.length(self.identity)
    }

    /// Whether there is room for a first byte there.
    pub(super) fn check(&self, offset: u64) -> io::Result<()> {
        let quota = self.quota();
        let end = offset.saturating_add(1);
        self.told(quota.account.check(&quota.allowed, self.identity, end))
    }

    /// Writes as much as the system takes at once, or nothing when there is no room for all of it.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64, growth: Growth) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.grow(offset.saturating_add(bytes.len() as u64), growth)?;
        }
        let written = self.file.write_at(bytes, offset);
        if !written.as_ref().is_ok_and(|written| *written == bytes.len()) {
            self.settle();
        }
        written.map_err(|error| self.quota().seen(error))
    }

    pub(super) fn set_size(&self, size: u64) -> io::Result<()> {
        self.grow(size, Growth::Asked)?;
        let set = self.file.set_len(size);
        self.settle();
        set.map_err(|error| self.quota().seen(error))
    }

    fn grow(&self, end: u64, growth: Growth) -> io::Result<()> {
        let quota = self.quota();
        self.told(quota.account.grow(&quota.allowed, self.identity, end, growth))
    }

    fn told(&self, outcome: Result<(), DiskFull>) -> io::Result<()> {
        Ok(outcome.inspect_err(|full| self.quota().refuse(*full))?)
    }

    /// Gives back what was charged for and not taken.
    fn settle(&self) {
        match self.file.metadata() {
            Ok(metadata) => self.quota().account.settle(self.identity, metadata.len()),
            Err(_) => self.quota().account.doubt(),
        }
    }

    fn quota(&self) -> &Arc<Quota> {
        &self.slot.0
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.quota().account.close(self.identity);
    }
}

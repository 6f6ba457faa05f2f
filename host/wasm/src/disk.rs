//! How much a challenge keeps in `/data`, how much it may keep, and what becomes of a guest that wants more.
//!
//! WASI and the library that implements it know no quota. So the guest's file functions are a [`view`] of ours:
//! it leaves paths and their confinement to the library, and charges an [`account`] before anything becomes
//! larger. The account was filled by a real walk ([`measure`]) and is kept by what passes through the view,
//! which is everything: one call at a time uses the directory, and other processes are kept out. When there is
//! no room the guest sees what a full disk looks like, and the operator reads about it.

mod account;
mod listing;
mod measure;
mod open_file;
mod streams;
mod view;

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustix::io::Errno;

pub(crate) use account::{Account, Object};
pub(crate) use view::{Files, FilesView};

use crate::limits::REFUSALS_KEPT;
use open_file::OpenFile;

/// What a data directory holds and what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataUsage {
    /// What its files and directories take, in whole blocks.
    pub bytes: u64,
    /// How many files and directories there are.
    pub files: u64,
    /// The most bytes.
    pub max_bytes: u64,
    /// The most files and directories.
    pub max_files: u64,
}

/// There was no room for what a guest wanted to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskFull {
    /// It has all the bytes it may have.
    #[error("the data directory is full: {0} bytes are allowed")]
    Bytes(u64),
    /// It has all the files and directories it may have.
    #[error("the data directory is full: {0} files and directories are allowed")]
    Files(u64),
    /// The host itself has no room.
    #[error("the disk of the host is full")]
    Host,
}

/// What a program may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    /// Files and directories that are open at the same time.
    pub(crate) open: usize,
}

/// A program's share of the disk.
#[derive(Debug)]
pub(crate) struct Quota {
    account: Arc<Account>,
    allowed: Allowance,
    open: AtomicUsize,
    /// Whether there are refusals: most calls ask for nothing more.
    refused: AtomicBool,
    refusals: Mutex<Refusals>,
}

/// Which calls were refused room and not asked about yet.
#[derive(Debug, Default)]
struct Refusals {
    /// The call that is running.
    serving: Arc<str>,
    refused: VecDeque<(Arc<str>, DiskFull)>,
}

/// What one store has open.
#[derive(Debug)]
pub(crate) struct CallDisk {
    quota: Arc<Quota>,
    /// By the number that the guest's handle stands for.
    open: HashMap<u32, Arc<OpenFile>>,
}

/// One of the files that a program may have open; free again when dropped.
#[derive(Debug)]
struct Slot(Arc<Quota>);

impl Quota {
    pub(crate) fn new(account: Arc<Account>, allowed: Allowance) -> Self {
        Self {
            account,
            allowed,
            open: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            refusals: Mutex::default(),
        }
    }

    pub(crate) fn usage(&self) -> DataUsage {
        let usage = self.account.usage();
        DataUsage {
            bytes: usage.bytes,
            files: usage.files,
            max_bytes: self.allowed.bytes,
            max_files: self.allowed.files,
        }
    }

    /// The call of this request is the one that runs from now on.
    pub(crate) fn serve(&self, request_id: &Arc<str>) {
        let mut refusals = self.refusals();
        refusals.serving = request_id.clone();
        refusals.refused.retain(|(it, _)| it != request_id);
    }

    /// Why the call of this request was refused room, if it was. Told once.
    pub(crate) fn refusal(&self, request_id: &str) -> Option<DiskFull> {
        if !self.refused.load(Ordering::Acquire) {
            return None;
        }
        let mut refusals = self.refusals();
        let at = refusals.refused.iter().position(|(it, _)| **it == *request_id)?;
        let (_, full) = refusals.refused.remove(at)?;
        self.refused
            .store(!refusals.refused.is_empty(), Ordering::Release);
        Some(full)
    }

    /// Room for something new of no or little content.
    fn make(&self, object: Object) -> Result<(), DiskFull> {
        let made = self.account.make(&self.allowed, object);
        made.inspect_err(|full| self.refuse(*full))
    }

    /// The account's word, or that of the host's own disk.
    fn refuse(&self, full: DiskFull) {
        self.account.doubt();
        let mut refusals = self.refusals();
        let serving = refusals.serving.clone();
        if refusals.refused.back().is_some_and(|(it, _)| *it == serving) {
            return;
        }
        if refusals.refused.len() >= REFUSALS_KEPT {
            refusals.refused.pop_front();
        }
        refusals.refused.push_back((serving, full));
        self.refused.store(true, Ordering::Release);
    }

    /// The error as the guest is to see it: a disk is full in one way, whoever says so.
    fn seen(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                self.refuse(DiskFull::Host);
                DiskFull::Host.into()
            }
            _ => error,
        }
    }

    fn slot(self: &Arc<Self>) -> Option<Slot> {
        let slot = Slot(self.clone());
        (self.open.fetch_add(1, Ordering::Relaxed) < self.allowed.open).then_some(slot)
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallDisk {
    /// Of a store with nothing open.
    pub(crate) fn new(quota: Arc<Quota>) -> Self {
        Self {
            quota,
            open: HashMap::new(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// "No space left on device": what SQLite and the standard libraries know, unlike "quota exceeded".
impl From<DiskFull> for io::Error {
    fn from(_: DiskFull) -> Self {
        Errno::NOSPC.into()
    }
}

#[cfg(test)]
mod random_test;
#[cfg(test)]
mod tests;

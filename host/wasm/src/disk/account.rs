//! What is in a data directory, counted without looking: a number that every change passes through.
//!
//! A file costs its length in whole blocks, also where it has holes, and each name costs a block more, for the
//! inode and for its entry in the directory. That is at least what a disk takes, so nobody keeps a million empty
//! files for nothing. An inode has one name, as links are denied. What is removed while it is open takes room
//! until it is closed.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Allowance, DiskFull, measure};
use crate::limits::{DATA_RESERVE, DATA_RUN, REMEASURE, SMALL_FILE};

/// What disks give away at a time.
pub(super) const BLOCK: u64 = 4096;

/// What is kept below a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    File { length: u64 },
    Directory,
}

/// How a file becomes longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// The guest asked for it and is told whether there is room.
    Asked,
    /// A stream that began when there was room goes on.
    Begun,
}

/// Tells an inode from others.
pub(super) type Identity = u64;

/// The account of one directory. Whoever changes it has the directory's turn; anyone may read it.
#[derive(Debug)]
pub(crate) struct Account {
    root: PathBuf,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    usage: Usage,
    open: HashMap<Identity, Open>,
    /// Names made since the directory was measured. Some filesystems never take room back from a directory.
    made: u64,
    /// Measure it before the next call: someone was refused, and may have been refused wrongly.
    doubtful: bool,
}

#[derive(Debug)]
struct Open {
    file: Arc<File>,
    object: Object,
    holders: usize,
    named: bool,
}

impl Object {
    pub(super) const fn cost(self) -> u64 {
        match self {
            Self::File { length } => length.div_ceil(BLOCK).saturating_add(1).saturating_mul(BLOCK),
            Self::Directory => 2 * BLOCK,
        }
    }
}

impl Account {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            ledger: Mutex::default(),
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        self.ledger().usage
    }

    pub(crate) fn is_doubtful(&self) -> bool {
        self.ledger().doubtful
    }

    pub(crate) fn doubt(&self) {
        self.ledger().doubtful = true;
    }

    /// Looks at the whole directory. Blocks on the disk; readers of the account do not wait.
    pub(crate) fn measure(&self) -> io::Result<()> {
        let named = measure::below(&self.root)?;
        let ledger = &mut *self.ledger();
        ledger.usage = named;
        for open in ledger.open.values_mut() {
            let metadata = open.file.metadata()?;
            if let Object::File { length } = &mut open.object {
                *length = metadata.len();
            }
            if !open.named {
                let cost = (metadata.blocks() * 512 + BLOCK).max(open.object.cost());
                ledger.usage.add(cost);
            }
        }
        ledger.made = 0;
        ledger.doubtful = false;
        Ok(())
    }

    /// Charges for a new name, or says that there is no room.
    pub(super) fn make(&self, allowed: &Allowance, object: Object) -> Result<(), DiskFull> {
        self.name_made();
        let mut ledger = self.ledger();
        if ledger.usage.files >= allowed.files {
            return Err(DiskFull::Files(allowed.files));
        }
        let after = ledger.usage.bytes.saturating_add(object.cost());
        if after > allowed.bytes.saturating_add(DATA_RESERVE) {
            return Err(DiskFull::Bytes(allowed.bytes));
        }
        ledger.usage.add(object.cost());
        Ok(())
    }

    /// Takes note of a new name in some directory. Before there were so many that directories may have grown by
    /// more than was charged for, everything is measured anew; the names pay for the walk.
    pub(super) fn name_made(&self) {
        let many = {
            let mut ledger = self.ledger();
            ledger.made += 1;
            ledger.made >= REMEASURE.max(ledger.usage.files / 4)
        };
        if many && let Err(error) = self.measure() {
            tracing::warn!(data.dir = %self.root.display(), %error, "the data directory cannot be measured");
        }
    }

    /// Something is gone that nobody has open, or was never made.
    pub(crate) fn unmake(&self, object: Object) {
        self.ledger().usage.subtract(object.cost());
    }

    /// A name is gone, with what it stood for unless that is open.
    pub(super) fn remove(&self, identity: Identity, object: Object) {
        let mut ledger = self.ledger();
        match ledger.open.get_mut(&identity) {
            Some(open) => open.named = false,
            None => ledger.usage.subtract(object.cost()),
        }
    }

    /// Something is open from now on. It is `object` unless it is open already.
    pub(super) fn open(&self, identity: Identity, file: &Arc<File>, object: Object) {
        let mut ledger = self.ledger();
        let open = ledger.open.entry(identity).or_insert_with(|| Open {
            file: file.clone(),
            object,
            holders: 0,
            named: true,
        });
        open.holders += 1;
    }

    pub(super) fn close(&self, identity: Identity) {
        let ledger = &mut *self.ledger();
        let Some(open) = ledger.open.get_mut(&identity) else {
            return;
        };
        open.holders -= 1;
        if open.holders == 0
            && let Some(open) = ledger.open.remove(&identity)
            && !open.named
        {
            ledger.usage.subtract(open.object.cost());
        }
    }

    /// The length of an open file.
    pub(super) fn length(&self, identity: Identity) -> u64 {
        self.ledger().length(identity).copied().unwrap_or(0)
    }

    /// Whether an open file may end there, as the beginning of something more.
    pub(super) fn check(&self, allowed: &Allowance, identity: Identity, end: u64) -> Result<(), DiskFull> {
        let after = self.ledger().after(identity, end);
        allowed.admit(after, end, Growth::Asked)
    }

    /// Charges for an open file that is to end there, unless it is longer already.
    pub(super) fn grow(
        &self,
        allowed: &Allowance,
        identity: Identity,
        end: u64,
        growth: Growth,
    ) -> Result<(), DiskFull> {
        let mut ledger = self.ledger();
        let after = ledger.after(identity, end);
        allowed.admit(after, end, growth)?;
        if let Some(bytes) = after {
            ledger.usage.bytes = bytes;
            ledger
                .length(identity)
                .into_iter()
                .for_each(|length| *length = end);
        }
        Ok(())
    }

    /// An open file has this length now, whatever was charged for.
    pub(super) fn settle(&self, identity: Identity, length: u64) {
        let ledger = &mut *self.ledger();
        if let Some(open) = ledger.open.get_mut(&identity) {
            let settled = Object::File { length };
            let bytes = ledger.usage.bytes.saturating_add(settled.cost());
            ledger.usage.bytes = bytes.saturating_sub(open.object.cost());
            open.object = settled;
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// The length of an open file.
    fn length(&mut self, identity: Identity) -> Option<&mut u64> {
        match &mut self.open.get_mut(&identity)?.object {
            Object::File { length } => Some(length),
            Object::Directory => None,
        }
    }

    /// What is used when an open file ends there; `None` when that is no more than now.
    fn after(&mut self, identity: Identity, end: u64) -> Option<u64> {
        let before = *self.length(identity)?;
        let cost = |length| Object::File { length }.cost();
        let more = (end > before).then(|| cost(end) - cost(before))?;
        Some(self.usage.bytes.saturating_add(more))
    }
}

impl Allowance {
    /// Whether so much may be used, after a file has grown to this length.
    fn admit(&self, after: Option<u64>, end: u64, growth: Growth) -> Result<(), DiskFull> {
        let beyond = match growth {
            _ if end <= SMALL_FILE => DATA_RESERVE,
            Growth::Begun => DATA_RUN,
            Growth::Asked => 0,
        };
        match after {
            Some(after) if after > self.bytes.saturating_add(beyond) => Err(DiskFull::Bytes(self.bytes)),
            Some(_) | None => Ok(()),
        }
    }
}

impl Usage {
    pub(super) fn add(&mut self, cost: u64) {
        self.bytes = self.bytes.saturating_add(cost);
        self.files = self.files.saturating_add(1);
    }

    fn subtract(&mut self, cost: u64) {
        self.bytes = self.bytes.saturating_sub(cost);
        self.files = self.files.saturating_sub(1);
    }
}

//! What a call has open of what its challenge keeps in the host. It ends with the call, also when the instance goes on:
//! the next call must not find another one's transaction.

use std::{collections::HashMap, time::Instant};

use platform_state::{
    Blobs, Bounds, Bucket, Cursor, Database, Download, Kind, Patience, SqlError, State, Transaction, Upload,
};

use crate::{
    cpu,
    limits::{MAX_BUCKETS, MAX_HELD},
};

/// Transactions, cursors and buckets of one call, by the numbers that the guest holds.
pub(crate) struct OpenState {
    state: State,
    transactions: HashMap<u32, Transaction>,
    cursors: HashMap<u32, Cursor>,
    buckets: HashMap<u32, Bucket>,
    uploads: HashMap<u32, Upload>,
    downloads: HashMap<u32, Download>,
    last: u32,
    until: Instant,
}

impl OpenState {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            transactions: HashMap::new(),
            cursors: HashMap::new(),
            buckets: HashMap::new(),
            uploads: HashMap::new(),
            downloads: HashMap::new(),
            last: 0,
            until: Instant::now(),
        }
    }

    /// A call begins, and must have ended then.
    pub(crate) fn begin(&mut self, until: Instant) {
        self.until = until;
    }

    /// The call has ended, and with it what it had begun.
    pub(crate) fn end(&mut self) {
        self.transactions.clear();
        self.cursors.clear();
        self.buckets.clear();
        self.uploads.clear();
        self.downloads.clear();
    }

    pub(super) fn database(&self) -> &Database {
        self.state.database()
    }

    pub(super) fn blobs(&self) -> &Blobs {
        self.state.blobs()
    }

    /// How long a statement may go on, on this thread.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            until: self.until,
            computed_too_long: cpu::tick,
        }
    }

    /// The same for one on another thread, whose time is the call's nevertheless.
    pub(super) fn bounds_elsewhere(&self) -> Bounds {
        let computed = Instant::now().checked_add(cpu::left());
        Bounds {
            until: computed.map_or(self.until, |computed| computed.min(self.until)),
            computed_too_long: || false,
        }
    }

    /// Whether this call may wait for a connection that reads and is held.
    pub(super) fn patience(&self) -> Result<Patience, SqlError> {
        let reading = self
            .transactions
            .values()
            .filter(|open| open.kind() == Kind::Read);
        if self.cursors.len() + reading.count() >= MAX_HELD {
            let message = format!("a call has at most {MAX_HELD} cursors and reading transactions open");
            return Err(misuse(message));
        }
        Ok(match self.transactions.is_empty() && self.cursors.is_empty() {
            true => Patience::Wait,
            false => Patience::GiveUp,
        })
    }

    /// Whether this call may wait for the connection that writes: not for itself.
    pub(super) fn check_writer(&self) -> Result<(), SqlError> {
        match self.transactions.values().any(|open| open.kind() == Kind::Write) {
            true => Err(misuse(
                "a writing transaction is open in this call; use it, or end it".to_owned(),
            )),
            false => Ok(()),
        }
    }

    pub(super) fn keep_transaction(&mut self, transaction: Transaction) -> u32 {
        let number = self.number();
        self.transactions.insert(number, transaction);
        number
    }

    pub(super) fn transaction(&self, number: u32) -> Result<&Transaction, SqlError> {
        self.transactions.get(&number).ok_or_else(gone)
    }

    pub(super) fn take_transaction(&mut self, number: u32) -> Result<Transaction, SqlError> {
        self.transactions.remove(&number).ok_or_else(gone)
    }

    pub(super) fn keep_cursor(&mut self, cursor: Cursor) -> u32 {
        let number = self.number();
        self.cursors.insert(number, cursor);
        number
    }

    pub(super) fn cursor(&self, number: u32) -> Result<&Cursor, SqlError> {
        self.cursors.get(&number).ok_or_else(gone)
    }

    pub(super) fn drop_cursor(&mut self, number: u32) {
        self.cursors.remove(&number);
    }

    pub(super) fn keep_bucket(&mut self, bucket: Bucket) -> Result<u32, SqlError> {
        if self.buckets.len() >= MAX_BUCKETS {
            return Err(misuse(format!("a call has at most {MAX_BUCKETS} buckets open")));
        }
        let number = self.number();
        self.buckets.insert(number, bucket);
        Ok(number)
    }

    pub(super) fn bucket(&self, number: u32) -> Result<Bucket, SqlError> {
        self.buckets.get(&number).cloned().ok_or_else(gone)
    }

    pub(super) fn drop_bucket(&mut self, number: u32) {
        self.buckets.remove(&number);
    }

    pub(super) fn keep_upload(&mut self, upload: Upload) -> u32 {
        let number = self.number();
        self.uploads.insert(number, upload);
        number
    }

    pub(super) fn upload(&mut self, number: u32) -> Option<&mut Upload> {
        self.uploads.get_mut(&number)
    }

    pub(super) fn take_upload(&mut self, number: u32) -> Option<Upload> {
        self.uploads.remove(&number)
    }

    pub(super) fn keep_download(&mut self, download: Download) -> u32 {
        let number = self.number();
        self.downloads.insert(number, download);
        number
    }

    pub(super) fn download(&mut self, number: u32) -> Option<&mut Download> {
        self.downloads.get_mut(&number)
    }

    pub(super) fn drop_download(&mut self, number: u32) {
        self.downloads.remove(&number);
    }

    /// Files of blobs that this call has open.
    pub(super) fn files(&self) -> usize {
        self.uploads.len() + self.downloads.len()
    }

    /// Never the same again, so that a handle from an earlier call finds nothing.
    fn number(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}

fn gone() -> SqlError {
    misuse("it has ended, with its call or before".to_owned())
}

fn misuse(message: String) -> SqlError {
    SqlError {
        code: MISUSE,
        message,
    }
}

/// `SQLITE_MISUSE`
const MISUSE: i32 = 21;

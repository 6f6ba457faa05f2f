//! What the account takes in, and what is told of it.

use std::{
    fs::{self, File, OpenOptions},
    io,
};

use tempfile::TempDir;

use super::{
    account::{Growth, Identity},
    *,
};
use crate::limits::{DATA_RESERVE, DATA_RUN, SMALL_FILE};

const ALLOWED: Allowance = Allowance {
    bytes: 1 << 20,
    files: 20,
    open: 3,
};

fn quota() -> (Arc<Quota>, TempDir) {
    let root = tempfile::tempdir().unwrap();
    let account = Account::new(root.path().to_owned());
    (Arc::new(Quota::new(Arc::new(account), ALLOWED)), root)
}

/// An open file of the directory, or another one that behaves badly.
fn open(quota: &Arc<Quota>, identity: Identity, file: File) -> OpenFile {
    quota.make(Object::File { length: 0 }).unwrap();
    OpenFile::new(quota.slot().unwrap(), identity, Arc::new(file), Some(0)).unwrap()
}

#[test]
fn a_large_file_stops_at_the_limit_and_small_ones_at_the_reserve() {
    let (quota, root) = quota();
    let large = open(&quota, 1, File::create(root.path().join("large")).unwrap());
    let room = ALLOWED.bytes - (4 << 10);
    large.set_size(room).unwrap();
    assert_eq!(quota.usage().bytes, ALLOWED.bytes);
    let refused = large.set_size(room + 1).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        quota.usage().bytes,
        ALLOWED.bytes,
        "what was refused is not charged for"
    );
    let small = open(&quota, 2, File::create(root.path().join("small")).unwrap());
    small.set_size(SMALL_FILE).unwrap();
    assert!(small.set_size(SMALL_FILE + 1).is_err());
    let other = open(&quota, 3, File::create(root.path().join("other")).unwrap());
    assert!(other.set_size(SMALL_FILE).is_err());
    other.set_size(DATA_RESERVE - SMALL_FILE - (8 << 10)).unwrap();
    assert_eq!(quota.usage().bytes, ALLOWED.bytes + DATA_RESERVE);
    assert_eq!(quota.make(Object::Directory), Err(DiskFull::Bytes(ALLOWED.bytes)));
    large.set_size(0).unwrap();
    assert_eq!(quota.make(Object::Directory), Ok(()));
}

#[test]
fn a_stream_that_began_goes_some_way_further() {
    let (quota, root) = quota();
    let file = open(&quota, 1, File::create(root.path().join("large")).unwrap());
    file.set_size(ALLOWED.bytes - (4 << 10)).unwrap();
    assert!(file.check(0).is_ok(), "inside the file nothing is taken");
    assert!(file.check(file.end()).is_err());
    let piece = vec![b'x'; 64 << 10];
    assert!(file.write_at(&piece, file.end(), Growth::Asked).is_err());
    let pieces = (0..100).take_while(|_| file.write_at(&piece, file.end(), Growth::Begun).is_ok());
    assert_eq!(pieces.count() as u64, DATA_RUN / (64 << 10));
    assert_eq!(quota.usage().bytes, ALLOWED.bytes + DATA_RUN);
}

#[test]
fn names_are_counted_whatever_they_stand_for() {
    let (quota, _root) = quota();
    for _ in 0..ALLOWED.files / 2 {
        quota.make(Object::Directory).unwrap();
        quota.make(Object::File { length: 0 }).unwrap();
    }
    assert_eq!(quota.make(Object::Directory), Err(DiskFull::Files(ALLOWED.files)));
    quota.account.unmake(Object::Directory);
    quota.make(Object::File { length: 0 }).unwrap();
}

#[test]
fn only_so_many_files_are_open_at_the_same_time() {
    let (quota, _root) = quota();
    let mut open: Vec<_> = (0..ALLOWED.open).map(|_| quota.slot().unwrap()).collect();
    assert!(quota.slot().is_none() && quota.slot().is_none());
    open.pop();
    assert!(quota.slot().is_some());
}

#[test]
fn who_makes_names_without_end_has_its_directory_measured() {
    let (quota, root) = quota();
    fs::write(root.path().join("unseen"), "x").unwrap();
    for _ in 0..crate::limits::REMEASURE {
        assert_eq!(quota.usage().files, 0);
        quota.make(Object::Directory).unwrap();
        quota.account.unmake(Object::Directory);
    }
    assert_eq!(quota.usage().files, 1);
}

#[test]
fn a_full_disk_of_the_host_is_one_to_the_guest() {
    let (quota, _root) = quota();
    quota.serve(&"r1".into());
    // A device that takes nothing and says that there is no space left.
    let full = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/full")
        .unwrap();
    let file = open(&quota, 1, full);
    let before = quota.usage();
    for growth in [Growth::Asked, Growth::Begun] {
        let refused = file.write_at(b"x", 0, growth);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(quota.usage(), before, "what was not written is not charged for");
    }
    assert_eq!(quota.refusal("r1"), Some(DiskFull::Host));
    let exceeded = quota.seen(Errno::DQUOT.into());
    assert_eq!(exceeded.kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        quota.seen(Errno::IO.into()).raw_os_error(),
        Some(Errno::IO.raw_os_error())
    );
}

#[test]
fn a_refusal_is_told_once_and_of_the_call_that_met_it() {
    let (quota, _root) = quota();
    quota.serve(&"one".into());
    quota.refuse(DiskFull::Host);
    quota.refuse(DiskFull::Files(20));
    quota.serve(&"two".into());
    assert_eq!(quota.refusal("two"), None);
    quota.refuse(DiskFull::Bytes(7));
    assert_eq!(quota.refusal("one"), Some(DiskFull::Host), "the first reason");
    assert_eq!(quota.refusal("one"), None);
    let text = quota.refusal("two").unwrap().to_string();
    assert_eq!(text, "the data directory is full: 7 bytes are allowed");
    assert_eq!(quota.refusal("two"), None);
}

#[test]
fn refusals_of_calls_that_nobody_waits_for_are_forgotten() {
    let (quota, _root) = quota();
    for call in 0..=REFUSALS_KEPT {
        quota.serve(&format!("r{call}").into());
        quota.refuse(DiskFull::Host);
    }
    assert_eq!(quota.refusal("r0"), None);
    assert_eq!(quota.refusal("r1"), Some(DiskFull::Host));
    quota.serve(&"r2".into());
    assert_eq!(quota.refusal("r2"), None, "another call of the same name");
}

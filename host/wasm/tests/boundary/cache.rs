//! Compiled code on disk.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use platform_wasm::{Engine, EngineError};

use crate::{
    guests,
    host::{self, Host, ask},
};

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "cwasm"))
        .collect()
}

fn entry(dir: &Path) -> PathBuf {
    let entries = entries(dir);
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

/// Another file took its place, if this differs.
fn identity(path: &Path) -> (u64, i64, i64) {
    let file = fs::metadata(path).unwrap();
    (file.ino(), file.mtime(), file.mtime_nsec())
}

#[tokio::test]
async fn compiled_code_is_kept_and_private() {
    let host = Host::new();
    host.load(guests::whole()).await;
    let entry = entry(&host.cache_dir());
    let made = identity(&entry);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&host.cache_dir()), 0o700);
    assert_eq!(mode(&entry), 0o600);
    assert_eq!(mode(&host.cache_dir().join("key")), 0o600);

    let restarted = Engine::new(host::config(host.cache_dir())).unwrap();
    let component = guests::whole();
    let program = restarted
        .load(component.clone(), host::spec(&component))
        .await
        .unwrap();
    assert_eq!(ask(&program, "/").await.unwrap(), "/");
    assert_eq!(identity(&entry), made, "it was not compiled again");

    host.load(guests::challenge(true, false)).await;
    assert_eq!(entries(&host.cache_dir()).len(), 2);
}

#[tokio::test]
async fn code_that_this_host_did_not_write_is_never_loaded() {
    let host = Host::new();
    host.load(guests::whole()).await;
    let entry = entry(&host.cache_dir());
    let good = fs::read(&entry).unwrap();
    let flipped = |position: usize| {
        let mut bytes = good.clone();
        bytes[position] ^= 1;
        bytes
    };
    // The keyed hash of another host over the same code.
    let stranger = Host::new();
    stranger.load(guests::whole()).await;
    let foreign = fs::read(self::entry(&stranger.cache_dir())).unwrap();
    // Our own code, of another component.
    let other_host = Host::new();
    fs::copy(host.cache_dir().join("key"), other_host.cache_dir().join("key")).unwrap();
    let other_engine = Engine::new(host::config(other_host.cache_dir())).unwrap();
    let other = guests::challenge(false, true);
    other_engine
        .load(other.clone(), host::spec(&other))
        .await
        .unwrap();
    let swapped = fs::read(self::entry(&other_host.cache_dir())).unwrap();

    for (what, bytes) in [
        ("its hash", flipped(0)),
        ("its head", flipped(32)),
        ("its middle", flipped(good.len() / 2)),
        ("its end", flipped(good.len() - 1)),
        ("all of it", Vec::new()),
        ("all but the hash", good[..32].to_vec()),
        ("the last byte", good[..good.len() - 1].to_vec()),
        ("a stranger's", foreign),
        ("another component's", swapped),
    ] {
        fs::write(&entry, &bytes).unwrap();
        let program = host.load(guests::whole()).await;
        assert_eq!(ask(&program, "/").await.unwrap(), "/", "{what}");
        assert_ne!(fs::read(&entry).unwrap(), bytes, "{what}: it is made again");
    }
}

#[tokio::test]
async fn a_damaged_key_costs_only_a_compilation() {
    let host = Host::new();
    host.load(guests::whole()).await;
    let entry = entry(&host.cache_dir());
    let made = identity(&entry);
    fs::write(host.cache_dir().join("key"), "short").unwrap();
    let restarted = Engine::new(host::config(host.cache_dir())).unwrap();
    let component = guests::whole();
    restarted
        .load(component.clone(), host::spec(&component))
        .await
        .unwrap();
    assert_ne!(identity(&entry), made);
}

#[test]
fn a_cache_that_is_no_directory_is_refused_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Engine::new(host::config(path.clone())).err().unwrap();
    assert!(
        matches!(&error, EngineError::Cache { path: named, .. } if *named == path),
        "{error}"
    );
}

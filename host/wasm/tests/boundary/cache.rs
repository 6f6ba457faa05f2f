//! Compiled code on disk.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use platform_domain::Digest;
use platform_wasm::{ComponentError, Engine, EngineError};

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
    assert_eq!(mode(&entry.with_extension("seal")), 0o600);
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

/// Another file in its place: never the same one with other bytes, which may be mapped.
fn replace(path: &Path, bytes: Option<&[u8]>) {
    fs::remove_file(path).unwrap();
    if let Some(bytes) = bytes {
        fs::write(path, bytes).unwrap();
    }
}

/// The only entry of a host that has compiled this: its code and its seal.
async fn made_by(host: &Host, component: Bytes) -> [Vec<u8>; 2] {
    host.load(component).await;
    let code = entry(&host.cache_dir());
    [&code, &code.with_extension("seal")].map(|path| fs::read(path).unwrap())
}

#[tokio::test]
async fn code_that_this_host_did_not_seal_is_never_loaded() {
    let host = Host::new();
    let [code, seal] = made_by(&host, guests::whole()).await;
    let entry = entry(&host.cache_dir());
    let flipped = |good: &[u8], position: usize| {
        let mut bytes = good.to_vec();
        bytes[position] ^= 1;
        bytes
    };
    // The same code, sealed by another host.
    let [foreign_code, foreign_seal] = made_by(&Host::new(), guests::whole()).await;
    // Our own code, of another component.
    let other = Host::new();
    let key = fs::read(host.cache_dir().join("key")).unwrap();
    fs::write(other.cache_dir().join("key"), key).unwrap();
    let other = Host {
        engine: Engine::new(host::config(other.cache_dir())).unwrap(),
        dir: other.dir,
    };
    let [other_code, other_seal] = made_by(&other, guests::challenge(false, true)).await;
    // What an engine makes of it that asks nobody.
    let outside = wasmtime_code(&guests::whole());

    let (code, seal) = (&code[..], &seal[..]);
    for (what, code, seal) in [
        ("the head of the code", &flipped(code, 0)[..], Some(seal)),
        ("its middle", &flipped(code, code.len() / 2), Some(seal)),
        ("its end", &flipped(code, code.len() - 1), Some(seal)),
        ("none of it", b"", Some(seal)),
        ("all but the last byte", &code[..code.len() - 1], Some(seal)),
        ("a byte more", &[code, b"x"].concat(), Some(seal)),
        ("the keyed hash", code, Some(&flipped(seal, 0)[..])),
        ("the facts", code, Some(&flipped(seal, 40))),
        ("the end of the facts", code, Some(&flipped(seal, seal.len() - 1))),
        ("all but the hash", code, Some(&seal[..32])),
        ("half of the hash", code, Some(&seal[..16])),
        ("no seal", code, None),
        ("a stranger's", &foreign_code, Some(&foreign_seal)),
        ("a stranger's seal", code, Some(&foreign_seal)),
        ("another component's", &other_code, Some(&other_seal)),
        ("another component's code", &other_code, Some(seal)),
        ("code from outside", &outside, None),
        ("code from outside under our seal", &outside, Some(seal)),
    ] {
        replace(&entry, Some(code));
        replace(&entry.with_extension("seal"), seal);
        let planted = identity(&entry);
        let program = host.load(guests::whole()).await;
        assert_eq!(ask(&program, "/").await.unwrap(), "/", "{what}");
        assert_ne!(identity(&entry), planted, "{what}: it is made again");
    }
}

/// Compiled code as anybody can make it.
fn wasmtime_code(component: &[u8]) -> Vec<u8> {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    let engine = wasmtime::Engine::new(&config).unwrap();
    engine.precompile_component(component).unwrap()
}

#[tokio::test]
async fn compiled_code_is_no_component() {
    let host = Host::new();
    let [code, _] = made_by(&host, guests::whole()).await;
    let code = Bytes::from(code);
    let error = host
        .engine
        .load(code.clone(), host::spec(&code))
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("compiled native code"), "{error}");
    let error = host.engine.inspect(code).await.unwrap_err();
    assert!(error.to_string().contains("compiled native code"), "{error}");
}

#[tokio::test]
async fn two_starts_of_one_component_compile_once() {
    let host = Host::new();
    let component = guests::whole();
    let start = || host.engine.load(component.clone(), host::spec(&component));
    let (one, two) = tokio::join!(start(), start());
    for program in [one.unwrap(), two.unwrap()] {
        assert_eq!(ask(&program, "/").await.unwrap(), "/");
    }
    let prepare = host.engine.prepare(Digest::of(&component), nothing(), |_| ());
    assert!(prepare.await.unwrap().code().cached);
}

/// What cannot be had; whoever asks for it fails.
async fn nothing() -> Result<Bytes, ComponentError> {
    Err(ComponentError::Host("the component was asked for".to_owned()))
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

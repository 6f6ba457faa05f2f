//! Components and layouts for the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use platform_domain::{ComponentRef, Digest, Manifest, UnixSeconds};
use platform_oci::{
    CONFIG_TYPE, ContentStore, Judge, LAYER_TYPE, MANIFEST_TYPE, OciError, Patience, PublishInfo, Published,
    Pulled, Registries,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The smallest component there is: magic, version, layer.
pub(crate) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

pub(crate) fn about() -> PublishInfo {
    let manifest = br#"{"name":"Echo","version":"1.2.0","description":"Says it again","data":"none"}"#;
    PublishInfo {
        imports: vec!["wasi:logging/logging@0.1.0-draft".to_owned()],
        exports: vec!["platform:challenge/routes@0.1.0".to_owned()],
        manifest: Some(Manifest::parse(manifest).unwrap()),
        created: UnixSeconds(0),
    }
}

/// Publishes anonymously.
pub(crate) async fn publish(
    component: &[u8],
    about: &PublishInfo,
    to: &ComponentRef,
) -> Result<Published, OciError> {
    Registries::default().publish(component, about, to, None).await
}

/// Pulls anonymously.
pub(crate) async fn pull(reference: &ComponentRef, judge: Option<Judge>) -> Result<Pulled, OciError> {
    Registries::default().pull(reference, judge).await
}

pub(crate) fn reference(text: impl AsRef<str>) -> ComponentRef {
    text.as_ref().parse().unwrap()
}

/// A store in a directory of its own, which is soon out of patience.
pub(crate) fn store() -> (TempDir, ContentStore) {
    store_with(impatient(Registries::default()))
}

pub(crate) fn store_with(registries: Registries) -> (TempDir, ContentStore) {
    let dir = TempDir::new().unwrap();
    let store = ContentStore::open(&dir.path().join("store")).unwrap();
    (dir, store.with_registries(registries))
}

pub(crate) fn impatient(registries: Registries) -> Registries {
    registries.with_patience(Patience {
        tries: 3,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_secs(2),
        ..Patience::default()
    })
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

pub(crate) fn config_of(component: &[u8]) -> Value {
    json!({
        "created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip2",
        "layerDigests": [Digest::of(component).to_string()], "component": {"imports": [], "exports": []},
    })
}

/// The manifest and config of a component, to be spoiled.
pub(crate) fn artifact_of(component: &[u8]) -> (Value, Vec<u8>) {
    let config = config_of(component).to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, &config), "layers": [descriptor(LAYER_TYPE, component)],
    });
    (manifest, config)
}

/// Writes a layout by hand, in which `latest` is the first blob.
pub(crate) fn write_layout(dir: &Path, media_type: &str, blobs: &[&[u8]]) {
    let sha256 = dir.join("blobs/sha256");
    fs::create_dir_all(&sha256).unwrap();
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    for blob in blobs {
        fs::write(sha256.join(Digest::of(blob).hex()), blob).unwrap();
    }
    let mut entry = descriptor(media_type, blobs[0]);
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
}

/// `oci:DIR` and what follows it.
pub(crate) fn in_layout(dir: &Path, rest: &str) -> ComponentRef {
    reference(format!("oci:{}{rest}", dir.display()))
}

pub(crate) fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn blob(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join("blobs/sha256").join(digest.hex())
}

pub(crate) async fn published(dir: &Path, rest: &str) -> Published {
    publish(COMPONENT, &about(), &in_layout(dir, rest)).await.unwrap()
}

pub(crate) fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// An error with all its causes, as a log shows it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

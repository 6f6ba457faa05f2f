//! What a dead host left on the disk, looked at without it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use platform_domain::Digest;
use serde_json::Value;

/// All files below a directory.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Everything in the store is what its name says, and nothing is listed that is not there as a whole.
pub(super) fn is_a_valid_layout(content: &Path) {
    let marker: Value = serde_json::from_slice(&fs::read(content.join("oci-layout")).unwrap()).unwrap();
    assert_eq!(marker["imageLayoutVersion"], "1.0.0");
    let blobs = content.join("blobs/sha256");
    for blob in files(&blobs) {
        let digest = Digest::of(&fs::read(&blob).unwrap());
        assert_eq!(blob, blobs.join(digest.hex()), "damaged");
    }
    let index: Value = serde_json::from_slice(&fs::read(content.join("index.json")).unwrap()).unwrap();
    for entry in index["manifests"].as_array().unwrap() {
        let manifest: Value = serde_json::from_slice(&listed(&blobs, entry)).unwrap();
        listed(&blobs, &manifest["config"]);
        for layer in manifest["layers"].as_array().unwrap() {
            listed(&blobs, layer);
        }
    }
}

/// What a descriptor leads to.
fn listed(blobs: &Path, descriptor: &Value) -> Vec<u8> {
    let digest: Digest = descriptor["digest"].as_str().unwrap().parse().unwrap();
    let found = fs::read(blobs.join(digest.hex()));
    let found = found.unwrap_or_else(|error| panic!("{digest} is listed: {error}"));
    assert_eq!(found.len() as u64, descriptor["size"].as_u64().unwrap());
    found
}

/// Files that somebody had begun to write, and compiled code that nobody will load.
pub(super) fn unfinished(state: &Path) -> Vec<PathBuf> {
    let ending = |path: &Path| path.extension().map(|it| it.to_string_lossy().into_owned());
    let counterpart = |path: &Path| match ending(path).as_deref() {
        Some("cwasm") => Some(path.with_extension("seal")),
        Some("seal") => Some(path.with_extension("cwasm")),
        _ => None,
    };
    let is_unfinished = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(".tmp") || counterpart(path).is_some_and(|other| !other.exists())
    };
    files(state).into_iter().filter(is_unfinished).collect()
}

/// Makes everything in the store look as if it was fetched long ago.
pub(super) fn age(content: &Path) {
    for file in files(content) {
        let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
        fs::File::open(file).unwrap().set_modified(yesterday).unwrap();
    }
}

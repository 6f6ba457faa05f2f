//! What the content store holds, and removing what nobody needs. Everything here blocks; who changes something holds the
//! layout's lock.
//!
//! A collection first shortens the index and then removes content, a file at a time. Stopped at any moment it leaves a
//! layout whose index lists nothing that is missing; the next collection goes on.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry, Metadata},
    io,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use platform_domain::{ByteSize, Digest};
use platform_signatures::names::{is_signature_tag, signature_tag};

use crate::{
    OciError, Part,
    document::{Descriptor, Document, Index, Pointer},
    files::{TEMPORARY, io_error},
    layout::Layout,
    limits::MAX_MANIFEST,
};

/// Something in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// By its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: ContentKind,
    /// When it was last fetched.
    pub fetched_at: SystemTime,
}

/// What something in the store is, by the manifests that the store lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// A manifest that is listed.
    Manifest,
    /// The config of one.
    Config,
    /// Of the signatures of one: manifest, config and what was signed.
    Signature,
    /// Bytes that no listed manifest names a config: a component, or what remained of something.
    Component,
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// Content that no root leads to.
    pub removed: Vec<Content>,
    /// Bytes of everything else.
    pub kept_bytes: u64,
}

impl Collected {
    /// Bytes of what was removed.
    pub fn removed_bytes(&self) -> u64 {
        self.removed.iter().map(|content| content.size).sum()
    }
}

/// What to do, in this order.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) collected: Collected,
}

/// Each leaves a valid layout.
pub(crate) enum Step {
    Index(Box<Index>),
    Remove(PathBuf),
}

/// Everything in the store, the largest first.
pub(crate) fn contents(layout: &Layout) -> Result<Vec<Content>, OciError> {
    let dir = layout.blobs_dir();
    let index = layout.index()?;
    let manifests: BTreeSet<_> = index.manifests.iter().filter_map(digest_of).collect();
    let (mut configs, mut signatures) = (BTreeSet::new(), BTreeSet::new());
    for entry in &index.manifests {
        let Some(manifest) = digest_of(entry) else {
            continue;
        };
        let Some((config, layers)) = image(layout, manifest)? else {
            continue;
        };
        configs.extend(digest_of(&config));
        if entry.name().is_some_and(is_signature_tag) {
            let pieces = layers.iter().chain([&config]).filter_map(digest_of);
            signatures.extend(pieces.chain([manifest]));
        }
    }
    let mut found = Vec::new();
    for entry in entries(&dir)? {
        let digest = entry.file_name().to_str().map(|hex| format!("sha256:{hex}"));
        let (Some(Ok(digest)), Some(metadata)) =
            (digest.map(|text| text.parse::<Digest>()), metadata(&entry)?)
        else {
            continue;
        };
        let kind = match () {
            () if signatures.contains(&digest) => ContentKind::Signature,
            () if manifests.contains(&digest) => ContentKind::Manifest,
            () if configs.contains(&digest) => ContentKind::Config,
            () => ContentKind::Component,
        };
        found.push(Content {
            digest,
            size: metadata.len(),
            kind,
            fetched_at: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        });
    }
    found.sort_by_key(|content| (std::cmp::Reverse(content.size), content.digest));
    Ok(found)
}

/// Whether the store may hold these too. What it has already needs no room.
pub(crate) fn room(layout: &Layout, pieces: &[Pointer], quota: ByteSize) -> Result<(), OciError> {
    let (mut used, mut needed) = (0u64, 0u64);
    for entry in entries(&layout.blobs_dir())? {
        used += metadata(&entry)?.map_or(0, |metadata| metadata.len());
    }
    for piece in pieces {
        if !layout.blob_path(piece.digest).exists() {
            needed = needed.saturating_add(piece.size);
        }
    }
    if needed > 0 && used.saturating_add(needed) > quota.0 {
        let quota = quota.0;
        return Err(OciError::StoreFull { needed, used, quota });
    }
    Ok(())
}

/// What is to be done so that only what `roots` lead to is left, and what is younger than `grace`.
pub(crate) fn plan(layout: &Layout, roots: &BTreeSet<Digest>, grace: Duration) -> Result<Plan, OciError> {
    let now = SystemTime::now();
    // What comes from the future is young: a clock was put back.
    let young = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age < grace) || at > now;
    let contents = contents(layout)?;
    let mut live = roots.clone();
    live.extend(
        contents
            .iter()
            .filter(|content| young(content.fetched_at))
            .map(|content| content.digest),
    );
    let mut index = layout.index()?;
    let listed = index.manifests.len();
    // Signatures live as long as what they sign.
    let signed: BTreeSet<_> = live.iter().map(signature_tag).collect();
    let is_signature = |entry: &Descriptor| entry.name().is_some_and(|name| signed.contains(name));
    let signatures: Vec<_> = index
        .manifests
        .iter()
        .filter(|entry| is_signature(entry))
        .collect();
    live.extend(signatures.into_iter().filter_map(digest_of));
    index
        .manifests
        .retain(|entry| digest_of(entry).is_some_and(|digest| live.contains(&digest)));
    for manifest in index.manifests.iter().filter_map(digest_of) {
        if let Some((config, layers)) = image(layout, manifest)? {
            live.extend([config].iter().chain(&layers).filter_map(digest_of));
        }
    }
    let (kept, removed): (Vec<_>, Vec<_>) = contents
        .into_iter()
        .partition(|content| live.contains(&content.digest));
    let mut steps = Vec::new();
    if index.manifests.len() < listed {
        steps.push(Step::Index(Box::new(index)));
    }
    steps.extend(
        removed
            .iter()
            .map(|content| Step::Remove(layout.blob_path(content.digest))),
    );
    // What a crash left in the middle of being written.
    for entry in entries(layout.dir())? {
        let unfinished = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if let (true, Some(metadata)) = (unfinished, metadata(&entry)?)
            && metadata.modified().is_ok_and(|at| !young(at))
        {
            steps.push(Step::Remove(entry.path()));
        }
    }
    let kept_bytes = kept.iter().map(|content| content.size).sum();
    Ok(Plan {
        steps,
        collected: Collected { removed, kept_bytes },
    })
}

/// Takes one step.
pub(crate) fn take(layout: &Layout, step: &Step) -> Result<(), OciError> {
    match step {
        Step::Index(index) => layout.write_index(index),
        Step::Remove(path) => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, error)),
            _ => Ok(()),
        },
    }
}

fn digest_of(entry: &Descriptor) -> Option<Digest> {
    entry.digest.parse().ok()
}

/// Config and layers of a manifest, if it is there and is one. A disk that fails says nothing of that.
fn image(layout: &Layout, manifest: Digest) -> Result<Option<(Descriptor, Vec<Descriptor>)>, OciError> {
    let bytes = match layout.find(manifest, Part::Manifest, MAX_MANIFEST) {
        Err(error @ OciError::Io { .. }) => return Err(error),
        found => found.ok().flatten(),
    };
    let document = bytes.and_then(|bytes| Document::parse(&bytes).ok());
    Ok(match document {
        Some(Document::Manifest(manifest)) => Some((manifest.config, manifest.layers)),
        _ => None,
    })
}

fn entries(dir: &std::path::Path) -> Result<Vec<DirEntry>, OciError> {
    let read = fs::read_dir(dir).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    read.map_err(|error| io_error(dir, error))
}

/// Of a plain file; others remove files too.
fn metadata(entry: &DirEntry) -> Result<Option<Metadata>, OciError> {
    match entry.metadata() {
        Ok(metadata) => Ok(metadata.is_file().then_some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(&entry.path(), error)),
    }
}

#[cfg(test)]
mod tests;

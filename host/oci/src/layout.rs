//! An OCI image layout on disk: `oci-layout`, `index.json` and `blobs/sha256/…`. Everything here blocks.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::SystemTime,
};

use platform_domain::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    MANIFEST_TYPE, OciError, Part,
    document::{Descriptor, Index, Pointer, REF_NAME, parse, verify_digest, write},
    files::{Access, TEMPORARY, io_error, lock, make_dir, make_plain_dir, read_below, write_atomic},
    limits::{MAX_INDEX, MAX_MARKER},
};

pub(crate) const MARKER: &str = "oci-layout";
pub(crate) const INDEX: &str = "index.json";
const LAYOUT_VERSION: &str = "1.0.0";

/// A layout's directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    dir: PathBuf,
    access: Access,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// A layout that exists.
    pub(crate) fn open(dir: &Path) -> Result<Self, OciError> {
        let layout = Self {
            dir: dir.to_owned(),
            access: Access::Shared,
        };
        if layout.check_marker()? {
            return Ok(layout);
        }
        Err(OciError::NotFound {
            reference: format!("the OCI layout {}", dir.display()),
        })
    }

    /// A layout, made if it does not exist. A directory with other things in it is left alone: somebody
    /// mistyped a path.
    pub(crate) fn create(dir: &Path, access: Access) -> Result<Self, OciError> {
        make_dir(dir, access)?;
        let layout = Self {
            dir: dir.to_owned(),
            access,
        };
        if !layout.check_marker()? && holds_other_things(dir)? {
            return Err(OciError::NotALayout { path: dir.to_owned() });
        }
        make_plain_dir(&dir.join("blobs"), access)?;
        make_plain_dir(&dir.join("blobs").join("sha256"), access)?;
        let _lock = lock(dir)?;
        if !layout.check_marker()? {
            write_atomic(dir, &dir.join(MARKER), &marker()?, access)?;
        }
        if read_below(dir, &[INDEX], Part::Index, MAX_INDEX)?.is_none() {
            layout.write_index(&Index::empty())?;
        }
        Ok(layout)
    }

    fn check_marker(&self) -> Result<bool, OciError> {
        let Some(bytes) = read_below(&self.dir, &[MARKER], Part::Marker, MAX_MARKER)? else {
            return Ok(false);
        };
        check_marker(&bytes).map(|()| true)
    }

    pub(crate) fn index(&self) -> Result<Index, OciError> {
        match read_below(&self.dir, &[INDEX], Part::Index, MAX_INDEX)? {
            Some(bytes) => parse(Part::Index, &bytes),
            None => Err(OciError::NotFound {
                reference: self.dir.join(INDEX).display().to_string(),
            }),
        }
    }

    /// Content by digest, verified; `None` when the layout does not have it.
    pub(crate) fn find(&self, digest: Digest, part: Part, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
        let bytes = read_below(&self.dir, &["blobs", "sha256", &digest.hex()], part, limit)?;
        if let Some(bytes) = &bytes {
            verify_digest(part, digest, Digest::of(bytes))?;
        }
        Ok(bytes)
    }

    /// Content that the layout must have, with its declared size.
    pub(crate) fn blob(&self, to: Pointer, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
        let digest = to.digest;
        let path = ["blobs", "sha256", &digest.hex()];
        let bytes = read_below(&self.dir, &path, part, limit)?.ok_or(OciError::Missing { part, digest })?;
        to.verify(part, &bytes)?;
        Ok(bytes)
    }

    /// Stores content under its digest. What is there already and intact is not written again.
    pub(crate) fn put(&self, bytes: &[u8], part: Part) -> Result<Digest, OciError> {
        let digest = Digest::of(bytes);
        if !matches!(self.find(digest, part, bytes.len() as u64), Ok(Some(_))) {
            write_atomic(&self.dir, &self.blob_path(digest), bytes, self.access)?;
        }
        Ok(digest)
    }

    /// Where content is.
    pub(crate) fn blob_path(&self, digest: Digest) -> PathBuf {
        self.blobs_dir().join(digest.hex())
    }

    /// Where all content is.
    pub(crate) fn blobs_dir(&self) -> PathBuf {
        self.dir.join("blobs").join("sha256")
    }

    /// The layout's own directory, where unfinished files are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes content look as if it was written now.
    pub(crate) fn touch(&self, digest: Digest) -> Result<(), OciError> {
        let path = self.blob_path(digest);
        let touched = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        touched.map_err(|error| io_error(&path, error))
    }

    /// Keeps others from changing what the layout lists, and a collection from running, until it is dropped.
    pub(crate) fn lock(&self) -> Result<OwnedFd, OciError> {
        lock(&self.dir)
    }

    /// Removes what was never written to its end. Whoever writes into a layout of the host has the lock.
    pub(crate) fn tidy(&self) -> Result<(), OciError> {
        let _lock = self.lock()?;
        let entries = fs::read_dir(&self.dir).map_err(|error| io_error(&self.dir, error))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_file(entry.path()).map_err(|error| io_error(&entry.path(), error))?;
            }
        }
        Ok(())
    }

    /// Lists a manifest in the index, for who has the lock. A name moves to it from whatever had it.
    pub(crate) fn list_locked(&self, manifest: Pointer, name: &str) -> Result<(), OciError> {
        let mut index = self.index()?;
        let entry = entry(manifest, name);
        let named = |old: &&Descriptor| old.name() == Some(name);
        let mut before = index.manifests.iter().filter(named);
        if let (Some(old), None) = (before.next(), before.next())
            && old.digest == entry.digest
        {
            return Ok(());
        }
        index.manifests.retain(|old| old.name() != Some(name));
        index.manifests.push(entry);
        self.write_index(&index)
    }

    pub(crate) fn write_index(&self, index: &Index) -> Result<(), OciError> {
        let bytes = write(Part::Index, index)?;
        let size = bytes.len() as u64;
        if size > MAX_INDEX {
            return Err(OciError::TooLarge {
                part: Part::Index,
                size,
                limit: MAX_INDEX,
            });
        }
        write_atomic(&self.dir, &self.dir.join(INDEX), &bytes, self.access)
    }
}

/// What `oci-layout` says.
pub(crate) fn marker() -> Result<Vec<u8>, OciError> {
    let marker = Marker {
        image_layout_version: LAYOUT_VERSION.to_owned(),
    };
    write(Part::Marker, &marker)
}

/// Whether it says so.
pub(crate) fn check_marker(bytes: &[u8]) -> Result<(), OciError> {
    let marker: Marker = parse(Part::Marker, bytes)?;
    if marker.image_layout_version == LAYOUT_VERSION {
        return Ok(());
    }
    Err(OciError::Invalid {
        part: Part::Marker,
        reason: format!("its version is not {LAYOUT_VERSION}; copy it with a current tool"),
    })
}

/// An index's entry of a manifest.
pub(crate) fn entry(manifest: Pointer, name: &str) -> Descriptor {
    let mut entry = Descriptor::new(MANIFEST_TYPE, manifest);
    entry.annotations.insert(REF_NAME.to_owned(), name.to_owned());
    entry
}

/// What `index.json` says of manifests.
pub(crate) fn index_of(manifests: impl Iterator<Item = Descriptor>) -> Result<Vec<u8>, OciError> {
    let mut index = Index::empty();
    index.manifests.extend(manifests);
    write(Part::Index, &index)
}

/// Whether there is anything that an interrupted or concurrent creation would not have left.
fn holds_other_things(dir: &Path) -> Result<bool, OciError> {
    for entry in fs::read_dir(dir).map_err(|error| io_error(dir, error))? {
        let name = entry.map_err(|error| io_error(dir, error))?.file_name();
        let known = |name: &str| ["blobs", INDEX, MARKER].contains(&name) || name.starts_with(TEMPORARY);
        if !name.to_str().is_some_and(known) {
            return Ok(true);
        }
    }
    Ok(false)
}

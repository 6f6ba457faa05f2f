//! An OCI image layout on disk: `oci-layout`, `index.json` and `blobs/sha256/…`. Everything here blocks.

use std::{
    fs,
    path::{Path, PathBuf},
};

use platform_domain::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    MANIFEST_TYPE, OciError, Part,
    document::{Descriptor, Index, Pointer, REF_NAME, parse, verify_digest, write},
    files::{Access, TEMPORARY, io_error, lock, make_dir, make_plain_dir, read_below, write_atomic},
    limits::{MAX_INDEX, MAX_MARKER},
};

const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
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
            let marker = Marker {
                image_layout_version: LAYOUT_VERSION.to_owned(),
            };
            write_atomic(dir, &dir.join(MARKER), &write(Part::Marker, &marker)?, access)?;
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
        let marker: Marker = parse(Part::Marker, &bytes)?;
        if marker.image_layout_version == LAYOUT_VERSION {
            return Ok(true);
        }
        Err(OciError::Invalid {
            part: Part::Marker,
            reason: format!("its version is not {LAYOUT_VERSION}; copy it with a current tool"),
        })
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
            let path = self.dir.join("blobs").join("sha256").join(digest.hex());
            write_atomic(&self.dir, &path, bytes, self.access)?;
        }
        Ok(digest)
    }

    /// Lists a manifest in the index. A name moves to it from whatever had it; without a name it is listed by
    /// digest alone, once.
    pub(crate) fn list(&self, manifest: Pointer, name: Option<&str>) -> Result<(), OciError> {
        let _lock = lock(&self.dir)?;
        let mut index = self.index()?;
        let mut entry = Descriptor::new(MANIFEST_TYPE, manifest);
        let replaced = |old: &Descriptor| match name {
            Some(name) => old.name() == Some(name),
            None => old.name().is_none() && old.digest == entry.digest,
        };
        if name.is_none() && index.manifests.iter().any(replaced) {
            return Ok(());
        }
        index.manifests.retain(|old| !replaced(old));
        if let Some(name) = name {
            entry.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        }
        index.manifests.push(entry);
        self.write_index(&index)
    }

    fn write_index(&self, index: &Index) -> Result<(), OciError> {
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

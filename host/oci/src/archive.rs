//! An OCI image layout in one tar file, as `skopeo copy … oci-archive:` and `docker buildx` write it. Everything
//! here blocks.
//!
//! It is read where it is and never unpacked. Of all entries only `oci-layout`, `index.json` and `blobs/sha256/…` are
//! looked at, as plain files and each once; links are not followed. What another reader could take for something
//! else is refused: two entries of one name, and extensions that give an entry another name or size.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use platform_domain::Digest;
use tar::{Builder, Entry, EntryType, Header, PaxExtensions};

use crate::{
    OciError, Part,
    document::{Index, Pointer, parse, verify_digest},
    files::{TEMPORARY, io_error, open_file, read_file},
    layout::{INDEX, MARKER, check_marker, index_of, marker},
    limits::{MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_EXTENSION, MAX_INDEX, MAX_MARKER},
    parcel::Parcel,
};

const BLOBS: &str = "blobs/sha256/";
/// Extensions that make an entry another one.
const RENAMING: [&str; 3] = ["path", "linkpath", "size"];
/// How compressed files begin: gzip, zstd, xz, bzip2.
const COMPRESSED: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh"];

/// An open archive and where things are in it.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    file: File,
    places: BTreeMap<String, Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    size: u64,
}

impl Archive {
    /// Looks through an archive's entries, without reading them.
    pub(crate) fn open(path: &Path) -> Result<Self, OciError> {
        let not_found = || OciError::NotFound {
            reference: format!("the OCI archive {}", path.display()),
        };
        let (file, size) = open_file(path)?.ok_or_else(not_found)?;
        let mut archive = Self {
            path: path.to_owned(),
            file,
            places: BTreeMap::new(),
        };
        archive.check_uncompressed()?;
        archive.places = archive.scan(size)?;
        let marker = archive.named(MARKER, Part::Marker, MAX_MARKER)?;
        let marker = marker
            .ok_or_else(|| archive.refused("it has no oci-layout; make it with skopeo or docker buildx"))?;
        check_marker(&marker)?;
        Ok(archive)
    }

    fn refused(&self, reason: &'static str) -> OciError {
        OciError::Archive {
            path: self.path.clone(),
            reason,
        }
    }

    /// A disk that fails has a number of the system, a text that is no tar has none.
    fn not_a_tar(&self, error: io::Error) -> OciError {
        match error.raw_os_error() {
            Some(_) => io_error(&self.path, error),
            None => self.refused("it is no tar file, or was cut off; copy it again"),
        }
    }

    fn check_uncompressed(&self) -> Result<(), OciError> {
        let mut first = [0; 8];
        let read = self.file.read_at(&mut first, 0);
        read.map_err(|error| io_error(&self.path, error))?;
        if COMPRESSED.iter().any(|magic| first.starts_with(magic)) {
            return Err(self.refused("it is compressed; decompress it first"));
        }
        Ok(())
    }

    fn scan(&self, end: u64) -> Result<BTreeMap<String, Place>, OciError> {
        let mut places = BTreeMap::new();
        let mut tar = tar::Archive::new(&self.file);
        let entries = tar.entries_with_seek().map_err(|error| self.not_a_tar(error))?;
        // Raw: the library would read names of any length into memory.
        for (n, entry) in entries.raw(true).enumerate() {
            if n >= MAX_ARCHIVE_ENTRIES {
                return Err(self.refused("it has too many entries; this limit is fixed"));
            }
            let entry = entry.map_err(|error| self.not_a_tar(error))?;
            if let Some((name, place)) = self.place(entry, end)?
                && places.insert(name, place).is_some()
            {
                return Err(self.refused("two of its entries have one name; make it again"));
            }
        }
        Ok(places)
    }

    /// What an entry is to the layout, if it is anything.
    fn place(&self, mut entry: Entry<'_, &File>, end: u64) -> Result<Option<(String, Place)>, OciError> {
        let size = entry
            .header()
            .entry_size()
            .map_err(|error| self.not_a_tar(error))?;
        let at = entry.raw_file_position();
        if at.checked_add(size).is_none_or(|after| after > end) {
            return Err(self.refused("it was cut off; copy it again"));
        }
        match entry.header().entry_type() {
            EntryType::XHeader | EntryType::XGlobalHeader => {
                self.check_extension(&mut entry, size)?;
                Ok(None)
            }
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::GNUSparse => Err(self.renamed()),
            kind => {
                let Some(name) = known(&entry.header().path_bytes()) else {
                    return Ok(None);
                };
                if kind == EntryType::Regular {
                    return Ok(Some((name, Place { at, size })));
                }
                let path = self.path.join(name);
                Err(OciError::Unsafe { path })
            }
        }
    }

    /// Dates and owners pass; whatever makes an entry another one does not.
    fn check_extension(&self, entry: &mut Entry<'_, &File>, size: u64) -> Result<(), OciError> {
        if size > MAX_ARCHIVE_EXTENSION {
            return Err(self.refused("an extended header is too large; this limit is fixed"));
        }
        let mut bytes = Vec::new();
        let read = entry.take(size).read_to_end(&mut bytes);
        read.map_err(|error| self.not_a_tar(error))?;
        for extension in PaxExtensions::new(&bytes) {
            let extension = extension.map_err(|error| self.not_a_tar(error))?;
            let key = extension.key().map_err(|_| self.renamed())?;
            if RENAMING.contains(&key) || key.starts_with("GNU.sparse") {
                return Err(self.renamed());
            }
        }
        Ok(())
    }

    fn renamed(&self) -> OciError {
        self.refused(
            "an extended header gives an entry another name or size; make it with skopeo or docker buildx",
        )
    }

    fn named(&self, name: &str, part: Part, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
        let Some(Place { at, size }) = self.places.get(name).copied() else {
            return Ok(None);
        };
        if size > limit {
            return Err(OciError::TooLarge { part, size, limit });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        let read = self.file.read_exact_at(&mut bytes, at);
        read.map_err(|error| self.not_a_tar(error))?;
        Ok(Some(bytes))
    }

    pub(crate) fn index(&self) -> Result<Index, OciError> {
        match self.named(INDEX, Part::Index, MAX_INDEX)? {
            Some(bytes) => parse(Part::Index, &bytes),
            None => Err(self.refused("it has no index.json; make it with skopeo or docker buildx")),
        }
    }

    /// Content by digest, verified; `None` when the archive does not have it.
    pub(crate) fn find(&self, digest: Digest, part: Part, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
        let bytes = self.named(&blob(digest), part, limit)?;
        if let Some(bytes) = &bytes {
            verify_digest(part, digest, Digest::of(bytes))?;
        }
        Ok(bytes)
    }

    /// Content that the archive must have, with its declared size.
    pub(crate) fn blob(&self, to: Pointer, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
        let digest = to.digest;
        let missing = OciError::Missing { part, digest };
        let bytes = self.named(&blob(digest), part, limit)?.ok_or(missing)?;
        to.verify(part, &bytes)?;
        Ok(bytes)
    }
}

fn blob(digest: Digest) -> String {
    format!("{BLOBS}{}", digest.hex())
}

/// The name of an entry that a layout has, as the layout has it.
fn known(path: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(path).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let is_blob = || {
        let digest = name.strip_prefix(BLOBS).map(|hex| format!("sha256:{hex}"));
        digest.is_some_and(|text| text.parse::<Digest>().is_ok())
    };
    (name == MARKER || name == INDEX || is_blob()).then(|| name.to_owned())
}

/// Writes an archive of one artifact. The same artifact gives the same bytes; a file with other bytes is replaced
/// only if `force` says so.
pub(crate) fn write(path: &Path, parcel: &Parcel, force: bool) -> Result<(), OciError> {
    let pieces = parcel.pieces();
    // One content is there once, however often it is referred to.
    let mut names = BTreeSet::new();
    let pieces = pieces.map(|(_, bytes)| (blob(Digest::of(bytes)), bytes.clone()));
    let pieces = pieces.filter(|(name, _)| names.insert(name.clone()));
    let mut entries = vec![(MARKER.to_owned(), marker()?.into())];
    entries.extend(pieces);
    entries.push((INDEX.to_owned(), index_of(parcel.entries())?.into()));
    let mut tar = Builder::new(Vec::new());
    for (name, bytes) in &entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let added = tar.append_data(&mut header, name, bytes.as_ref());
        added.map_err(|error| io_error(path, error))?;
    }
    let bytes = tar.into_inner().map_err(|error| io_error(path, error))?;
    write_new(path, &bytes, force)
}

/// Writes a file as a whole or not at all. One that exists with the same bytes stays; one with others too, unless
/// `force` says to replace it.
pub(crate) fn write_new(path: &Path, bytes: &[u8], force: bool) -> Result<(), OciError> {
    let there = read_file(path, Part::Component, bytes.len() as u64);
    if matches!(&there, Ok(Some(found)) if found == bytes) {
        return Ok(());
    }
    if !matches!(there, Ok(None)) && !force {
        let path = path.to_owned();
        return Err(OciError::Exists { path });
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(dir)?;
        io::Write::write_all(&mut file, bytes)?;
        file.as_file().sync_all()?;
        if force {
            file.persist(path)?;
        } else {
            file.persist_noclobber(path)?;
        }
        File::open(dir)?.sync_all()
    };
    write().map_err(|error| io_error(path, error))
}

//! An archive of what challenges keep: a tar file with a directory for each, and at its end a list of all files with
//! their sizes and digests. Without that end it is not whole, and nothing of it is used.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

use platform_domain::{Digest, Slug, UnixSeconds};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use crate::limits::MAX_CONTENTS;

/// The list at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Of this layout.
    pub format: u32,
    /// When the archive was begun.
    pub made_at: UnixSeconds,
    /// What is in it.
    pub challenges: BTreeMap<Slug, Vec<FileEntry>>,
}

/// One file of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Below the challenge's directory, `/` between names.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub digest: Digest,
}

/// Why an archive cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk, or whoever reads or sends it.
    #[error("the archive cannot be read or written")]
    Io(#[from] io::Error),
    /// Not an archive of this host, or one that was changed.
    #[error("this is not a whole archive of challenges: {0}")]
    Invalid(String),
}

/// What is written, and what is read.
const FORMAT: u32 = 1;
/// The list, at the end.
const CONTENTS: &str = "contents.json";
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Writes an archive, one challenge after the other.
pub struct ArchiveWriter<W: Write> {
    tar: Builder<W>,
    contents: Contents,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive.
    pub fn new(to: W, now: UnixSeconds) -> Self {
        Self {
            tar: Builder::new(to),
            contents: Contents {
                format: FORMAT,
                made_at: now,
                challenges: BTreeMap::new(),
            },
        }
    }

    /// Adds all files below a directory that nobody changes meanwhile. Links and the like are left out: what a
    /// challenge keeps has none.
    pub fn add(&mut self, slug: &Slug, dir: &Path) -> Result<(), ArchiveError> {
        let mut entries = Vec::new();
        let mut pending = vec![dir.to_owned()];
        while let Some(next) = pending.pop() {
            for entry in sorted(&next)? {
                let kind = entry.file_type()?;
                let relative = relative(dir, &entry.path())?;
                if kind.is_dir() {
                    let mut header = header(EntryType::Directory, 0);
                    self.tar
                        .append_data(&mut header, format!("{slug}/{relative}/"), io::empty())?;
                    pending.push(entry.path());
                } else if kind.is_file() {
                    entries.push(self.file(slug, relative, &entry.path())?);
                }
            }
        }
        self.contents.challenges.insert(slug.clone(), entries);
        Ok(())
    }

    fn file(&mut self, slug: &Slug, relative: String, path: &Path) -> Result<FileEntry, ArchiveError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        // As many bytes as were announced, or the archive would be broken.
        let mut hashing = Hashing::new(file.take(size));
        let mut header = header(EntryType::Regular, size);
        self.tar
            .append_data(&mut header, format!("{slug}/{relative}"), &mut hashing)?;
        Ok(FileEntry {
            path: relative,
            size,
            digest: hashing.digest(),
        })
    }

    /// Ends it with its list.
    pub fn finish(mut self) -> Result<(W, Contents), ArchiveError> {
        let list = serde_json::to_vec_pretty(&self.contents).map_err(io::Error::from)?;
        let mut header = header(EntryType::Regular, list.len() as u64);
        self.tar.append_data(&mut header, CONTENTS, &list[..])?;
        Ok((self.tar.into_inner()?, self.contents))
    }
}

/// Reads an archive into a directory that is there and empty, a directory for each challenge, and compares every file
/// with the list.
pub fn unpack(from: impl Read, to: &Path) -> Result<Contents, ArchiveError> {
    let mut archive = Archive::new(from);
    let mut found: BTreeMap<String, (u64, Digest)> = BTreeMap::new();
    let mut names = BTreeSet::new();
    let mut list = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        if list.is_some() {
            return Err(invalid("there is more after the list"));
        }
        let name = checked_name(&entry.path_bytes())?;
        if !names.insert(name.clone()) {
            return Err(invalid(&format!("{name} is there twice")));
        }
        let size = entry.size();
        match entry.header().entry_type() {
            EntryType::Regular if name == CONTENTS => {
                if size > MAX_CONTENTS {
                    return Err(invalid("its list is too long"));
                }
                let mut json = Vec::new();
                entry.read_to_end(&mut json)?;
                list = Some(serde_json::from_slice(&json).map_err(|error| invalid(&error.to_string()))?);
            }
            EntryType::Regular => {
                let place = to.join(&name);
                make_parents(&place)?;
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(FILE_MODE)
                    .open(&place)?;
                let mut hashing = Hashing::new(&mut entry);
                let written = io::copy(&mut hashing, &mut file)?;
                file.sync_all()?;
                found.insert(name, (written, hashing.digest()));
            }
            EntryType::Directory => {
                let place = to.join(&name);
                make_parents(&place)?;
                match DirBuilder::new().mode(DIR_MODE).create(&place) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
                    _ => {}
                }
            }
            other => return Err(invalid(&format!("{name} is a {other:?}"))),
        }
    }
    let contents: Contents = list.ok_or_else(|| invalid("its end is missing"))?;
    compare(&contents, found)?;
    Ok(contents)
}

fn compare(contents: &Contents, mut found: BTreeMap<String, (u64, Digest)>) -> Result<(), ArchiveError> {
    if contents.format != FORMAT {
        return Err(invalid(&format!(
            "its format is {}, this host reads {FORMAT}",
            contents.format
        )));
    }
    for (slug, files) in &contents.challenges {
        for FileEntry { path, size, digest } in files {
            let name = format!("{slug}/{path}");
            match found.remove(&name) {
                None => return Err(invalid(&format!("{name} is missing"))),
                Some(there) if there != (*size, *digest) => {
                    return Err(invalid(&format!("{name} is not what it was")));
                }
                Some(_) => {}
            }
        }
    }
    match found.first_key_value() {
        None => Ok(()),
        Some((name, _)) => Err(invalid(&format!("{name} is not in its list"))),
    }
}

/// A name that stays below the directory, and is the same everywhere.
fn checked_name(bytes: &[u8]) -> Result<String, ArchiveError> {
    let name = std::str::from_utf8(bytes).map_err(|_| invalid("a name is not UTF-8"))?;
    let name = name.strip_suffix('/').unwrap_or(name);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        return Err(invalid(&format!("the name {shown:?} leads elsewhere")));
    }
    Ok(name.to_owned())
}

fn make_parents(place: &Path) -> io::Result<()> {
    match place.parent() {
        Some(parent) => DirBuilder::new().recursive(true).mode(DIR_MODE).create(parent),
        None => Ok(()),
    }
}

fn sorted(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = dir.read_dir()?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

fn relative(dir: &Path, path: &Path) -> Result<String, ArchiveError> {
    let relative: Option<PathBuf> = path.strip_prefix(dir).ok().map(Into::into);
    let text = relative.and_then(|path| path.to_str().map(ToOwned::to_owned));
    // WASI's names are UTF-8.
    text.ok_or_else(|| invalid("a file's name is not UTF-8"))
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(match kind {
        EntryType::Directory => DIR_MODE,
        _ => FILE_MODE,
    });
    header
}

fn invalid(reason: &str) -> ArchiveError {
    ArchiveError::Invalid(reason.to_owned())
}

/// Hashes what passes.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    fn digest(self) -> Digest {
        Digest::from_bytes(self.hash.finalize().into())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

//! What a job is given: an archive of strangers, read member by member before anything of it is sent to an engine. What is not
//! plainly a file or a directory inside is refused, never repaired.

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use crate::{
    limits::{ARCHIVE_BYTES, ARCHIVE_MEMBERS, ARCHIVE_PACKED_BYTES, ARCHIVE_PATH},
    text::shown,
};

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Packed or unpacked.
    #[error("the archive has more than {0} bytes")]
    TooLarge(u64),
    /// Files and directories.
    #[error("the archive has more than {ARCHIVE_MEMBERS} members")]
    TooMany,
    /// Absolute, with `..`, with characters that nobody sees, or too long.
    #[error("the archive has a member with an unsafe path: {0}")]
    Path(String),
    /// A link, a device, a pipe, or something that is none of these.
    #[error("the archive has a member that is neither a file nor a directory: {0}")]
    NotAFile(String),
    /// Twice the same, or a file where another member has a directory.
    #[error("the archive has two members in one place: {0}")]
    Twice(String),
    /// Not a tar archive packed with gzip.
    #[error("the archive cannot be read")]
    Unreadable(#[source] io::Error),
}

/// A file or a directory, as it is sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Relative, of plain parts; a directory's ends with `/`.
    pub(crate) path: String,
    /// `None`: a directory.
    pub(crate) content: Option<Vec<u8>>,
    /// Whether it was marked as a program.
    pub(crate) runs: bool,
}

impl Member {
    /// The bytes of a file.
    pub(crate) fn size(&self) -> usize {
        self.content.as_ref().map_or(0, Vec::len)
    }

    /// Of all the bits that the archive had, one is kept.
    pub(crate) const fn mode(&self) -> u32 {
        match self.content.is_none() || self.runs {
            true => 0o755,
            false => 0o644,
        }
    }
}

/// Unpacks and checks `tar.gz`. Directories that are not in it are added, each before what is in it.
pub(crate) fn unpacked(packed: &[u8]) -> Result<Vec<Member>, ArchiveError> {
    if packed.len() > ARCHIVE_PACKED_BYTES {
        return Err(ArchiveError::TooLarge(ARCHIVE_PACKED_BYTES as u64));
    }
    // One more than allowed tells too much from just enough. All of the archive counts, also its padding.
    let mut archive = Archive::new(GzDecoder::new(packed).take(ARCHIVE_BYTES + 1));
    let mut members = Members::default();
    let outcome = members.read(&mut archive);
    // Whatever else is wrong with it, too large is what it is: the end was cut off.
    match archive.into_inner().limit() {
        0 => Err(ArchiveError::TooLarge(ARCHIVE_BYTES)),
        _ => outcome.map(|()| members.found),
    }
}

#[derive(Default)]
struct Members {
    found: Vec<Member>,
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
}

impl Members {
    fn read(&mut self, archive: &mut Archive<impl Read>) -> Result<(), ArchiveError> {
        // Two readers see two archives where a header renames the next one: it is read, and its path is checked like any other.
        for entry in archive.entries().map_err(ArchiveError::Unreadable)? {
            let mut entry = entry.map_err(ArchiveError::Unreadable)?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = entry.header().entry_type();
            let path = safe(&path)?;
            if self.found.len() >= ARCHIVE_MEMBERS {
                return Err(ArchiveError::TooMany);
            }
            match kind {
                EntryType::Directory if path.is_empty() => {}
                // What `git archive` begins with: a comment.
                EntryType::XGlobalHeader => {}
                EntryType::Directory => self.directory(&path)?,
                EntryType::Regular if !path.is_empty() => {
                    let mut content = Vec::new();
                    entry
                        .read_to_end(&mut content)
                        .map_err(ArchiveError::Unreadable)?;
                    let runs = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
                    self.file(path, content, runs)?;
                }
                _ => return Err(ArchiveError::NotAFile(shown(&path, ARCHIVE_PATH))),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: String, content: Vec<u8>, runs: bool) -> Result<(), ArchiveError> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent)?;
        }
        if self.directories.contains(&path) || !self.files.insert(path.clone()) {
            return Err(ArchiveError::Twice(path));
        }
        self.add(path, Some(content), runs)
    }

    fn directory(&mut self, path: &str) -> Result<(), ArchiveError> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let part = path.get(..end).unwrap_or_default();
            if self.files.contains(part) {
                return Err(ArchiveError::Twice(part.to_owned()));
            }
            if self.directories.insert(part.to_owned()) {
                self.add(format!("{part}/"), None, false)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, content: Option<Vec<u8>>, runs: bool) -> Result<(), ArchiveError> {
        self.found.push(Member { path, content, runs });
        match self.found.len() > ARCHIVE_MEMBERS {
            true => Err(ArchiveError::TooMany),
            false => Ok(()),
        }
    }
}

/// Without `./` before and `/` behind. Empty is the archive's own root.
fn safe(path: &str) -> Result<String, ArchiveError> {
    let refused = || ArchiveError::Path(shown(path, ARCHIVE_PATH));
    let odd = |c: char| c.is_control() || matches!(c, '\\' | '\u{fffd}');
    if path.len() > ARCHIVE_PATH || path.starts_with('/') || path.contains(odd) {
        return Err(refused());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(refused()),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;

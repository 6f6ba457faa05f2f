//! A walk through everything below a directory, to count it.
//!
//! Guests nest directories deeper than any path can name, so it goes from directory to directory with one of them
//! open at a time. Links are counted and not followed.

use std::{ffi::CString, os::fd::AsFd, path::Path};

use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::{self, Errno},
};

use super::account::{BLOCK, Object, Usage};
use crate::limits::MEASURED_FILES;

/// A directory on the way from the root to where the walk is.
struct Level {
    identity: (u64, u64),
    /// Directories in it that were not looked at yet.
    pending: Vec<CString>,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Counts what is below this directory; the directory itself costs nothing. Stops when there is more than
/// anyone may have.
pub(super) fn below(root: &Path) -> std::io::Result<Usage> {
    at_most(root, MEASURED_FILES)
}

fn at_most(root: &Path, most: u64) -> std::io::Result<Usage> {
    let mut usage = Usage::default();
    let mut here = open(CWD, root)?;
    let mut way = vec![look(&here, &mut usage, most)?];
    while let Some(level) = way.last_mut() {
        if usage.files >= most {
            tracing::warn!(data.dir = %root.display(), "too many files to count all of them");
            break;
        }
        if let Some(name) = level.pending.pop() {
            match open(&here, name.as_c_str()) {
                Ok(below) => {
                    way.push(look(&below, &mut usage, most)?);
                    here = below;
                }
                // It stays counted for itself. Only the operator can have made such a one, or removed it.
                Err(Errno::ACCESS | Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            continue;
        }
        way.pop();
        if let Some(above) = way.last() {
            here = open(&here, c"..")?;
            // Who moves a directory meanwhile does not lead the walk out of the root.
            if identity(&here)? != above.identity {
                return Err(std::io::Error::other("it was changed from outside"));
            }
        }
    }
    Ok(usage)
}

/// Counts what is in one directory.
fn look(dir: &OwnedFd, usage: &mut Usage, most: u64) -> io::Result<Level> {
    let (mut pending, mut names) = (Vec::new(), 0);
    for entry in Dir::read_from(dir)? {
        if usage.files >= most {
            break;
        }
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        names += 1;
        let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error),
        };
        let object = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                pending.push(name.to_owned());
                Object::Directory
            }
            FileType::RegularFile => Object::File {
                length: stat.st_size.unsigned_abs(),
            },
            _ => Object::File { length: 0 },
        };
        usage.add(object.cost());
    }
    let stat = fstat(dir)?;
    // Its own block was charged for with its name, and each name brought one.
    let paid = BLOCK * (names + 1);
    let taken = stat.st_blocks.unsigned_abs() * 512;
    usage.bytes = usage.bytes.saturating_add(taken.saturating_sub(paid));
    Ok(Level {
        identity: (stat.st_dev, stat.st_ino),
        pending,
    })
}

fn open<P: rustix::path::Arg>(at: impl AsFd, path: P) -> io::Result<OwnedFd> {
    openat(at, path, DIRECTORY, Mode::empty())
}

fn identity(dir: &OwnedFd) -> io::Result<(u64, u64)> {
    fstat(dir).map(|stat| (stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn everything_is_counted_once_and_links_lead_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let path = |name| root.path().join(name);
        assert_eq!(below(root.path()).unwrap(), Usage::default());
        fs::create_dir_all(path("a/b/c")).unwrap();
        fs::write(path("a/b/one"), [0; 4097]).unwrap();
        fs::write(path("empty"), "").unwrap();
        let sparse = fs::File::create(path("a/sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        for (name, target) in [
            ("up", ".."),
            ("root", "/"),
            ("nowhere", "gone"),
            ("a/b/loop", "../.."),
        ] {
            symlink(target, path(name)).unwrap();
        }
        let (directories, files, links) = (3 * 2, 3 + 1 + 1 + (1 << 28), 4);
        let expected = Usage {
            bytes: BLOCK * (directories + files + links),
            files: 3 + 3 + 4,
        };
        assert_eq!(below(root.path()).unwrap(), expected);
    }

    #[test]
    fn directories_deeper_than_any_path_are_counted() {
        let root = tempfile::tempdir().unwrap();
        let mut here = open(CWD, root.path()).unwrap();
        let name = "d".repeat(100);
        const DEPTH: u64 = 100;
        for _ in 0..DEPTH {
            rustix::fs::mkdirat(&here, &name, Mode::RWXU).unwrap();
            here = open(&here, name.as_str()).unwrap();
        }
        assert_eq!(below(root.path()).unwrap().files, DEPTH);
    }

    #[test]
    fn counting_has_an_end() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..100 {
            fs::create_dir(root.path().join(n.to_string())).unwrap();
        }
        assert_eq!(at_most(root.path(), 40).unwrap().files, 40);
    }
}

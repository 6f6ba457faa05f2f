//! Files of a directory that somebody else may have filled: read without following links out of it, written so
//! that a crash leaves the old content or the new.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::Path,
};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, flock, fstat, open, openat};
use rustix::io::Errno;

use crate::{OciError, Part};

/// How the names of files begin that are not yet complete.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// Who may read what is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// The host alone.
    Private,
    /// Whoever the process's mask allows.
    Shared,
}

impl Access {
    const fn directory(self) -> u32 {
        match self {
            Self::Private => 0o700,
            Self::Shared => 0o777,
        }
    }

    const fn file(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

pub(crate) fn io_error(path: &Path, source: impl Into<io::Error>) -> OciError {
    OciError::Io {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// Reads `segments` below `dir`. Neither a directory on the way nor the file may be a link, and only a regular
/// file of at most `limit` bytes is read. `None` when it does not exist. Links in `dir` itself are the
/// operator's.
pub(crate) fn read_below(
    dir: &Path,
    segments: &[&str],
    part: Part,
    limit: u64,
) -> Result<Option<Vec<u8>>, OciError> {
    let directory = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let file = OFlags::NONBLOCK | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut path = dir.to_owned();
    let mut at = match open(dir, directory, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(io_error(dir, error)),
    };
    for (n, segment) in segments.iter().enumerate() {
        path.push(segment);
        let last = n + 1 == segments.len();
        let flags = if last { file } else { directory | OFlags::NOFOLLOW };
        at = match openat(&at, *segment, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            // A link, something else than a directory on the way, or a socket.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => return Err(OciError::Unsafe { path }),
            Err(error) => return Err(io_error(&path, error)),
        };
    }
    read_regular(at, &path, part, limit).map(Some)
}

/// Reads a file that the operator named; links are followed.
pub(crate) fn read_file(path: &Path, part: Part, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
    let Some((file, _)) = open_file(path)? else {
        return Ok(None);
    };
    read_regular(file.into(), path, part, limit).map(Some)
}

/// Opens a plain file that the operator named, and tells its size; links are followed.
pub(crate) fn open_file(path: &Path) -> Result<Option<(File, u64)>, OciError> {
    let flags = OFlags::NONBLOCK | OFlags::RDONLY | OFlags::CLOEXEC;
    match open(path, flags, Mode::empty()) {
        Ok(fd) if is_directory(&fd) => Err(io_error(path, Errno::ISDIR)),
        Ok(fd) => {
            let size = size_of_regular(&fd, path)?;
            Ok(Some((File::from(fd), size)))
        }
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(Errno::NXIO) => Err(OciError::Unsafe {
            path: path.to_owned(),
        }),
        Err(error) => Err(io_error(path, error)),
    }
}

fn is_directory(fd: &OwnedFd) -> bool {
    fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

fn size_of_regular(fd: &OwnedFd, path: &Path) -> Result<u64, OciError> {
    let stat = fstat(fd).map_err(|error| io_error(path, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(OciError::Unsafe {
            path: path.to_owned(),
        });
    }
    Ok(u64::try_from(stat.st_size).unwrap_or(u64::MAX))
}

fn read_regular(fd: OwnedFd, path: &Path, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
    let size = size_of_regular(&fd, path)?;
    if size > limit {
        return Err(OciError::TooLarge { part, size, limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may grow meanwhile.
    let read = File::from(fd).take(limit + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| io_error(path, error))? as u64;
    if read > limit {
        return Err(OciError::TooLarge {
            part,
            size: read,
            limit,
        });
    }
    Ok(bytes)
}

/// Makes a directory with its parents. One that exists stays as it is.
pub(crate) fn make_dir(path: &Path, access: Access) -> Result<(), OciError> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(access.directory())
        .create(path);
    made.map_err(|error| io_error(path, error))
}

/// Makes a directory in a layout; a link in its place is refused.
pub(crate) fn make_plain_dir(path: &Path, access: Access) -> Result<(), OciError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(OciError::Unsafe {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_dir(path, access),
        Err(error) => Err(io_error(path, error)),
    }
}

/// Replaces `path` by a complete, synced file. The temporary file is in `root`, on the same file system, and
/// never where a reader of the layout looks.
pub(crate) fn write_atomic(root: &Path, path: &Path, bytes: &[u8], access: Access) -> Result<(), OciError> {
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(Permissions::from_mode(access.file()))
            .tempfile_in(root)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The new name itself.
        File::open(path.parent().unwrap_or(root))?.sync_all()
    };
    write().map_err(|error| io_error(path, error))
}

/// An exclusive lock on a directory, against other tasks and other processes alike. Dropping it unlocks.
pub(crate) fn lock(dir: &Path) -> Result<OwnedFd, OciError> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = open(dir, flags, Mode::empty()).map_err(|error| io_error(dir, error))?;
    flock(&fd, FlockOperation::LockExclusive).map_err(|error| io_error(dir, error))?;
    Ok(fd)
}

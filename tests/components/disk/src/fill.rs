//! Ways to fill a disk. Each goes on until it is refused, and not for ever.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    sync::Mutex,
};

use crate::Filled;

const MIB: u64 = 1 << 20;
/// The C library's number of "I/O error".
const EIO: i32 = 29;
const TIB: u64 = 1 << 40;
/// No disk of a test has so much; a host that sets no limit is told from one that does.
const FAR_TOO_MUCH: u64 = 200_000;

/// Does something again and again. What it gives is kept until the end.
fn until_refused<T>(mut attempt: impl FnMut(u64) -> io::Result<T>) -> Filled {
    let mut kept = Vec::new();
    for done in 0..FAR_TOO_MUCH {
        match attempt(done) {
            Ok(one) => kept.push(one),
            Err(refused) => return Ok((done, explained(refused))),
        }
    }
    Ok((FAR_TOO_MUCH, io::Error::other("nobody refused")))
}

/// The C library of WASI has one word for every failure in the middle of a stream. Whether it was the disk is
/// told by the next file.
fn explained(refused: io::Error) -> io::Error {
    if refused.raw_os_error() != Some(EIO) {
        return refused;
    }
    let next = new("/data/next").and_then(|file| file.set_len(2 * MIB));
    let _ = fs::remove_file("/data/next");
    match next {
        Ok(()) => refused,
        Err(next) => io::Error::other(format!("{refused}, then {next}")),
    }
}

fn piece() -> Vec<u8> {
    vec![b'x'; 64 << 10]
}

fn new(path: &str) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

/// One file, a piece at a time.
pub(crate) fn appends() -> Filled {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open("/data/appended")?;
    let piece = piece();
    until_refused(|_| file.write_all(&piece))
}

/// As much as fits into its memory at once.
pub(crate) fn one_write() -> Filled {
    let mut file = new("/data/one-write")?;
    let much = vec![b'x'; 24 << 20];
    let refused = file.write_all(&much).err().map(explained);
    let written = file.metadata()?.len();
    Ok((
        written,
        refused.unwrap_or_else(|| io::Error::other("nobody refused")),
    ))
}

/// One file that is made longer without being written.
pub(crate) fn sizes() -> Filled {
    let file = new("/data/sized")?;
    until_refused(|done| file.set_len((done + 1) * MIB))
}

/// A file that says it has a TiB, or more.
pub(crate) fn sparse() -> Filled {
    let file = new("/data/sparse")?;
    for size in [TIB, i64::MAX as u64, u64::MAX] {
        if let Err(refused) = file.set_len(size) {
            continue_or(size == u64::MAX, refused)?;
        } else {
            return Ok((size, io::Error::other("nobody refused")));
        }
    }
    let refused = file.set_len(TIB).err();
    Ok((0, refused.unwrap_or_else(|| io::Error::other("nobody refused"))))
}

/// Only a full disk is expected, but for what is no size at all.
fn continue_or(any: bool, refused: io::Error) -> io::Result<()> {
    match refused.kind() {
        io::ErrorKind::StorageFull => Ok(()),
        _ if any => Ok(()),
        _ => Err(refused),
    }
}

/// A byte far beyond the end.
pub(crate) fn far() -> Filled {
    let mut file = new("/data/far")?;
    until_refused(|done| {
        file.seek(SeekFrom::Start((done + 1) * TIB))?;
        file.write_all(b"x")
    })
}

/// Small files.
pub(crate) fn files() -> Filled {
    until_refused(|done| fs::write(format!("/data/file-{done}"), "x"))
}

/// Files with nothing in them.
pub(crate) fn empty_files() -> Filled {
    until_refused(|done| fs::write(format!("/data/empty-{done}"), ""))
}

/// Directories in directories.
pub(crate) fn directories() -> Filled {
    until_refused(|done| match done % 50 {
        0 => fs::create_dir(format!("/data/d-{}", done / 50)),
        _ => fs::create_dir(format!("/data/d-{}/d-{done}", done / 50)),
    })
}

/// Files without a name, which only the one who has them open can see.
pub(crate) fn unlinked() -> Filled {
    until_refused(|_| {
        let mut file = new("/data/unlinked")?;
        fs::remove_file("/data/unlinked")?;
        file.write_all(&vec![b'x'; MIB as usize])?;
        Ok(file)
    })
}

/// One such file of a MiB, for as long as the instance lives.
pub(crate) fn hoard() -> io::Result<()> {
    static HOARD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let mut file = new("/data/hoarded")?;
    fs::remove_file("/data/hoarded")?;
    file.write_all(&vec![b'x'; MIB as usize])?;
    HOARD.lock().map_err(|_| io::Error::other("poisoned"))?.push(file);
    Ok(())
}

/// Files whose name was given to another one.
pub(crate) fn replaced() -> Filled {
    until_refused(|_| {
        let mut file = new("/data/replaced")?;
        file.write_all(&vec![b'x'; MIB as usize])?;
        fs::write("/data/replacement", "")?;
        fs::rename("/data/replacement", "/data/replaced")?;
        Ok(file)
    })
}

/// A file without a name that stays open through a second handle.
pub(crate) fn second_handle() -> Filled {
    let piece = piece();
    let mut first = new("/data/two-handles")?;
    first.write_all(&piece)?;
    let mut second = OpenOptions::new()
        .read(true)
        .append(true)
        .open("/data/two-handles")?;
    fs::remove_file("/data/two-handles")?;
    drop(first);
    let filled = until_refused(|_| second.write_all(&piece));
    // What was written is all there.
    let mut read = 0;
    second.seek(SeekFrom::Start(0))?;
    let mut buffer = piece.clone();
    loop {
        match second.read(&mut buffer)? {
            0 => break,
            more => read += more as u64,
        }
    }
    let (done, refused) = filled?;
    if read < done * piece.len() as u64 {
        return Err(io::Error::other(format!("only {read} bytes are there")));
    }
    Ok((done, refused))
}

/// Names that are as long as they can be, in one directory after another: some filesystems give a directory room
/// for its names and never take it back.
pub(crate) fn long_names() -> Filled {
    let name = "n".repeat(240);
    for directory in 0..60 {
        let path = format!("/data/long-{directory}");
        let filled = fs::create_dir(&path).and_then(|()| {
            (0..200).try_for_each(|file| fs::write(format!("{path}/{name}-{file}"), ""))?;
            (0..200).try_for_each(|file| fs::remove_file(format!("{path}/{name}-{file}")))
        });
        if let Err(refused) = filled {
            return Ok((directory, refused));
        }
    }
    Ok((60, io::Error::other("nobody refused")))
}

/// Many files open at the same time.
pub(crate) fn handles() -> Filled {
    until_refused(|_| File::create("/data/handle"))
}

/// A directory that is being read many times at once.
pub(crate) fn listings() -> Filled {
    until_refused(|_| {
        let mut entries = fs::read_dir("/data")?;
        let first = entries.next().transpose()?;
        Ok((entries, first))
    })
}

/// Shrinks and grows, through sizes, writes and truncating opens; hundreds of times what it is at most.
pub(crate) fn games() -> io::Result<()> {
    let mut file = new("/data/games")?;
    for round in 0..200 {
        file.set_len(MIB / 2)?;
        file.set_len(round)?;
        file.seek(SeekFrom::Start(MIB / 2 - 1))?;
        file.write_all(b"x")?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(b"inside")?;
        drop(new("/data/games")?);
        if file.metadata()?.len() != 0 {
            return Err(io::Error::other("another handle did not truncate it"));
        }
    }
    Ok(())
}

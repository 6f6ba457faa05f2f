//! The names in a directory, read a piece at a time: the library's own list is made as a whole, and a guest that
//! keeps many lists of many names would fill the host's memory.

use std::{fs::File, sync::Arc};

use rustix::fs::{AtFlags, Dir, FileType, statat};
use wasmtime_wasi::p2::{
    FsResult,
    bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode},
};

use super::{Slot, open_file::OpenFile};

/// A directory that is being read.
pub(super) struct Listing {
    dir: Dir,
    _slot: Slot,
    /// The directory stays as long as it is read; `None` for the root, which always stays.
    _of: Option<Arc<OpenFile>>,
}

impl Listing {
    pub(super) fn new(slot: Slot, dir: &File, of: Option<Arc<OpenFile>>) -> std::io::Result<Self> {
        let dir = Dir::read_from(dir)?;
        Ok(Self {
            dir,
            _slot: slot,
            _of: of,
        })
    }

    pub(super) fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        loop {
            let Some(entry) = self.dir.read() else {
                return Ok(None);
            };
            let entry = entry.map_err(std::io::Error::from)?;
            if entry.file_name() == c"." || entry.file_name() == c".." {
                continue;
            }
            let name = entry.file_name().to_str();
            let name = name.map_err(|_| ErrorCode::IllegalByteSequence)?.to_owned();
            let type_ = match entry.file_type() {
                FileType::Unknown => self.look(&name)?,
                known => known,
            };
            let type_ = descriptor_type(type_);
            return Ok(Some(DirectoryEntry { type_, name }));
        }
    }

    /// Some filesystems do not tell the type with the name.
    fn look(&self, name: &str) -> std::io::Result<FileType> {
        let stat = statat(self.dir.fd()?, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }
}

fn descriptor_type(type_: FileType) -> DescriptorType {
    match type_ {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

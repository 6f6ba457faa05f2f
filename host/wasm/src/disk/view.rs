//! `wasi:filesystem/types` as guests get it: the library's implementation, with the account before and after
//! everything that makes something, changes its size or removes it.
//!
//! Paths are the library's business, and so is that they stay inside. No links are made: what goes wrong in
//! sandboxes of paths mostly goes wrong with links, and no database needs them.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemCtxView},
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult,
        bindings::filesystem::types::{
            Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
            ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue,
            NewTimestamp, OpenFlags, PathFlags,
        },
    },
};

use super::{
    CallDisk, DiskFull, Slot,
    account::{Growth, Identity, Object},
    listing::Listing,
    open_file::OpenFile,
    streams::{FileReader, FileWriter},
};

/// Links the view.
pub(crate) struct Files;

impl HasData for Files {
    type Data<'a> = FilesView<'a>;
}

/// The files of one store.
pub(crate) struct FilesView<'a> {
    pub(crate) wasi: WasiFilesystemCtxView<'a>,
    /// `None` when the program keeps no files: then it has no descriptor to begin with.
    pub(crate) disk: Option<&'a mut CallDisk>,
}

/// What a name stood for before it went away.
struct Found {
    identity: Identity,
    object: Object,
}

type Fd = Resource<Descriptor>;

/// The same descriptor once more.
fn same(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

fn is_missing(error: &FsError) -> bool {
    error.downcast_ref() == Some(&ErrorCode::NoEntry)
}

fn room(full: DiskFull) -> FsError {
    std::io::Error::from(full).into()
}

impl FilesView<'_> {
    fn disk(&mut self) -> FsResult<&mut CallDisk> {
        self.disk
            .as_deref_mut()
            .ok_or_else(|| ErrorCode::BadDescriptor.into())
    }

    fn open_file(&mut self, fd: &Fd) -> FsResult<Arc<OpenFile>> {
        let file = self.disk()?.open.get(&fd.rep()).cloned();
        file.filter(|file| !file.is_directory)
            .ok_or_else(|| ErrorCode::BadDescriptor.into())
    }

    /// There is no error for "too many open files"; this one at least speaks of a limit, and not of the disk.
    fn slot(&mut self) -> FsResult<Slot> {
        self.disk()?.quota.slot().ok_or_else(|| ErrorCode::Quota.into())
    }

    async fn look(&mut self, fd: &Fd, flags: PathFlags, path: &str) -> FsResult<Option<DescriptorStat>> {
        match self.wasi.stat_at(same(fd), flags, path.to_owned()).await {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn find(&mut self, fd: &Fd, path: &str) -> FsResult<Option<Found>> {
        let Some(stat) = self.look(fd, PathFlags::empty(), path).await? else {
            return Ok(None);
        };
        let object = match stat.type_ {
            DescriptorType::Directory => Object::Directory,
            DescriptorType::RegularFile => Object::File { length: stat.size },
            _ => Object::File { length: 0 },
        };
        let identity = self.identity_at(fd, path).await?;
        Ok(Some(Found { identity, object }))
    }

    async fn identity_at(&mut self, fd: &Fd, path: &str) -> FsResult<Identity> {
        let hash = self
            .wasi
            .metadata_hash_at(same(fd), PathFlags::empty(), path.to_owned());
        Ok(hash.await?.lower)
    }

    /// What a removal leaves in the account.
    fn removed(&mut self, found: Option<Found>) -> FsResult<()> {
        let account = &self.disk()?.quota.account;
        match found {
            Some(Found { identity, object }) => account.remove(identity, object),
            // It was not there a moment ago: someone else is at work here.
            None => account.doubt(),
        }
        Ok(())
    }

    /// What was charged for and not made is given back, and a full disk of the host is noted.
    fn made<T>(&mut self, charged: Option<Object>, outcome: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &outcome {
            let quota = &self.disk()?.quota;
            if let Some(object) = charged {
                quota.account.unmake(object);
            }
            if matches!(
                error.downcast_ref(),
                Some(ErrorCode::InsufficientSpace | ErrorCode::Quota)
            ) {
                quota.refuse(DiskFull::Host);
                return Err(room(DiskFull::Host));
            }
        }
        outcome
    }

    /// Follows what was just opened.
    async fn hold(&mut self, fd: &Fd, slot: Slot, before: Option<u64>) -> FsResult<()> {
        let identity = self.wasi.metadata_hash(same(fd)).await?.lower;
        let file = match self.wasi.table.get(fd)? {
            Descriptor::File(file) => file.file.clone(),
            Descriptor::Dir(dir) => dir.dir.clone(),
        };
        let file = OpenFile::new(slot, identity, file, before)?;
        self.disk()?.open.insert(fd.rep(), Arc::new(file));
        Ok(())
    }
}

impl Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.wasi.convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.wasi.filesystem_error_code(error)
    }
}

impl HostDescriptor for FilesView<'_> {
    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        if matches!(self.wasi.table.get(&fd)?, Descriptor::Dir(_)) {
            return Err(ErrorCode::IsDirectory.into());
        }
        let reader = FileReader::new(self.open_file(&fd)?, offset);
        let reader: DynInputStream = Box::new(reader);
        Ok(self.wasi.table.push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let writer = FileWriter::new(self.open_file(&fd)?, Some(offset))?;
        let writer: DynOutputStream = Box::new(writer);
        Ok(self.wasi.table.push(writer)?)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let writer = FileWriter::new(self.open_file(&fd)?, None)?;
        let writer: DynOutputStream = Box::new(writer);
        Ok(self.wasi.table.push(writer)?)
    }

    async fn write(&mut self, fd: Fd, buffer: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let written = self.open_file(&fd)?.write_at(&buffer, offset, Growth::Asked)?;
        Ok(written as Filesize)
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        Ok(self.open_file(&fd)?.set_size(size)?)
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let slot = self.slot()?;
        let creates = how.contains(OpenFlags::CREATE);
        let before = if creates || how.contains(OpenFlags::TRUNCATE) {
            self.look(&fd, path_flags, &path).await?.map(|stat| stat.size)
        } else {
            None
        };
        let new = (creates && before.is_none()).then_some(Object::File { length: 0 });
        if let Some(new) = new {
            self.disk()?.quota.make(new).map_err(room)?;
        }
        let opened = self.wasi.open_at(same(&fd), path_flags, path, how, flags).await;
        let opened = self.made(new, opened)?;
        let before = before.or(new.map(|_| 0));
        match self.hold(&opened, slot, before).await {
            Ok(()) => Ok(opened),
            Err(error) => {
                self.disk()?.quota.account.doubt();
                HostDescriptor::drop(&mut self.wasi, opened).map_err(FsError::trap)?;
                Err(error)
            }
        }
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        if let Some(disk) = &mut self.disk {
            disk.open.remove(&fd.rep());
        }
        HostDescriptor::drop(&mut self.wasi, fd)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        if let Err(full) = self.disk()?.quota.make(Object::Directory) {
            return Err(match self.look(&fd, PathFlags::empty(), &path).await? {
                Some(_) => ErrorCode::Exist.into(),
                None => room(full),
            });
        }
        let made = self.wasi.create_directory_at(fd, path).await;
        self.made(Some(Object::Directory), made)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let found = self.find(&fd, &path).await?;
        self.wasi.remove_directory_at(fd, path).await?;
        self.removed(found)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let found = self.find(&fd, &path).await?;
        self.wasi.unlink_file_at(fd, path).await?;
        self.removed(found)
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let replaced = match self.find(&new_fd, &new).await? {
            // Onto itself: nothing happens.
            Some(found) if self.identity_at(&fd, &old).await? == found.identity => None,
            found => found,
        };
        self.disk()?.quota.account.name_made();
        let renamed = self.wasi.rename_at(fd, old, new_fd, new).await;
        self.made(None, renamed)?;
        match replaced {
            Some(found) => self.removed(Some(found)),
            None => Ok(()),
        }
    }

    async fn symlink_at(&mut self, _: Fd, _: String, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn link_at(&mut self, _: Fd, _: PathFlags, _: String, _: Fd, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    /// Gives a number that stands for a [`Listing`], which no other function of the library takes.
    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let slot = self.slot()?;
        let of = self.disk()?.open.get(&fd.rep()).cloned();
        let Descriptor::Dir(dir) = self.wasi.table.get(&fd)? else {
            return Err(ErrorCode::NotDirectory.into());
        };
        let listing = Listing::new(slot, &dir.dir, of)?;
        let listing = self.wasi.table.push(listing)?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn read(&mut self, fd: Fd, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.wasi.read(fd, length, offset).await
    }

    async fn advise(&mut self, fd: Fd, offset: Filesize, length: Filesize, advice: Advice) -> FsResult<()> {
        self.wasi.advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        let synced = self.wasi.sync_data(fd).await;
        self.made(None, synced)
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        let synced = self.wasi.sync(fd).await;
        self.made(None, synced)
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.wasi.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        self.wasi.get_type(fd).await
    }

    async fn set_times(&mut self, fd: Fd, access: NewTimestamp, modification: NewTimestamp) -> FsResult<()> {
        self.wasi.set_times(fd, access, modification).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.wasi
            .set_times_at(fd, path_flags, path, access, modification)
            .await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        self.wasi.stat(fd).await
    }

    async fn stat_at(&mut self, fd: Fd, path_flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.wasi.stat_at(fd, path_flags, path).await
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.wasi.readlink_at(fd, path).await
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        self.wasi.is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        self.wasi.metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.wasi.metadata_hash_at(fd, path_flags, path).await
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = Resource::<Listing>::new_borrow(stream.rep());
        self.wasi.table.get_mut(&listing)?.next()
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.wasi
            .table
            .delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}

//! Whatever a guest does, the account says what a walk finds.

use std::{collections::HashMap, fs::File, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use proptest::prelude::*;
use tokio::runtime;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView},
    p2::{
        DynOutputStream, FsResult,
        bindings::filesystem::{
            preopens,
            types::{DescriptorFlags, HostDescriptor, OpenFlags, PathFlags},
        },
    },
};

use super::{
    Allowance, CallDisk, FilesView, Quota,
    account::{Object, Usage},
    measure,
};
use crate::{data_dir::DataDirs, limits::DATA_RESERVE};

const ALLOWED: Allowance = Allowance {
    bytes: 200 << 10,
    files: 7,
    open: 6,
};
const NAMES: [&str; 12] = [
    "a",
    "b",
    "./b",
    "d",
    "e",
    "d/a",
    "d/../a",
    "d/e",
    "d/e/f",
    "e/a",
    "d/../../x",
    "a/",
];

#[derive(Clone, Debug)]
enum Step {
    Open {
        name: usize,
        how: OpenFlags,
    },
    Write {
        handle: usize,
        offset: u64,
        length: usize,
    },
    Stream {
        handle: usize,
        offset: Option<u64>,
    },
    StreamWrite {
        handle: usize,
        length: usize,
    },
    SetSize {
        handle: usize,
        size: u64,
    },
    CloseFile {
        handle: usize,
    },
    Close {
        handle: usize,
    },
    Unlink {
        name: usize,
    },
    MakeDirectory {
        name: usize,
    },
    RemoveDirectory {
        name: usize,
    },
    Rename {
        old: usize,
        new: usize,
    },
}

/// A store with what its guest has open.
struct Guest {
    ctx: WasiFilesystemCtx,
    table: ResourceTable,
    quota: Arc<Quota>,
    disk: CallDisk,
    handles: Vec<Handle>,
}

/// A descriptor with perhaps a stream, which may outlive it.
struct Handle {
    file: Arc<File>,
    descriptor: Option<Resource<Descriptor>>,
    stream: Option<Resource<DynOutputStream>>,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    let handle = || 0..ALLOWED.open;
    let size = || prop_oneof![0..5_000u64, 0..300_000u64, Just(1 << 40), any::<u64>()];
    let how = proptest::bits::u8::masked(0b1111).prop_map(|bits| {
        let flags = [
            OpenFlags::CREATE,
            OpenFlags::DIRECTORY,
            OpenFlags::EXCLUSIVE,
            OpenFlags::TRUNCATE,
        ];
        let chosen = flags
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| bits >> bit & 1 == 1);
        chosen.fold(OpenFlags::empty(), |all, (_, flag)| all | flag)
    });
    prop_oneof![
        3 => (name(), how).prop_map(|(name, how)| Step::Open { name, how }),
        3 => name().prop_map(|name| Step::Open { name, how: OpenFlags::CREATE }),
        3 => (handle(), size(), 0..90_000usize).prop_map(|(handle, offset, length)| Step::Write { handle, offset, length }),
        1 => (handle(), proptest::option::of(size())).prop_map(|(handle, offset)| Step::Stream { handle, offset }),
        3 => (handle(), 0..90_000usize).prop_map(|(handle, length)| Step::StreamWrite { handle, length }),
        2 => (handle(), size()).prop_map(|(handle, size)| Step::SetSize { handle, size }),
        1 => handle().prop_map(|handle| Step::CloseFile { handle }),
        2 => handle().prop_map(|handle| Step::Close { handle }),
        3 => name().prop_map(|name| Step::Unlink { name }),
        2 => name().prop_map(|name| Step::MakeDirectory { name }),
        2 => name().prop_map(|name| Step::RemoveDirectory { name }),
        3 => (name(), name()).prop_map(|(old, new)| Step::Rename { old, new }),
    ]
}

impl Guest {
    fn new(ctx: WasiFilesystemCtx, quota: Arc<Quota>) -> Self {
        Self {
            ctx,
            table: ResourceTable::new(),
            disk: CallDisk::new(quota.clone()),
            quota,
            handles: Vec::new(),
        }
    }

    fn view(&mut self) -> FilesView<'_> {
        FilesView {
            wasi: WasiFilesystemCtxView {
                ctx: &mut self.ctx,
                table: &mut self.table,
            },
            disk: Some(&mut self.disk),
        }
    }

    fn root(&mut self) -> Resource<Descriptor> {
        let mut directories = preopens::Host::get_directories(&mut self.view().wasi).unwrap();
        directories.remove(0).0
    }

    fn descriptor(&self, handle: usize) -> Option<Resource<Descriptor>> {
        let descriptor = self.handles.get(handle)?.descriptor.as_ref()?;
        Some(Resource::new_borrow(descriptor.rep()))
    }

    /// Errors are the guest's.
    async fn take(&mut self, step: Step) -> FsResult<()> {
        let root = self.root();
        let at = |name: usize| NAMES[name].to_owned();
        match step {
            Step::Open { name, how } => {
                let flags = if how.contains(OpenFlags::DIRECTORY) {
                    DescriptorFlags::READ
                } else {
                    DescriptorFlags::READ | DescriptorFlags::WRITE
                };
                let descriptor = self
                    .view()
                    .open_at(root, PathFlags::empty(), at(name), how, flags)
                    .await?;
                let file = match self.table.get(&descriptor)? {
                    Descriptor::File(file) => file.file.clone(),
                    Descriptor::Dir(dir) => dir.dir.clone(),
                };
                self.handles.push(Handle {
                    file,
                    descriptor: Some(descriptor),
                    stream: None,
                });
            }
            Step::Write {
                handle,
                offset,
                length,
            } => {
                let Some(fd) = self.descriptor(handle) else {
                    return Ok(());
                };
                self.view().write(fd, vec![1; length], offset).await?;
            }
            Step::Stream { handle, offset } => {
                let Some(fd) = self.descriptor(handle) else {
                    return Ok(());
                };
                let stream = match offset {
                    Some(offset) => self.view().write_via_stream(fd, offset)?,
                    None => self.view().append_via_stream(fd)?,
                };
                if let Some(before) = self.handles[handle].stream.replace(stream) {
                    self.table.delete(before)?;
                }
            }
            Step::StreamWrite { handle, length } => {
                let Some(Some(stream)) = self.handles.get(handle).map(|it| it.stream.as_ref()) else {
                    return Ok(());
                };
                let stream = self.table.get_mut(stream)?;
                let _ = stream.write(vec![2; length].into());
            }
            Step::SetSize { handle, size } => {
                let Some(fd) = self.descriptor(handle) else {
                    return Ok(());
                };
                self.view().set_size(fd, size).await?;
            }
            Step::CloseFile { handle } => {
                let open = self.handles.get_mut(handle).filter(|it| it.stream.is_some());
                if let Some(descriptor) = open.and_then(|it| it.descriptor.take()) {
                    HostDescriptor::drop(&mut self.view(), descriptor).unwrap();
                }
            }
            Step::Close { handle } if handle < self.handles.len() => self.close(handle),
            Step::Close { .. } => {}
            Step::Unlink { name } => self.view().unlink_file_at(root, at(name)).await?,
            Step::MakeDirectory { name } => self.view().create_directory_at(root, at(name)).await?,
            Step::RemoveDirectory { name } => self.view().remove_directory_at(root, at(name)).await?,
            Step::Rename { old, new } => {
                let new_root = Resource::new_borrow(root.rep());
                self.view().rename_at(root, at(old), new_root, at(new)).await?;
            }
        }
        Ok(())
    }

    fn close(&mut self, handle: usize) {
        let Handle {
            file: _,
            descriptor,
            stream,
        } = self.handles.remove(handle);
        if let Some(descriptor) = descriptor {
            HostDescriptor::drop(&mut self.view(), descriptor).unwrap();
        }
        if let Some(stream) = stream {
            self.table.delete(stream).unwrap();
        }
    }

    /// What a walk finds, and what is open without a name.
    fn found(&self, root: &Path) -> Usage {
        let mut found = measure::below(root).unwrap();
        let mut nameless = HashMap::new();
        for handle in &self.handles {
            let metadata = handle.file.metadata().unwrap();
            let object = if metadata.is_dir() {
                Object::Directory
            } else {
                Object::File {
                    length: metadata.len(),
                }
            };
            if metadata.nlink() == 0 {
                nameless.insert(metadata.ino(), object);
            }
        }
        nameless.values().for_each(|object| found.add(object.cost()));
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_account_says_what_a_walk_finds(steps in proptest::collection::vec(step(), 1..80)) {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        let (ctx, quota) = DataDirs::default().open(&root).unwrap().files(ALLOWED);
        let mut guest = Guest::new(ctx, quota);
        for (number, step) in steps.into_iter().enumerate() {
            let outcome = runtime.block_on(guest.take(step.clone()));
            let usage = guest.quota.account.usage();
            prop_assert_eq!(usage, guest.found(&root), "step {}: {:?} gave {:?}", number, step, outcome);
            prop_assert!(usage.files <= ALLOWED.files && usage.bytes <= ALLOWED.bytes + DATA_RESERVE);
        }
        while !guest.handles.is_empty() {
            guest.close(0);
        }
        let (_, again) = DataDirs::default().open(&root).unwrap().files(ALLOWED);
        prop_assert_eq!(again.account.usage(), guest.quota.account.usage(), "opened anew");
    }
}

//! Compiled code on disk.
//!
//! Loading compiled code is running native code, so an entry counts only if this host sealed it: beside the code,
//! which is mapped as the compiler wrote it, lies a keyed hash over name, code and what the component shows. The
//! key never leaves the directory. Whatever is wrong with an entry, the answer is to compile again.
//!
//! What is trusted in the end is that the compiling process made this code of this component and no other. A
//! component that takes over its compiler can only become other code for itself; that this code stays inside its
//! sandbox is what Cranelift is trusted for.

use std::{
    fs::{self, DirBuilder, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read as _, Seek as _, Write},
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac};
use platform_domain::Digest;
use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    mm::{Advice, madvise},
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tempfile::NamedTempFile;
use wasmtime::{Engine, component::Component};

use crate::{cache_key, job::Found};

/// Compiled components of one host.
pub(crate) struct CodeCache {
    dir: PathBuf,
    /// Holds the key.
    keyed: Hmac<Sha256>,
    mark: u64,
}

/// Names one entry: what was compiled, for which engine.
#[derive(Clone)]
pub(crate) struct EntryName(String);

/// What is sealed with the code.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) found: Found,
    /// Bytes of the component.
    pub(crate) size: usize,
    pub(crate) code_bytes: u64,
    pub(crate) compile_ms: u64,
}

/// An entry that this host sealed.
pub(crate) struct Sealed {
    pub(crate) facts: Facts,
    code: File,
}

/// Code on its way into the cache. It has no name anybody would load; dropped, it is gone. Nobody but this host
/// ever has it open.
pub(crate) struct Unsealed(NamedTempFile);

const MAC_LEN: usize = 32;
const CODE: &str = "cwasm";
const SEAL: &str = "seal";
/// How the names of files begin that are not yet complete.
pub(crate) const TEMPORARY: &str = ".tmp-";
/// Above any seal: names, a manifest, some numbers.
const MAX_SEAL: u64 = 8 << 20;
/// Read at a time. The code is read before it is mapped and not through the mapping, so that what is never run of
/// it counts to nobody's memory.
const CHUNK: usize = 64 << 10;

/// Tells engines apart whose code differs: compiler, its settings, this processor's abilities, and the form of
/// an entry.
pub(crate) fn engine_mark(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    (env!("CARGO_PKG_VERSION"), "sealed beside, by BLAKE3").hash(&mut hasher);
    hasher.finish()
}

impl CodeCache {
    /// Opens or makes the directory and its key; only this user may look into it. What other engines left there,
    /// or a compilation that was cut off, is removed.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // It may have been made by someone else, for example a package manager.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        if statvfs(dir)?.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            let what = "nothing may be executed on its file system (mounted with noexec)";
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        }
        let key = cache_key::read_or_make(dir)?;
        let cache = Self {
            dir: dir.to_owned(),
            keyed: Hmac::new_from_slice(&key).map_err(io::Error::other)?,
            mark: engine_mark(engine),
        };
        cache.tidy()?;
        Ok(cache)
    }

    /// Whom its code is for.
    pub(crate) const fn mark(&self) -> u64 {
        self.mark
    }

    pub(crate) fn name(&self, component: &Digest) -> EntryName {
        EntryName(format!("{}-{:016x}", component.hex(), self.mark))
    }

    /// The entry, if it is there and ours. One that is not ours is removed.
    pub(crate) fn find(&self, name: &EntryName) -> Option<Sealed> {
        match self.read_entry(name) {
            Ok(sealed) => Some(sealed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.refuse(name, &error.to_string());
                None
            }
        }
    }

    /// Removes an entry that turned out to be of no use.
    pub(crate) fn refuse(&self, name: &EntryName, reason: &str) {
        tracing::warn!(
            cache.entry = name.0,
            reason,
            "compiled code is refused and made again"
        );
        for ending in [SEAL, CODE] {
            // It may be gone already.
            let _ = fs::remove_file(self.path(name, ending));
        }
    }

    /// A place for code that is being made.
    pub(crate) fn begin(&self) -> io::Result<Unsealed> {
        // Made with mode 0600.
        let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir);
        file.map(Unsealed)
    }

    /// Makes an entry of it. The seal comes last: without it, or with an older one, the code does not count.
    pub(crate) fn seal(&self, name: &EntryName, code: Unsealed, facts: &Facts) -> io::Result<()> {
        let facts = serde_json::to_vec(facts)?;
        let mac = self.mac(name, code.0.as_file(), &facts)?.finalize().into_bytes();
        self.keep(code.0, &self.path(name, CODE))?;
        let mut seal = self.begin()?.0;
        seal.write_all(&mac)?;
        seal.write_all(&facts)?;
        self.keep(seal, &self.path(name, SEAL))
    }

    fn keep(&self, file: NamedTempFile, path: &Path) -> io::Result<()> {
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(&self.dir)?.sync_all()
    }

    fn read_entry(&self, name: &EntryName) -> io::Result<Sealed> {
        let (seal, code) = (
            File::open(self.path(name, SEAL))?,
            File::open(self.path(name, CODE))?,
        );
        let mut bytes = Vec::new();
        seal.take(MAX_SEAL).read_to_end(&mut bytes)?;
        let (mac, facts) = bytes
            .split_at_checked(MAC_LEN)
            .ok_or_else(|| io::Error::other("its seal is cut off"))?;
        self.mac(name, &code, facts)?
            .verify_slice(mac)
            .map_err(|_| io::Error::other("its keyed hash is wrong"))?;
        let facts = serde_json::from_slice(facts)?;
        Ok(Sealed { facts, code })
    }

    /// Over what nobody but this host may change: the name, the code by its hash, the facts. The first two are of one
    /// length each, so nothing can be moved from one part to another.
    fn mac(&self, name: &EntryName, mut code: &File, facts: &[u8]) -> io::Result<Hmac<Sha256>> {
        let mut hash = blake3::Hasher::new();
        code.rewind()?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = code.read(&mut chunk)?;
            match chunk.get(..read) {
                Some(bytes) if read > 0 => hash.update(bytes),
                _ => break,
            };
        }
        let mut mac = self.keyed.clone();
        mac.update(name.0.as_bytes());
        mac.update(hash.finalize().as_bytes());
        mac.update(facts);
        Ok(mac)
    }

    fn path(&self, name: &EntryName, ending: &str) -> PathBuf {
        self.dir.join(format!("{}.{ending}", name.0))
    }

    /// Nobody else has the directory, so what is not whole now never will be.
    fn tidy(&self) -> io::Result<()> {
        let ours = format!("-{:016x}", self.mark);
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let part =
                |part: Option<&std::ffi::OsStr>| part.and_then(|it| it.to_str()).unwrap_or("").to_owned();
            let (stem, ending) = (part(path.file_stem()), part(path.extension()));
            let other_half = match ending.as_str() {
                CODE => Some(SEAL),
                SEAL => Some(CODE),
                _ => None,
            };
            let nobody_will_load_it = other_half
                .is_some_and(|other| !stem.ends_with(&ours) || !path.with_extension(other).exists());
            if nobody_will_load_it || stem.starts_with(TEMPORARY) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

impl Sealed {
    /// Maps the code. It stays on disk until it runs, and whoever removes the entry takes nothing from it.
    #[expect(
        unsafe_code,
        reason = "the file is one that `CodeCache::seal` sealed: its keyed hash was checked when this value was made"
    )]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // The very file whose hash was checked, whatever has its name by now.
        let file = format!("/proc/self/fd/{}", self.code.as_raw_fd());
        // SAFETY: unmodified output of `Engine::precompile_component`, as wasmtime demands; it checks version and
        // settings itself. Nobody else can write to the file: it is in a directory of this user alone, and no
        // other process ever had it open.
        let component = unsafe { Component::deserialize_file(engine, file) }?;
        let image = component.image_range();
        let bytes = image.end.addr().saturating_sub(image.start.addr());
        // What loading looked at is mostly not needed again soon, and a thousand components are loaded.
        //
        // SAFETY: pages that are dropped are read from the file again, and there is nothing else in them: wasmtime
        // has made all of the image read-only and never writes to one that comes from a file.
        let dropped = unsafe { madvise(image.start.cast_mut().cast(), bytes, Advice::LinuxDontNeed) };
        if let Err(error) = dropped {
            tracing::debug!(error = %error, "the memory of compiled code stays resident");
        }
        Ok(component)
    }
}

impl Unsealed {
    /// To be written to.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.0.as_file().try_clone()
    }
}

#[cfg(test)]
mod tests;

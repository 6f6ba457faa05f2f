//! Compiled code on disk.
//!
//! Loading compiled code is running native code, so an entry counts only if this host wrote it: each carries a
//! keyed hash over its name and content, and the key never leaves the directory. Whatever is wrong with an
//! entry, the answer is to compile again.

use std::{
    fs::{self, DirBuilder},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac};
use platform_domain::Digest;
use sha2::Sha256;
use tempfile::NamedTempFile;
use wasmtime::{Engine, component::Component};

/// Compiled components of one host.
pub(crate) struct CodeCache {
    dir: PathBuf,
    /// Holds the key.
    keyed: Hmac<Sha256>,
}

/// Names one entry: what was compiled, for which engine, by which version of this crate.
#[derive(Clone)]
pub(crate) struct EntryName(String);

const KEY_FILE: &str = "key";
const MAC_LEN: usize = 32;

impl CodeCache {
    /// Opens or makes the directory and its key; only this user may look into it.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // It may have been made by someone else, for example a package manager.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        let key = read_or_make_key(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            keyed: Hmac::new_from_slice(&key).map_err(io::Error::other)?,
        })
    }

    pub(crate) fn name(engine: &Engine, component: &Digest) -> EntryName {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let parts = format!(
            "{component} {:016x} {}",
            hasher.finish(),
            env!("CARGO_PKG_VERSION")
        );
        EntryName(Digest::of(parts.as_bytes()).hex() + ".cwasm")
    }

    /// The entry, if it is there and ours. One that is not ours is removed.
    pub(crate) fn load(&self, engine: &Engine, name: &EntryName) -> Option<Component> {
        let path = self.dir.join(&name.0);
        let refused = match fs::read(&path) {
            Ok(entry) => match self.read_entry(engine, name, &entry) {
                Ok(component) => return Some(component),
                Err(reason) => reason,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            cache.entry = name.0,
            reason = refused,
            "compiled code is refused and made again"
        );
        let _ = fs::remove_file(&path);
        None
    }

    /// Keeps the entry for the next start. A failure costs only time, so it is no error.
    pub(crate) fn store(&self, name: &EntryName, component: &Component) {
        if let Err(error) = self.write_entry(name, component) {
            tracing::warn!(cache.entry = name.0, error = %error, "compiled code could not be kept");
        }
    }

    #[expect(
        unsafe_code,
        reason = "the bytes are what `write_entry` got from the compiler: their keyed hash was checked the line before"
    )]
    fn read_entry(&self, engine: &Engine, name: &EntryName, entry: &[u8]) -> Result<Component, String> {
        let (mac, code) = entry.split_at_checked(MAC_LEN).ok_or("it is cut off")?;
        self.mac(name, code)
            .verify_slice(mac)
            .map_err(|_| "its keyed hash is wrong")?;
        // SAFETY: unmodified output of `Component::serialize`, as wasmtime demands; it checks the version itself.
        unsafe { Component::deserialize(engine, code) }.map_err(|error| error.to_string())
    }

    fn write_entry(&self, name: &EntryName, component: &Component) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        let mut file = NamedTempFile::new_in(&self.dir)?;
        file.write_all(&self.mac(name, &code).finalize().into_bytes())?;
        file.write_all(&code)?;
        file.as_file().sync_all()?;
        file.persist(self.dir.join(&name.0))?;
        fs::File::open(&self.dir)?.sync_all()?;
        Ok(())
    }

    fn mac(&self, name: &EntryName, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(name.0.as_bytes());
        mac.update(code);
        mac
    }
}

fn read_or_make_key(dir: &Path) -> io::Result<[u8; 32]> {
    let path = dir.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            if let Ok(key) = bytes.try_into() {
                return Ok(key);
            }
            tracing::warn!("the key of the compiled code is damaged, a new one is made");
            fs::remove_file(&path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    // Temporary files are made with mode 0600.
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(key)
}

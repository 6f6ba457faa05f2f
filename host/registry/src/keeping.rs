//! What challenges keep, as the operator handles it: how much it is, archives of it, and its end.
//!
//! Everything new is made beside and takes its place by a rename. Directories that begin with a dot are such places;
//! what a host that died left in them is put right at the next start.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufReader, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use platform_domain::{Slug, Status};
use platform_fleet::{KeptVolume, KeptVolumes, Unreached};
use platform_wasm::{ArchiveError, ArchiveWriter, BLOBS, Contents, DATA, unpack};
use tempfile::{Builder, TempDir};
use tokio::task::spawn_blocking;

use crate::{Registry, RegistryError, reconciler::now};

/// What there is of one challenge: on the disk, and in volumes on engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptState {
    /// Whose it is, or was.
    pub slug: Slug,
    /// Whether the challenge is registered.
    pub registered: bool,
    /// Bytes of its data directory.
    pub data: u64,
    /// Bytes of its database, with its write-ahead log.
    pub database: u64,
    /// Bytes of its blobs.
    pub blobs: u64,
    /// What its containers keep.
    pub volumes: Vec<KeptVolume>,
}

/// What there is of all challenges.
#[derive(Debug)]
pub struct KeptStates {
    /// By slug.
    pub challenges: Vec<KeptState>,
    /// Engines on which there may be more.
    pub unreached: Vec<Unreached>,
}

/// What a purge removed.
#[derive(Debug)]
pub struct Purged {
    /// Bytes on the host's disk.
    pub bytes: u64,
    /// Volumes on engines.
    pub volumes: Vec<KeptVolume>,
    /// Engines on which something may be left.
    pub unreached: Vec<Unreached>,
}

/// Archives are built here, on the disk of what they hold, so that blobs are linked and not copied.
const BACKUP: &str = ".backup-";
/// Archives are unpacked here.
const RESTORE: &str = ".restore-";
/// What a restored state takes the place of is here until that is done.
const REPLACED: &str = ".replaced-";
/// What is being removed is here.
const PURGED: &str = ".purged-";
const FILE_MODE: u32 = 0o600;

impl Registry {
    /// What there is on the disk and on engines, of deleted challenges too.
    pub async fn state_list(&self) -> Result<KeptStates, RegistryError> {
        let registered: BTreeSet<_> = self
            .challenge_statuses()
            .await?
            .into_iter()
            .map(|(slug, _)| slug)
            .collect();
        let fleet = self.loader().containers().fleet();
        let KeptVolumes { volumes, unreached } = fleet.volumes(None).await.map_err(RegistryError::Engine)?;
        let mut of_slug: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for volume in volumes {
            of_slug.entry(volume.slug.clone()).or_default().push(volume);
        }
        let challenges = self.loader().challenges_dir();
        let kept = blocking(move || {
            for slug in slugs(&challenges)? {
                of_slug.entry(slug).or_default();
            }
            let kept = of_slug.into_iter().map(|(slug, volumes)| {
                let dir = challenges.join(slug.as_str());
                KeptState {
                    registered: registered.contains(&slug),
                    data: size(&dir.join(DATA)),
                    database: files(&dir),
                    blobs: size(&dir.join(BLOBS)),
                    volumes,
                    slug,
                }
            });
            Ok(kept.collect())
        });
        Ok(KeptStates {
            challenges: kept.await?,
            unreached,
        })
    }

    /// Writes an archive of what challenges keep, all of them or these, while they run. The file must not be there yet.
    pub async fn state_backup(
        &self,
        file: PathBuf,
        which: Option<BTreeSet<Slug>>,
    ) -> Result<Contents, RegistryError> {
        let _turn = self.keeping().lock().await;
        let challenges = self.loader().challenges_dir();
        let (place, there) = blocking(move || {
            let there = slugs(&challenges)?;
            Ok((temporary(&challenges, BACKUP)?, there))
        })
        .await?;
        let which = which.unwrap_or_else(|| there.clone());
        for slug in &which {
            if !there.contains(slug) {
                return Err(RegistryError::NoState(slug.clone()));
            }
            let to = place.path().join(slug.as_str());
            DirBuilder::new()
                .mode(0o700)
                .create(&to)
                .map_err(RegistryError::Disk)?;
            let copied = self
                .loader()
                .engine()
                .snapshot(&self.loader().dir(slug), &to)
                .await;
            copied.map_err(RegistryError::Component)?;
        }
        blocking(move || Ok(write(place.path(), &which, &file)?)).await
    }

    /// Puts what an archive holds in the place of what challenges keep, all of them or these. None of them may be
    /// active.
    pub async fn state_restore(
        &self,
        file: PathBuf,
        which: Option<BTreeSet<Slug>>,
    ) -> Result<Vec<Slug>, RegistryError> {
        let _turn = self.keeping().lock().await;
        let challenges = self.loader().challenges_dir();
        let (place, contents) = blocking(move || {
            let place = temporary(&challenges, RESTORE)?;
            let archive = BufReader::new(File::open(file)?);
            let contents = unpack(archive, place.path())?;
            Ok((place, contents))
        })
        .await?;
        let there: BTreeSet<_> = contents.challenges.into_keys().collect();
        let which = which.unwrap_or_else(|| there.clone());
        for slug in &which {
            if !there.contains(slug) {
                return Err(RegistryError::NoState(slug.clone()));
            }
            self.check_idle(slug).await?;
        }
        let challenges = self.loader().challenges_dir();
        blocking(move || {
            for slug in &which {
                replace(&challenges, slug, &place.path().join(slug.as_str()))?;
                tracing::info!(challenge.slug = %slug, "What the challenge keeps was restored");
            }
            Ok(which.into_iter().collect())
        })
        .await
    }

    /// Removes what a challenge kept that is not registered any more, on the disk and on every engine that can be reached, and
    /// says what that was.
    pub async fn state_purge(&self, slug: &Slug) -> Result<Purged, RegistryError> {
        let _turn = self.keeping().lock().await;
        if self.find(slug).await?.is_some() {
            return Err(RegistryError::StillRegistered(slug.clone()));
        }
        self.check_idle(slug).await?;
        let purged = self.loader().containers().fleet().purge(slug).await;
        let KeptVolumes { volumes, unreached } = purged.map_err(RegistryError::Engine)?;
        let (challenges, key) = (self.loader().challenges_dir(), slug.clone());
        let removed = blocking(move || {
            let dir = challenges.join(key.as_str());
            if !dir.is_dir() {
                return Ok(None);
            }
            let bytes = size(&dir);
            let place = temporary(&challenges, PURGED)?;
            fs::rename(&dir, place.path().join(key.as_str()))?;
            place.close()?;
            Ok(Some(bytes))
        });
        let removed = removed.await?;
        if removed.is_none() && volumes.is_empty() && unreached.is_empty() {
            return Err(RegistryError::NoState(slug.clone()));
        }
        let (bytes, count) = (removed.unwrap_or_default(), volumes.len());
        tracing::info!(challenge.slug = %slug, bytes, volumes = count, "What the challenge kept was removed");
        Ok(Purged {
            bytes,
            volumes,
            unreached,
        })
    }

    /// Nobody may use what is about to be replaced, also no call of a program that was stopped.
    async fn check_idle(&self, slug: &Slug) -> Result<(), RegistryError> {
        if let Some(record) = self.find(slug).await?
            && record.status == Status::Active
        {
            return Err(RegistryError::Active(slug.clone()));
        }
        match self.loader().engine().is_in_use(&self.loader().dir(slug)) {
            true => Err(RegistryError::InUse(slug.clone())),
            false => Ok(()),
        }
    }
}

/// Puts right what a host left that died: what was being replaced and has no successor is back, everything else goes.
pub(crate) fn put_right(challenges: &Path) -> io::Result<()> {
    let Ok(entries) = challenges.read_dir() else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(REPLACED) {
            for old in entry.path().read_dir()? {
                let old = old?;
                let place = challenges.join(old.file_name());
                if !place.exists() {
                    fs::rename(old.path(), place)?;
                }
            }
        }
        if [BACKUP, RESTORE, REPLACED, PURGED]
            .iter()
            .any(|begin| name.starts_with(begin))
        {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn write(place: &Path, which: &BTreeSet<Slug>, file: &Path) -> Result<Contents, ArchiveError> {
    let partial = file.with_added_extension("partial");
    if file.exists() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
    }
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&partial)?;
    let written = (|| {
        let mut archive = ArchiveWriter::new(BufWriter::with_capacity(1 << 20, opened), now());
        for slug in which {
            archive.add(slug, &place.join(slug.as_str()))?;
        }
        let (mut buffer, contents) = archive.finish()?;
        buffer.flush()?;
        buffer.get_ref().sync_all()?;
        fs::rename(&partial, file)?;
        Ok(contents)
    })();
    if written.is_err() {
        // Nobody could use it.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn replace(challenges: &Path, slug: &Slug, new: &Path) -> io::Result<()> {
    let place = challenges.join(slug.as_str());
    let old = temporary(challenges, REPLACED)?;
    let aside = old.path().join(slug.as_str());
    let was_there = place.is_dir();
    if was_there {
        fs::rename(&place, &aside)?;
    }
    if let Err(error) = fs::rename(new, &place) {
        if was_there {
            fs::rename(&aside, &place)?;
        }
        return Err(error);
    }
    File::open(challenges)?.sync_all()?;
    old.close()
}

fn temporary(challenges: &Path, begin: &str) -> io::Result<TempDir> {
    DirBuilder::new().recursive(true).mode(0o700).create(challenges)?;
    Builder::new().prefix(begin).tempdir_in(challenges)
}

/// Those who have a directory.
fn slugs(challenges: &Path) -> io::Result<BTreeSet<Slug>> {
    let Ok(entries) = challenges.read_dir() else {
        return Ok(BTreeSet::new());
    };
    let mut slugs = BTreeSet::new();
    for entry in entries {
        // Names that are no slugs are not of a challenge.
        slugs.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<Slug>().ok()),
        );
    }
    Ok(slugs)
}

/// Bytes of all files below; what vanishes meanwhile does not count.
fn size(dir: &Path) -> u64 {
    let Ok(entries) = dir.read_dir() else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Bytes of the files in a directory itself.
fn files(dir: &Path) -> u64 {
    let Ok(entries) = dir.read_dir() else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    });
    sizes.sum()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, RegistryError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or(Err(RegistryError::Host("a task of the host panicked")))
}

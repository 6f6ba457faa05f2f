//! Blobs: bytes under a name, for uploads and datasets that are too large for a database. The bytes are files, the names
//! are rows of the challenge's database; a blob is there as a whole or not at all.
//!
//! A file is complete and on the disk before its row is, and goes after its row did, so a crash leaves files without a
//! row at most. They are removed when the state is opened.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::{OptionalExtension as _, Row, params};

use crate::{
    BlobError, Bounds, Database, StateError,
    blob_io::{Download, Upload},
    kv::successor,
    limits::{MAX_BLOB_NAME_BYTES, MAX_LISTED},
};

/// The table of names.
pub(crate) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS platform_blobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        stored_at INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
";

/// The blobs of a challenge. Cheap to clone.
#[derive(Clone)]
pub struct Blobs(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) database: Database,
    dir: PathBuf,
    /// Bytes of all blobs, those included that are being written.
    used: AtomicU64,
    quota: AtomicU64,
    /// How many there may be.
    most: u64,
    /// Names files that are being written.
    uploads: AtomicU64,
}

/// What is known of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// When it was stored, in seconds since 1970.
    pub stored_at: u64,
}

/// What blobs take on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobUsage {
    /// Bytes of all of them.
    pub bytes: u64,
    /// What they may have.
    pub limit: u64,
}

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Files that are being written have this ending.
const UNFINISHED: &str = "new";
const COLUMNS: &str = "SELECT id, name, size, sha256, stored_at FROM platform_blobs";

impl Blobs {
    /// Opens the directory of a challenge's blobs, and removes what crashes left there. Blocks on the disk.
    pub(crate) async fn open(
        database: Database,
        dir: &Path,
        (quota, most): (u64, u64),
        bounds: Bounds,
    ) -> Result<Self, StateError> {
        let file_error = |source| StateError::File {
            path: dir.to_owned(),
            source,
        };
        let make = DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir);
        make.map_err(file_error)?;
        let known = known(&database, bounds).await.map_err(StateError::Blobs)?;
        for entry in dir.read_dir().map_err(file_error)? {
            let entry = entry.map_err(file_error)?;
            let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if !id.is_some_and(|id: i64| known.ids.contains(&id)) {
                fs::remove_file(entry.path()).map_err(file_error)?;
                tracing::info!(blob.file = %entry.path().display(), "A file without a name was removed");
            }
        }
        Ok(Self(Arc::new(Inner {
            database,
            dir: dir.to_owned(),
            used: AtomicU64::new(known.bytes),
            quota: AtomicU64::new(quota),
            most,
            uploads: AtomicU64::new(0),
        })))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// From now on they may have so many bytes.
    pub fn set_quota(&self, bytes: u64) {
        self.0.quota.store(bytes, Ordering::Relaxed);
    }

    /// What they take. Does not look at the disk.
    pub fn usage(&self) -> BlobUsage {
        BlobUsage {
            bytes: self.0.used.load(Ordering::Relaxed),
            limit: self.0.quota.load(Ordering::Relaxed),
        }
    }

    /// Begins to write a blob.
    pub fn upload(&self) -> Result<Upload, BlobError> {
        let number = self.0.uploads.fetch_add(1, Ordering::Relaxed);
        let path = self.0.dir.join(format!("{number}.{UNFINISHED}"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(BlobError::io)?;
        Ok(Upload::new(self.clone(), path, file))
    }

    /// Opens a blob. What is read stays the same, also when the name gets another blob.
    pub async fn download(&self, name: &str, bounds: Bounds) -> Result<Download, BlobError> {
        let mut before = None;
        loop {
            let (id, info) = self.find(name, bounds).await?.ok_or(BlobError::NotFound)?;
            match File::open(self.0.dir.join(id.to_string())) {
                Ok(file) => return Ok(Download::new(info, file)),
                // The name got another blob since its row was read: that one is there.
                Err(error) if error.kind() == io::ErrorKind::NotFound && before != Some(id) => {
                    before = Some(id)
                }
                Err(error) => return Err(BlobError::io(error)),
            }
        }
    }

    /// What is known of a blob.
    pub async fn stat(&self, name: &str, bounds: Bounds) -> Result<Option<BlobInfo>, BlobError> {
        Ok(self.find(name, bounds).await?.map(|(_, info)| info))
    }

    /// Blobs whose names begin with `prefix` and come after `after`, in order of their bytes, at most so many.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: u32,
        bounds: Bounds,
    ) -> Result<Vec<BlobInfo>, BlobError> {
        let sql = format!(
            "{COLUMNS} WHERE name >= ?1 AND (?2 IS NULL OR name < ?2) AND (?3 IS NULL OR name > ?3) \
             ORDER BY name LIMIT ?4"
        );
        let (end, most) = (successor(prefix), most.min(MAX_LISTED));
        let reader = self.0.database.reader().await?;
        let found = reader.trusted(bounds, |sqlite| {
            let mut statement = sqlite.prepare_cached(&sql)?;
            let rows = statement.query_map(params![prefix, end, after, most], read)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        Ok(found?.into_iter().map(|(_, info)| info).collect())
    }

    /// Removes a blob; whether there was one.
    pub async fn delete(&self, name: &str, bounds: Bounds) -> Result<bool, BlobError> {
        let sql = "DELETE FROM platform_blobs WHERE name = ?1 RETURNING id, size";
        let writer = self.0.database.writer().await?;
        let gone = writer.trusted(bounds, |sqlite| {
            let mut statement = sqlite.prepare_cached(sql)?;
            let gone = statement.query_row([name], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(gone.optional()?)
        })?;
        drop(writer);
        if let Some((id, size)) = gone {
            self.remove(id, size);
        }
        Ok(gone.is_some())
    }

    /// Gives a file that is complete its name.
    pub(crate) async fn name(
        &self,
        file: &Path,
        info: BlobInfo,
        bounds: Bounds,
    ) -> Result<BlobInfo, BlobError> {
        check_name(&info.name)?;
        let writer = self.0.database.writer().await?;
        let sql = |sql: &'static str| writer.trusted(bounds, |sqlite| Ok(sqlite.execute_batch(sql)?));
        sql("BEGIN IMMEDIATE")?;
        let (before, id, stored_at) = writer.trusted(bounds, |sqlite| {
            let before: Option<(i64, i64)> = sqlite
                .prepare_cached("DELETE FROM platform_blobs WHERE name = ?1 RETURNING id, size")?
                .query_row([&info.name], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (id, stored_at) = sqlite
                .prepare_cached(
                    "INSERT INTO platform_blobs (name, size, sha256) VALUES (?1, ?2, ?3) \
                     RETURNING id, stored_at",
                )?
                .query_row(params![info.name, info.size.cast_signed(), info.sha256], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
                })?;
            let count: u64 = sqlite
                .prepare_cached("SELECT count(*) FROM platform_blobs")?
                .query_row([], |row| row.get::<_, i64>(0))?
                .cast_unsigned();
            if count > self.0.most {
                let message = format!("at most {} blobs are kept", self.0.most);
                return Err(crate::SqlError::too_large(message));
            }
            Ok((before, id, stored_at))
        })?;
        let place = self.0.dir.join(id.to_string());
        fs::rename(file, &place).map_err(BlobError::io)?;
        File::open(&self.0.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(BlobError::io)?;
        sql("COMMIT")?;
        drop(writer);
        if let Some((id, size)) = before {
            self.remove(id, size);
        }
        Ok(BlobInfo {
            stored_at: stored_at.cast_unsigned(),
            ..info
        })
    }

    /// Takes room for bytes that are about to be written.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<(), BlobError> {
        let quota = self.0.quota.load(Ordering::Relaxed);
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= quota);
        let taken = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(|_| ()).map_err(|_| BlobError::Full(quota))
    }

    /// Gives room back.
    pub(crate) fn release(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn remove(&self, id: i64, size: i64) {
        self.release(size.cast_unsigned());
        if let Err(error) = fs::remove_file(self.0.dir.join(id.to_string())) {
            tracing::warn!(%error, "a blob's file could not be removed; it goes when the challenge starts");
        }
    }

    async fn find(&self, name: &str, bounds: Bounds) -> Result<Option<(i64, BlobInfo)>, BlobError> {
        let sql = format!("{COLUMNS} WHERE name = ?1");
        let reader = self.0.database.reader().await?;
        let found = reader.trusted(bounds, |sqlite| {
            Ok(sqlite.prepare_cached(&sql)?.query_row([name], read).optional()?)
        });
        Ok(found?)
    }
}

/// The files that have a name, and their size together.
struct Known {
    ids: HashSet<i64>,
    bytes: u64,
}

async fn known(database: &Database, bounds: Bounds) -> Result<Known, crate::SqlError> {
    let reader = database.reader().await?;
    reader.trusted(bounds, |sqlite| {
        let mut statement = sqlite.prepare("SELECT id, size FROM platform_blobs")?;
        let mut known = Known {
            ids: HashSet::new(),
            bytes: 0,
        };
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            known.ids.insert(row.get(0)?);
            known.bytes = known.bytes.saturating_add(row.get::<_, i64>(1)?.cast_unsigned());
        }
        Ok(known)
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, BlobInfo)> {
    let info = BlobInfo {
        name: row.get(1)?,
        size: row.get::<_, i64>(2)?.cast_unsigned(),
        sha256: row.get(3)?,
        stored_at: row.get::<_, i64>(4)?.cast_unsigned(),
    };
    Ok((row.get(0)?, info))
}

fn check_name(name: &str) -> Result<(), BlobError> {
    match name.len() {
        0 => Err(BlobError::Misuse("a name is not empty".to_owned())),
        length if length > MAX_BLOB_NAME_BYTES => {
            let message = format!("a name has at most {MAX_BLOB_NAME_BYTES} bytes, this has {length}");
            Err(BlobError::Misuse(message))
        }
        _ => Ok(()),
    }
}

//! One moment of a challenge's database and blobs, in another directory, while calls go on.

use std::{fs, path::Path, time::Duration};

use rusqlite::{Connection, backup::Backup};

use crate::{
    Bounds, Kind, Patience, SqlError, State, StateError,
    state::{BLOBS, DATABASE},
};

/// What pinning the moment may take, for which writers wait: a link for each blob.
const PINNING: Duration = Duration::from_secs(60);
/// Pages that are copied at once, between two looks at nothing: readers and writers go on anyway.
const ALL_PAGES: std::ffi::c_int = -1;

impl State {
    /// Copies the database and links the blobs into a directory that is there and empty, on the same disk. Writers wait
    /// while the moment is pinned, and not while it is copied. Blocks on the disk.
    pub async fn snapshot(&self, to: &Path) -> Result<(), StateError> {
        let file_error = |source| StateError::File {
            path: to.to_owned(),
            source,
        };
        let bounds = Bounds::wall(PINNING);
        // While nobody writes, no blob comes or goes either.
        let writer = self.database().writer().await.map_err(StateError::Snapshot)?;
        let reading = self.database().begin(Kind::Read, bounds, Patience::Wait).await;
        let reading = reading.map_err(StateError::Snapshot)?;
        let blobs = reading.blob_ids(bounds).map_err(StateError::Snapshot)?;
        let place = to.join(BLOBS);
        fs::create_dir(&place).map_err(file_error)?;
        for id in blobs {
            let name = id.to_string();
            fs::hard_link(self.blobs().dir().join(&name), place.join(&name)).map_err(file_error)?;
        }
        drop(writer);
        let copied = reading.copy_database(&to.join(DATABASE));
        copied.map_err(StateError::Snapshot)
    }
}

/// Copies what a connection sees into a new file, and waits until it is on the disk.
pub(crate) fn copy(from: &Connection, to: &Path) -> Result<(), SqlError> {
    let mut target = Connection::open(to)?;
    // Nobody reads it before it is whole.
    target.pragma_update(None, "journal_mode", "OFF")?;
    target.pragma_update(None, "synchronous", "OFF")?;
    Backup::new(from, &mut target)?.step(ALL_PAGES)?;
    drop(target);
    let synced = fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| SqlError::new(rusqlite::ffi::SQLITE_IOERR_FSYNC, error.kind().to_string()))
}

//! All that the host keeps for a challenge, in one directory, and which of them are open.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::{BlobUsage, Blobs, Bounds, Database, DatabaseUsage, SqlLimits, StateError};

/// A challenge's database and blobs. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Inner>);

struct Inner {
    database: Database,
    blobs: Blobs,
}

/// State as long as others keep it.
pub struct WeakState(Weak<Inner>);

/// What a challenge keeps in the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateUsage {
    /// Its database.
    pub database: DatabaseUsage,
    /// Its blobs.
    pub blobs: BlobUsage,
}

/// What a challenge may keep in the host.
#[derive(Clone, Debug)]
pub struct StateLimits {
    /// In its database, and what it may ask of it.
    pub sql: SqlLimits,
    /// Bytes of its blobs.
    pub blobs: u64,
    /// How many blobs.
    pub blob_files: u64,
}

/// What is open in one host, so that two versions of a challenge share it.
#[derive(Default)]
pub struct States(Mutex<HashMap<PathBuf, Arc<Place>>>);

/// A directory that is open, or was.
#[derive(Default)]
struct Place {
    open: Mutex<Weak<Inner>>,
    /// Once at a time: whoever opens it removes what is not finished there, and nobody may be at it.
    opening: tokio::sync::Mutex<()>,
}

/// The file of the database in a challenge's directory.
pub const DATABASE: &str = "database.sqlite3";
/// The directory of the blobs beside it.
pub const BLOBS: &str = "blobs";
/// What looking through the names of blobs may take.
const OPENING: Duration = Duration::from_secs(30);

impl States {
    /// Opens what a challenge keeps in this directory, or finds it open; then it has these limits from now on. Blocks
    /// on the disk.
    pub async fn open(&self, dir: &Path, limits: &StateLimits) -> Result<State, StateError> {
        let state = self.join(dir, limits).await?;
        state.set_limits(limits);
        Ok(state)
    }

    /// The same for whoever only looks: what is open stays as it is.
    pub async fn join(&self, dir: &Path, limits: &StateLimits) -> Result<State, StateError> {
        let place = self.place(dir);
        let _turn = place.opening.lock().await;
        if let Some(found) = place.find() {
            return Ok(found);
        }
        let database = Database::open(&dir.join(DATABASE), &limits.sql)?;
        let blobs = Blobs::open(
            database.clone(),
            &dir.join(BLOBS),
            (limits.blobs, limits.blob_files),
            Bounds::wall(OPENING),
        )
        .await?;
        let opened = State(Arc::new(Inner { database, blobs }));
        *lock(&place.open) = Arc::downgrade(&opened.0);
        Ok(opened)
    }

    /// What is open of this directory.
    pub fn find(&self, dir: &Path) -> Option<State> {
        lock(&self.0).get(dir)?.find()
    }

    fn place(&self, dir: &Path) -> Arc<Place> {
        let mut places = lock(&self.0);
        if let Some(place) = places.get(dir) {
            return place.clone();
        }
        // Whoever is about to open one holds its place.
        places.retain(|_, place| Arc::strong_count(place) > 1 || lock(&place.open).strong_count() > 0);
        places.entry(dir.to_owned()).or_default().clone()
    }
}

impl Place {
    fn find(&self) -> Option<State> {
        lock(&self.open).upgrade().map(State)
    }
}

/// What is behind such a lock is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Its database.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Its blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    /// What it takes on the disk. Looks at the database's files.
    pub fn usage(&self) -> StateUsage {
        StateUsage {
            database: self.0.database.usage(),
            blobs: self.0.blobs.usage(),
        }
    }

    /// For whoever looks after it and does not keep it open.
    pub fn downgrade(&self) -> WeakState {
        WeakState(Arc::downgrade(&self.0))
    }

    fn set_limits(&self, limits: &StateLimits) {
        self.0.database.set_quota(limits.sql.database);
        self.0.blobs.set_quota(limits.blobs);
    }
}

impl WeakState {
    /// The state, if it is still open.
    pub fn upgrade(&self) -> Option<State> {
        self.0.upgrade().map(State)
    }
}

//! The databases that are open, so that two versions of a challenge share one.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::{Database, SqlLimits, StateError, database::Inner};

/// The databases of one host.
#[derive(Default)]
pub struct Databases(Mutex<HashMap<PathBuf, Weak<Inner>>>);

impl Databases {
    /// Opens a database, or finds it open; then it has this quota from now on. Blocks on the disk.
    pub fn open(&self, path: &Path, limits: &SqlLimits) -> Result<Database, StateError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, database| database.strong_count() > 0);
        if let Some(found) = open.get(path).and_then(Weak::upgrade) {
            let database = Database(found);
            database.set_quota(limits.database);
            return Ok(database);
        }
        let database = Database::open(path, limits)?;
        open.insert(path.to_owned(), Arc::downgrade(&database.0));
        Ok(database)
    }
}

//! A challenge's `/data`: who may use it, one call at a time, and what a killed guest leaves behind.
//!
//! WASI has no file locks, so SQLite inside a guest locks a database by making the directory `NAME.lock`. A
//! guest that is stopped inside a transaction never removes it, and every later call would find the database
//! locked. As the host runs one call at a time and keeps other processes out, any such lock that exists
//! between two calls is stale.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io, mem,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use platform_domain::Warm;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, filesystem::WasiFilesystemCtx};

use crate::{
    CallError, ComponentError,
    disk::{Account, Allowance, Object, Quota},
    limits::{LOCK_SEARCH_DEPTH, LOCK_SEARCH_ENTRIES},
    live::Live,
    pool::Idle,
};

/// An open data directory. Programs over the same directory share it: when a new version of a challenge is
/// loaded, calls of the old one may still be running.
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held during a call.
    turn: Arc<tokio::sync::Mutex<Between>>,
    preopened: WasiFilesystemCtx,
    account: Arc<Account>,
    /// Whether the account was filled.
    measured: Mutex<bool>,
    /// Keeps other processes out until it is closed.
    _lock: File,
}

/// The data directories this engine has open.
#[derive(Default)]
pub(crate) struct DataDirs(Mutex<HashMap<PathBuf, Weak<DataDir>>>);

/// The right to run a call over the directory.
pub(crate) struct Turn {
    between: tokio::sync::OwnedMutexGuard<Between>,
    dir: Arc<DataDir>,
}

/// What there is of a directory between two calls.
struct Between {
    condition: Condition,
    /// The instance that waits for its next call, and the number of its program. It may hold files and locks, so
    /// there is at most one, and no other call runs while it is there.
    idle: Option<(u64, Idle)>,
}

/// How the last call left the directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Clean,
    /// A call is running, or was stopped.
    Unclean,
}

impl DataDirs {
    /// Opens the directory, making it if need be, removes stale locks and counts what is there. Blocks on the
    /// disk.
    pub(crate) fn open(&self, path: &Path) -> Result<Arc<DataDir>, ComponentError> {
        let data_error = |source| ComponentError::Data {
            path: path.to_owned(),
            source,
        };
        make_private(path).map_err(data_error)?;
        let dir = self.shared(path.canonicalize().map_err(data_error)?)?;
        // Whoever opens a large one does not keep others from opening theirs.
        dir.measure().map_err(data_error)?;
        Ok(dir)
    }

    /// Whether a program has it open, or a call.
    pub(crate) fn is_open(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else {
            return false;
        };
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&path).is_some_and(|dir| dir.strong_count() > 0)
    }

    fn shared(&self, path: PathBuf) -> Result<Arc<DataDir>, ComponentError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, dir| dir.strong_count() > 0);
        if let Some(dir) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(dir);
        }
        let dir = Arc::new(DataDir::open(path.clone())?);
        open.insert(path, Arc::downgrade(&dir));
        Ok(dir)
    }
}

impl DataDir {
    fn open(path: PathBuf) -> Result<Self, ComponentError> {
        let lock = lock(&path)?;
        remove_stale_locks(&path, LOCK_SEARCH_DEPTH);
        let preopened = preopen(&path).map_err(|error| ComponentError::Data {
            path: path.clone(),
            source: io::Error::other(error.to_string()),
        })?;
        let account = Arc::new(Account::new(path.clone()));
        Ok(Self {
            path,
            turn: Arc::new(tokio::sync::Mutex::new(Between {
                condition: Condition::Clean,
                idle: None,
            })),
            preopened,
            account,
            measured: Mutex::new(false),
            _lock: lock,
        })
    }

    /// The directory as the guest of one program sees it, and what that program may keep there.
    pub(crate) fn files(&self, allowed: Allowance) -> (WasiFilesystemCtx, Arc<Quota>) {
        let quota = Quota::new(self.account.clone(), allowed);
        (self.preopened.clone(), Arc::new(quota))
    }

    fn measure(&self) -> io::Result<()> {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if !*measured {
            self.account.measure()?;
            *measured = true;
        }
        Ok(())
    }

    /// Counts anew what is there, if the account may be wrong.
    fn recount(&self, unclean: bool) {
        if (unclean || self.account.is_doubtful())
            && let Err(error) = self.account.measure()
        {
            tracing::warn!(data.dir = %self.path.display(), %error, "the data directory cannot be measured");
        }
    }

    /// Waits, first come first served, until no other call uses the directory.
    pub(crate) async fn turn(self: &Arc<Self>) -> Turn {
        Turn {
            between: self.turn.clone().lock_owned().await,
            dir: self.clone(),
        }
    }

    /// The turn, if nobody has it or waits for it.
    pub(crate) fn turn_at_once(self: &Arc<Self>) -> Option<Turn> {
        Some(Turn {
            between: self.turn.clone().try_lock_owned().ok()?,
            dir: self.clone(),
        })
    }

    /// Ends the idle instance, if it has waited for too long.
    pub(crate) fn retire(&self, warm: &Warm) {
        // Whoever has the turn looks for himself.
        if let Ok(mut between) = self.turn.try_lock()
            && between.idle.take_if(|(_, idle)| idle.is_too_old(warm)).is_some()
        {
            between.condition = Condition::Unclean;
        }
    }
}

impl Turn {
    /// Prepares the directory for a call in a fresh instance. Blocks on the disk.
    ///
    /// A guest may also keep a lock without being stopped, by leaving a connection open, so the directory
    /// itself is looked at every time, and everything below after a call that was stopped. Then, and after one
    /// that found no room, what is there is counted anew: an operator may have made room.
    pub(crate) fn begin(&mut self) {
        if self.between.idle.take().is_some() {
            // It ended where it stood.
            self.between.condition = Condition::Unclean;
        }
        let was = mem::replace(&mut self.between.condition, Condition::Unclean);
        let (depth, unclean) = match was {
            Condition::Clean => (0, false),
            Condition::Unclean => (LOCK_SEARCH_DEPTH, true),
        };
        for _ in 0..remove_stale_locks(&self.dir.path, depth) {
            self.dir.account.unmake(Object::Directory);
        }
        self.dir.recount(unclean);
    }

    /// The same for a call in the instance that this program left here, if there is one that may go on.
    pub(crate) fn resume(&mut self, program: u64, warm: &Warm) -> Option<Live> {
        let live = match self.between.idle.take() {
            Some((of, idle)) if of == program => idle.wake(warm),
            Some(_) => None,
            None => {
                self.begin();
                return None;
            }
        };
        self.between.condition = Condition::Unclean;
        // What a waking instance holds is its own: nothing is stale.
        match &live {
            Some(_) => self.dir.recount(false),
            None => self.begin(),
        }
        live
    }

    /// The call has ended, like this.
    pub(crate) fn end<T>(&mut self, answer: &Result<T, CallError>) {
        if !answer.as_ref().is_err_and(CallError::left_unclean) {
            self.between.condition = Condition::Clean;
        }
    }

    /// Leaves an instance for the next call of its program.
    pub(crate) fn keep(&mut self, program: u64, idle: Idle) {
        self.between.idle = Some((program, idle));
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes the lock file beside the directory: inside, the guest could remove it.
fn lock(path: &Path) -> Result<File, ComponentError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".host-lock");
    let data_error = |source| ComponentError::Data {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path.with_file_name(name))
        .map_err(data_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ComponentError::DataInUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(data_error(source)),
    }
}

fn preopen(path: &Path) -> wasmtime::Result<WasiFilesystemCtx> {
    let mut wasi = WasiCtxBuilder::new()
        // These calls have a thread of their own: without the detour through another thread for every file
        // operation they are twice as fast.
        .allow_blocking_current_thread(true)
        .preopened_dir(path, "/data", FsPerms::ReadWrite)?
        .build();
    Ok(wasi.filesystem().clone())
}

/// Removes empty directories named `*.lock` and says how many. Files of that name are the guest's own business.
fn remove_stale_locks(root: &Path, depth: usize) -> usize {
    let (mut left, mut removed) = (LOCK_SEARCH_ENTRIES, 0);
    let mut pending = vec![(root.to_owned(), depth)];
    while let Some((dir, depth)) = pending.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            left = left.saturating_sub(1);
            if left == 0 {
                tracing::warn!(data.dir = %root.display(), "too many files to look for stale locks in all of them");
                return removed;
            }
            // The type of the entry itself: links are not followed.
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            let is_lock = path.extension().is_some_and(|extension| extension == "lock");
            // Removing fails when it is not empty, which a lock always is.
            if is_lock && fs::remove_dir(&path).is_ok() {
                tracing::info!(data.lock = %path.display(), "a stale lock was removed");
                removed += 1;
            } else if depth > 0 {
                pending.push((path, depth - 1));
            }
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_data_directory_is_private_and_its_lock_lies_outside() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("tsp/data");
        let _dir = DataDirs::default().open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(names(&path), Vec::<String>::new());
        assert_eq!(names(&root.path().join("tsp")), ["data", "data.host-lock"]);
    }

    #[test]
    fn a_directory_in_use_by_another_engine_is_refused_until_it_is_free() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let (ours, others) = (DataDirs::default(), DataDirs::default());
        let first = ours.open(&path).unwrap();
        let second = ours.open(&path).unwrap();
        assert!(
            Arc::ptr_eq(&first, &second),
            "two versions of a challenge share the directory"
        );
        assert!(matches!(others.open(&path), Err(ComponentError::DataInUse(_))));
        drop((first, second));
        assert!(others.open(&path).is_ok());
    }

    #[tokio::test]
    async fn only_stale_locks_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        fs::create_dir_all(path.join("deep/er/kv.db.lock")).unwrap();
        fs::create_dir_all(path.join("kv.db.lock")).unwrap();
        fs::create_dir_all(path.join("full.lock/inside")).unwrap();
        fs::write(path.join("Cargo.lock"), "mine").unwrap();
        let dirs = DataDirs::default();
        let dir = dirs.open(&path).unwrap();
        assert_eq!(names(&path), ["Cargo.lock", "deep", "full.lock"]);
        assert_eq!(names(&path.join("deep/er")), Vec::<String>::new());

        let leave_locks = || {
            fs::create_dir(path.join("kv.db.lock")).unwrap();
            fs::create_dir(path.join("deep/kv.db.lock")).unwrap();
        };
        let mut turn = dir.turn().await;
        turn.begin();
        leave_locks();
        turn.end(&Ok(()));
        turn.begin();
        assert_eq!(
            names(&path.join("deep")),
            ["er", "kv.db.lock"],
            "not looked for after a clean end"
        );
        assert!(!path.join("kv.db.lock").exists());
        turn.begin();
        assert_eq!(
            names(&path.join("deep")),
            ["er"],
            "looked for after a call that was stopped"
        );
    }

    #[test]
    fn locks_are_looked_for_to_a_depth() {
        let root = tempfile::tempdir().unwrap();
        let level = |depth| (0..depth).fold(root.path().join("data"), |path, _| path.join("d"));
        for depth in [LOCK_SEARCH_DEPTH, LOCK_SEARCH_DEPTH + 1] {
            fs::create_dir_all(level(depth).join("kv.lock")).unwrap();
        }
        let _dir = DataDirs::default().open(&level(0)).unwrap();
        assert!(!level(LOCK_SEARCH_DEPTH).join("kv.lock").exists());
        assert!(level(LOCK_SEARCH_DEPTH + 1).join("kv.lock").exists());
    }
}

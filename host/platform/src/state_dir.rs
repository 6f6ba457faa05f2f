//! The directory where the host keeps everything: its alone, private, and one host's at a time.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::fs::FlockOperation;

/// Marks a directory as a host's, and is locked while one runs.
const LOCK: &str = "host.lock";
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// A process that the last host was just starting holds its lock until it has become another program.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Makes the directory if it does not exist, closes it to others, and takes it until the answer is dropped.
///
/// A directory that others may enter is closed to them if it is empty or a host's already. One with other
/// things in it is refused: somebody mistyped a path, and nobody's home or `/tmp` may become private by that.
pub(crate) fn take(dir: &Path) -> anyhow::Result<fs::File> {
    let made = fs::DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir);
    made.with_context(|| format!("cannot make the directory {}", dir.display()))?;
    if fs::metadata(dir)?.permissions().mode() & 0o077 != 0 {
        if !is_ours(dir).with_context(|| format!("cannot look into {}", dir.display()))? {
            bail!(
                "{} may be entered by others and holds other files; name another state directory, or close \
                 this one with chmod 700 if it is the host's alone",
                dir.display()
            );
        }
        fs::set_permissions(dir, fs::Permissions::from_mode(DIR_MODE))
            .with_context(|| format!("cannot close {} to others", dir.display()))?;
    }
    lock(dir)
}

/// A directory inside it, the host's alone as well.
pub(crate) fn private(dir: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir);
    made.with_context(|| format!("cannot make the directory {}", dir.display()))
}

fn is_ours(dir: &Path) -> std::io::Result<bool> {
    Ok(dir.join(LOCK).exists() || fs::read_dir(dir)?.next().is_none())
}

/// Two hosts on one state directory would submit twice and run migrations under each other.
fn lock(dir: &Path) -> anyhow::Result<fs::File> {
    let path = dir.join(LOCK);
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    let started = Instant::now();
    while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if started.elapsed() >= LOCK_PATIENCE {
            bail!(
                "another host is running on the state directory {}; stop it or name another directory",
                dir.display()
            );
        }
        thread::sleep(LOCK_PAUSE);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_of_the_host_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("a/b");
        drop(take(&made).unwrap());
        assert_eq!((mode(&made), mode(&made.join(LOCK))), (DIR_MODE, FILE_MODE));
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        for wide in [0o755, 0o777, 0o710] {
            for dir in [&made, &empty] {
                fs::set_permissions(dir, fs::Permissions::from_mode(wide)).unwrap();
                drop(take(dir).unwrap());
                assert_eq!(mode(dir), DIR_MODE);
            }
        }
    }

    #[test]
    fn a_directory_of_others_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("letter"), "").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = take(dir.path()).unwrap_err().to_string();
        assert!(error.contains("chmod 700"), "{error}");
        assert_eq!(mode(dir.path()), 0o755);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(
            take(dir.path()).is_ok(),
            "private already, so the operator meant it"
        );
    }

    #[test]
    fn a_directory_has_one_host_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path()).unwrap();
        let error = take(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another host"), "{error}");
        drop(first);
        assert!(take(dir.path()).is_ok());
    }
}

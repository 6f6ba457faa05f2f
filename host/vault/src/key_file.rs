//! The file of a key: 32 random bytes, made when the first value is sealed, and closed to everybody else.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::Key;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not there.
    #[error("the key file {0} is missing")]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("the key file {path} cannot be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("the key file {path} cannot be made")]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the host's user may read it.
    #[error("the key file {0} may be read by others")]
    Open(PathBuf),
    /// It is not as long as a key.
    #[error("the key file {0} has not the {bytes} bytes of a key", bytes = Key::BYTES)]
    Length(PathBuf),
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    Random,
}

impl Key {
    /// Reads the key. A file that others may read is refused: they may have it by now.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
            _ => KeyError::Read {
                path: path.to_owned(),
                source,
            },
        };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let expected = u64::try_from(Self::BYTES).unwrap_or(u64::MAX);
        if !metadata.is_file() || metadata.len() != expected {
            return Err(KeyError::Length(path.to_owned()));
        }
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        file.read_exact(bytes.as_mut_slice()).map_err(failed)?;
        Ok(Self::new(bytes))
    }

    /// Makes a key in a new file with mode 0600. One that is there is never replaced.
    pub fn make(path: &Path) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_| KeyError::Random)?;
        let key = Self::new(bytes);
        key.write(path).map_err(|source| KeyError::Make {
            path: path.to_owned(),
            source,
        })?;
        Ok(key)
    }

    /// Under another name first: nobody ever finds half a key. When this returns it lasts, because what is sealed with it
    /// will.
    fn write(&self, path: &Path) -> io::Result<()> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        // Temporary files are made with mode 0600.
        let mut file = NamedTempFile::new_in(dir)?;
        file.write_all(self.bytes())?;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o600))?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        File::open(dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_is_made_once_private_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.key");
        assert!(matches!(Key::read(&path), Err(KeyError::Missing(_))));
        let made = Key::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::read(&path).unwrap().id(), made.id());
        assert!(matches!(Key::make(&path), Err(KeyError::Make { .. })));
        assert_eq!(
            Key::read(&path).unwrap().id(),
            made.id(),
            "and it is not replaced"
        );
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 1, "nothing else is left");
    }

    #[test]
    fn a_file_that_others_may_read_or_that_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.key");
        Key::make(&path).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o777] {
            set_mode(&path, mode);
            assert!(matches!(Key::read(&path), Err(KeyError::Open(_))), "{mode:o}");
        }
        for length in [0, 31, 33, 64] {
            fs::write(&path, vec![7; length]).unwrap();
            set_mode(&path, 0o600);
            assert!(matches!(Key::read(&path), Err(KeyError::Length(_))), "{length}");
        }
        let gone = dir.path().join("gone").join("secrets.key");
        assert!(matches!(Key::make(&gone), Err(KeyError::Make { .. })));
        set_mode(dir.path(), 0o700);
        assert!(matches!(Key::read(dir.path()), Err(KeyError::Length(_))));
    }
}

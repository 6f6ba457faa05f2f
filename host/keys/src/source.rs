//! Where the host's hotkey comes from.

use std::{
    path::{Path, PathBuf},
    str,
};

use platform_domain::SecretValue;
use zeroize::Zeroizing;

use crate::{KEY_FILE_MAX_BYTES, KeyError, Keypair, private_file, sealed};

/// A passphrase is a line; what is longer is another file.
pub const PASSPHRASE_MAX_BYTES: usize = 4096;
/// A phrase of 24 words has 215 letters at most.
pub const SEED_FILE_MAX_BYTES: usize = 1024;

/// Where a hotkey with its secret is. `Debug` shows paths and no secret.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A wallet's hotkey file, plain or sealed with a passphrase (`$NACL`).
    File {
        /// The file.
        path: PathBuf,
        /// A file with the passphrase in its first line; not looked at when the key file is plain.
        passphrase: Option<PathBuf>,
    },
    /// A file with a seed as [`Keypair::from_seed_text`] reads it.
    SeedFile(PathBuf),
    /// Such a seed itself, from the environment.
    Seed(SecretValue),
}

impl KeySource {
    /// Loads the key pair. Files that others may read are refused. `ask` is called for the passphrase of a sealed file
    /// when no file has it; [`no_passphrase`] where there is nobody to ask. Opening a sealed file takes seconds
    /// and 512 MiB.
    pub fn load(&self, ask: impl FnOnce() -> Result<SecretValue, KeyError>) -> Result<Keypair, KeyError> {
        match self {
            Self::File { path, passphrase } => {
                let content = private_file::read(path, KEY_FILE_MAX_BYTES)?;
                if !content.starts_with(sealed::MAGIC) {
                    return Keypair::from_json(&content);
                }
                let passphrase = passphrase.as_deref().map_or_else(ask, read_passphrase)?;
                Keypair::from_json(&sealed::open(&content, passphrase.reveal())?)
            }
            Self::SeedFile(path) => from_seed_bytes(&private_file::read(path, SEED_FILE_MAX_BYTES)?),
            Self::Seed(seed) => from_seed_bytes(seed.reveal()),
        }
    }
}

/// For [`KeySource::load`] where nobody can be asked.
pub fn no_passphrase() -> Result<SecretValue, KeyError> {
    Err(KeyError::NoPassphrase)
}

/// The first line of the file, without its end.
fn read_passphrase(path: &Path) -> Result<SecretValue, KeyError> {
    let content = private_file::read(path, PASSPHRASE_MAX_BYTES)?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(KeyError::NoPassphrase);
    }
    Ok(SecretValue::new(line.to_vec()))
}

fn from_seed_bytes(bytes: &[u8]) -> Result<Keypair, KeyError> {
    Keypair::from_seed_text(str::from_utf8(bytes).map_err(|_| KeyError::Seed)?)
}

impl Keypair {
    /// Reads a secret as people write it down: 64 hexadecimal digits, 0x before them is optional, or an English BIP39
    /// phrase without a password. Blanks around it do not count.
    pub fn from_seed_text(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let mut seed = Zeroizing::new([0; 32]);
        match hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), seed.as_mut_slice()) {
            Ok(()) => Ok(Self::from_seed(*seed)),
            Err(_) => Self::from_phrase(text).map_err(|_| KeyError::Seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use tempfile::TempDir;

    use super::*;

    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    const SEED: &str = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
    const ADDRESS: &str = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
    const SEALED: &[u8] = include_bytes!("../tests/files/nacl_hotkey");
    const PASSPHRASE: &str = "correct horse \u{e9} battery";

    fn write(dir: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn load(source: &KeySource) -> Result<String, KeyError> {
        source.load(no_passphrase).map(|key| key.hotkey().to_string())
    }

    fn file(path: &Path) -> KeySource {
        KeySource::File {
            path: path.to_owned(),
            passphrase: None,
        }
    }

    #[test]
    fn a_plain_file_needs_no_passphrase_and_its_file_is_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(&dir, "hotkey", format!("{{\"secretSeed\":\"0x{SEED}\"}}"));
        assert_eq!(load(&file(&path)).unwrap(), ADDRESS);
        let passphrase = Some(dir.path().join("missing"));
        assert_eq!(load(&KeySource::File { path, passphrase }).unwrap(), ADDRESS);
    }

    #[test]
    fn a_sealed_file_is_opened_with_the_passphrase_of_a_file_and_else_somebody_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(&dir, "hotkey", SEALED);
        assert!(matches!(load(&file(&path)), Err(KeyError::NoPassphrase)));
        let with = |passphrase: PathBuf| KeySource::File {
            path: path.clone(),
            passphrase: Some(passphrase),
        };
        let empty = with(write(&dir, "empty", "\n"));
        assert!(matches!(load(&empty), Err(KeyError::NoPassphrase)));
        let right = with(write(&dir, "right", format!("{PASSPHRASE}\r\nand what follows")));
        assert_eq!(load(&right).unwrap(), ADDRESS);
        let mut asked = 0;
        let refused = file(&path).load(|| {
            asked += 1;
            Err(KeyError::Passphrase)
        });
        assert!(matches!(refused, Err(KeyError::Passphrase)));
        assert_eq!(asked, 1);
    }

    #[test]
    fn a_seed_is_read_from_a_file_and_from_a_text_in_every_form() {
        let dir = tempfile::tempdir().unwrap();
        for text in [SEED, &format!("0x{SEED}"), PHRASE, &format!("  {PHRASE}\n")] {
            assert_eq!(
                load(&KeySource::SeedFile(write(&dir, "seed", text))).unwrap(),
                ADDRESS
            );
            let seed = KeySource::Seed(SecretValue::new(text.into()));
            assert_eq!(load(&seed).unwrap(), ADDRESS);
            assert!(!format!("{seed:?}").contains("fac7") && !format!("{seed:?}").contains("bottom"));
        }
    }

    #[test]
    fn what_is_no_seed_is_refused_without_showing_it() {
        for bad in [
            "",
            "0x",
            &SEED[1..],
            &format!("{SEED}0"),
            "0xbottom drive",
            "walk walk walk",
        ] {
            let error = load(&KeySource::Seed(SecretValue::new(bad.into()))).unwrap_err();
            assert!(matches!(error, KeyError::Seed), "{bad}");
            assert!(bad.is_empty() || bad == "0x" || !format!("{error:?}{error}").contains(bad));
        }
        let not_text = KeySource::Seed(SecretValue::new(vec![0xff; 64]));
        assert!(matches!(load(&not_text), Err(KeyError::Seed)));
    }

    #[test]
    fn a_file_that_others_may_touch_is_refused_whatever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            let path = write(&dir, "file", SEED);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let link = dir.path().join(format!("link{mode}"));
            symlink(&path, &link).unwrap();
            for source in [
                file(&path),
                KeySource::SeedFile(path.clone()),
                KeySource::SeedFile(link),
            ] {
                let error = load(&source).unwrap_err();
                assert!(matches!(error, KeyError::Exposed(_)), "{mode:o}: {error}");
                assert!(error.to_string().contains("chmod 600"));
            }
            let sealed = write(&dir, "hotkey", SEALED);
            let passphrase = Some(path);
            let error = load(&KeySource::File {
                path: sealed,
                passphrase,
            })
            .unwrap_err();
            assert!(matches!(error, KeyError::Exposed(_)), "{error}");
        }
    }

    #[test]
    fn a_file_may_be_as_long_as_its_limit_and_no_longer() {
        let dir = tempfile::tempdir().unwrap();
        let padded = |length: usize| write(&dir, "seed", format!("{SEED:length$}"));
        assert_eq!(
            load(&KeySource::SeedFile(padded(SEED_FILE_MAX_BYTES))).unwrap(),
            ADDRESS
        );
        let error = load(&KeySource::SeedFile(padded(SEED_FILE_MAX_BYTES + 1))).unwrap_err();
        assert!(matches!(error, KeyError::TooLong(_)), "{error}");
        let missing = load(&KeySource::SeedFile(dir.path().join("missing"))).unwrap_err();
        assert!(matches!(missing, KeyError::Unreadable { .. }), "{missing}");
    }
}

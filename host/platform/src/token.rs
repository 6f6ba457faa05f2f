//! The admin token: read from its file, made on the first start.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use platform_domain::PlainToken;

/// Shorter tokens can be guessed.
const MIN_LEN: usize = 16;

/// Reads the token, or makes one in a new file with mode 0600.
pub(crate) fn load_or_create(path: &Path) -> anyhow::Result<PlainToken> {
    match read(path) {
        Err(error) if is_absent(&error) => create(path),
        outcome => outcome,
    }
}

/// Reads the token. A file that others may read is refused: they could act as the operator.
pub(crate) fn read(path: &Path) -> anyhow::Result<PlainToken> {
    let context = || format!("cannot read the admin token from {}", path.display());
    let text = fs::read_to_string(path).with_context(context)?;
    let mode = fs::metadata(path).with_context(context)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} may be read by others; run: chmod 600 {0}", path.display());
    }
    let token = PlainToken::from_text(&text);
    if token.reveal().len() < MIN_LEN {
        bail!(
            "the admin token in {} is shorter than {MIN_LEN} characters",
            path.display()
        );
    }
    Ok(token)
}

fn is_absent(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn create(path: &Path) -> anyhow::Result<PlainToken> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("the system gave no random bytes")?;
    let token = PlainToken::from_random(random);
    write_whole(path, token.reveal())
        .with_context(|| format!("cannot create the admin token file {}", path.display()))?;
    tracing::info!(file = %path.display(), "made a new admin token");
    Ok(token)
}

/// Under another name first: a start that is cut off must not leave half a token, which no start would take.
fn write_whole(path: &Path, token: &str) -> std::io::Result<()> {
    let unfinished = path.with_added_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    // It may be left from before, and by whomever.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_private_token_and_the_next_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().reveal(), made.reveal());
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }

    #[test]
    fn a_first_start_that_was_cut_off_does_not_stop_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        let half = dir.path().join("admin.token.new");
        fs::write(&half, "plt_").unwrap();
        fs::set_permissions(&half, fs::Permissions::from_mode(0o644)).unwrap();
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().reveal(), made.reveal());
        assert!(!half.exists());
    }

    #[test]
    fn a_token_that_others_may_read_or_guess_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        fs::write(&path, "0123456789abcdef0123").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            load_or_create(&path)
                .unwrap_err()
                .to_string()
                .contains("chmod 600")
        );
        fs::write(&path, "short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(load_or_create(&path).unwrap_err().to_string().contains("shorter"));
    }
}

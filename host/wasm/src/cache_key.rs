//! The key that seals compiled code. Whoever has it can make this host run any native code.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use crate::cache::TEMPORARY;

const KEY_FILE: &str = "key";

/// The key of a directory; made if there is none. A damaged one is replaced, which costs a compilation of all.
pub(crate) fn read_or_make(dir: &Path) -> io::Result<[u8; 32]> {
    let path = dir.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            if let Ok(key) = bytes.try_into() {
                return Ok(key);
            }
            tracing::warn!("the key of the compiled code is damaged, a new one is made");
            fs::remove_file(&path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    // Temporary files are made with mode 0600.
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(key)
}

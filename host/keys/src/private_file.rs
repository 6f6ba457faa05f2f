//! Reading files that nobody else may read.

use std::{fs::File, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use zeroize::Zeroizing;

use crate::KeyError;

/// Permissions of group and others.
const OTHERS: u32 = 0o077;

/// The content of a file of at most `limit` bytes. A file that others may read or write is refused: who reads it
/// is the hotkey, who writes it chooses the hotkey.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unreadable = |source| KeyError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of what was opened, not of what has the name by now.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    // All at once: a buffer that grows leaves copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(limit.saturating_add(1)));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > limit {
        return Err(KeyError::TooLong(path.to_owned()));
    }
    Ok(content)
}

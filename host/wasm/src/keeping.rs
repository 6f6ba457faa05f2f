//! What a challenge keeps, as a whole: copied at one moment while it runs, and whether it is in use.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use platform_state::DATABASE;
use tokio::runtime::Handle;

use crate::{ComponentError, Engine, engine::blocking};

/// The data directory in a challenge's directory.
pub const DATA: &str = "data";

impl Engine {
    /// Copies all that is kept in a challenge's directory into another one, which is there and empty and on the same
    /// disk. Whether the challenge runs or not: its database and its blobs are those of one moment, and its files are
    /// copied between two of its calls, byte for byte. The host never reads what a guest has written as a database.
    pub async fn snapshot(&self, dir: &Path, to: &Path) -> Result<(), ComponentError> {
        if dir.join(DATA).is_dir() {
            self.snapshot_files(&dir.join(DATA), &to.join(DATA)).await?;
        }
        if !dir.join(DATABASE).is_file() {
            return Ok(());
        }
        let (engine, dir, to) = (self.clone(), dir.to_owned(), to.to_owned());
        let handle = Handle::current();
        blocking(move || {
            handle.block_on(async {
                // If nobody uses it, nobody minds its limits.
                let limits = &engine.0.limits;
                let limits = limits.state(limits.database_max, limits.blobs_max);
                Ok(engine.0.states.join(&dir, &limits).await?.snapshot(&to).await?)
            })
        })
        .await
    }

    /// Whether a program of this directory is there, or one whose calls have not ended.
    pub fn is_in_use(&self, dir: &Path) -> bool {
        self.0.states.find(dir).is_some() || self.0.data_dirs.is_open(&dir.join(DATA))
    }

    async fn snapshot_files(&self, from: &Path, to: &Path) -> Result<(), ComponentError> {
        let (engine, path) = (self.clone(), from.to_owned());
        let data = blocking(move || engine.0.data_dirs.open(&path)).await?;
        let mut turn = data.turn().await;
        let (from, to) = (from.to_owned(), to.to_owned());
        blocking(move || {
            turn.begin();
            let copied = copy_tree(&from, &to);
            turn.end(&Ok(()));
            copied.map_err(|source| ComponentError::Data { path: from, source })
        })
        .await
    }
}

/// Copies directories and files; links and the like there are none. Where the file system can, nothing is moved.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut pending = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = pending.pop() {
        DirBuilder::new().mode(0o700).create(&to)?;
        for entry in from.read_dir()? {
            let entry = entry?;
            let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                pending.push((entry.path(), to));
            } else if kind.is_file() {
                fs::copy(entry.path(), to)?;
            }
        }
    }
    Ok(())
}

//! What a database holds, as one digest: so that it can be said later from which state an answer came.

use std::time::Duration;

use platform_domain::Digest;
use rusqlite::{Connection, backup::Backup};

use crate::{Bounds, Database, SqlError, limits::MAX_HASHED};

/// What hashing may take, the reading of what is not in memory included.
const HASHING: Duration = Duration::from_secs(5);
const ALL_PAGES: std::ffi::c_int = -1;

impl Database {
    /// SHA-256 of a copy of the database as a reader sees it now, with what is still in its log: the same after the log was
    /// moved, and another one after any change. Blobs are in it by their numbers, which are not used twice. `None` for a
    /// database of more than [`MAX_HASHED`]. Blocks on the disk.
    pub async fn digest(&self) -> Result<Option<Digest>, SqlError> {
        let reader = self.reader().await?;
        reader.trusted(Bounds::wall(HASHING), |sqlite| {
            let number = |pragma| sqlite.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
            let bytes = number("page_count")?.saturating_mul(number("page_size")?);
            if u64::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_HASHED) {
                let mut pages = Connection::open_in_memory()?;
                Backup::new(sqlite, &mut pages)?.step(ALL_PAGES)?;
                Ok(Some(Digest::of(&pages.serialize("main")?)))
            } else {
                Ok(None)
            }
        })
    }
}

//! What the current thread has taken from the allocator, SQLite's memory included: the program's allocator takes
//! the place of C's, so there is one count for both.

use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};

thread_local! {
    /// Taken and given back since the thread began; `None` where another allocator is in use.
    static COUNTERS: Option<[ThreadLocal<u64>; 2]> =
        allocatedp::read().and_then(|taken| Ok([taken, deallocatedp::read()?])).ok();
}

/// Bytes. Less than nothing, wrapped around, when the thread gave back what others had taken.
pub(crate) fn taken() -> u64 {
    COUNTERS.with(|counters| {
        counters
            .as_ref()
            .map_or(0, |[taken, given]| taken.get().wrapping_sub(given.get()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_takes_is_counted() {
        let before = taken();
        let sqlite = rusqlite::Connection::open_in_memory().unwrap();
        let fill = "CREATE TABLE t AS SELECT randomblob(1 << 20) AS x FROM (VALUES (1), (2), (3), (4))";
        sqlite.execute_batch(fill).unwrap();
        let during = taken().wrapping_sub(before).cast_signed();
        assert!((4 << 20..16 << 20).contains(&during), "{during}");
        drop(sqlite);
        let after = taken().wrapping_sub(before).cast_signed();
        assert!(after < 1 << 20, "{after}");
    }
}

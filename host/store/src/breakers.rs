//! The table of breakers: what a restart must not forget. What the numbers mean is decided above.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_domain::Slug;
use rusqlite::{Connection, Row, named_params};

use crate::{StoreError, columns::Columns};

/// The breaker of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerRow {
    /// The challenge.
    pub slug: Slug,
    /// Open until then, to the millisecond, and why; `None` when it is closed.
    pub open: Option<(SystemTime, String)>,
    /// How often the back-off was doubled.
    pub doublings: u32,
    /// How often it opened.
    pub trips: u64,
}

/// Writes a breaker down in place of what was known of it. One whose challenge is gone is not written.
pub fn put(connection: &Connection, row: &BreakerRow) -> Result<(), StoreError> {
    let BreakerRow {
        slug,
        open,
        doublings,
        trips,
    } = row;
    let until = open.as_ref().map(|(until, _)| milliseconds(*until)).transpose()?;
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO breakers (slug, open_until, reason, doublings, trips) \
         SELECT slug, :open_until, :reason, :doublings, :trips FROM challenges WHERE slug = :slug",
    )?;
    statement.execute(named_params! {
        ":slug": slug.as_str(),
        ":open_until": until,
        ":reason": open.as_ref().map(|(_, reason)| reason),
        ":doublings": doublings,
        ":trips": i64::try_from(*trips).unwrap_or(i64::MAX),
    })?;
    Ok(())
}

/// Every breaker that was written down.
pub fn list(connection: &Connection) -> Result<Vec<BreakerRow>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM breakers ORDER BY slug")?;
    let mut rows = statement.query([])?;
    let mut breakers = Vec::new();
    while let Some(row) = rows.next()? {
        breakers.push(read(row)?);
    }
    Ok(breakers)
}

/// Forgets a breaker, if it is known.
pub fn delete(connection: &Connection, slug: &Slug) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM breakers WHERE slug = ?1")?;
    statement.execute([slug.as_str()])?;
    Ok(())
}

fn milliseconds(time: SystemTime) -> Result<i64, StoreError> {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).map_err(|source| StoreError::Value {
        column: "open_until",
        source: source.into(),
    })
}

fn read(row: &Row<'_>) -> Result<BreakerRow, StoreError> {
    let key: String = row.get("slug")?;
    let columns = Columns {
        table: "breaker",
        key: &key,
        row,
    };
    let until: Option<i64> = columns.get("open_until")?;
    // The schema allows nothing below zero, and any number of milliseconds that SQLite can hold is a time.
    let until = until.map(|millis| UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs()));
    let reason: Option<String> = columns.get("reason")?;
    Ok(BreakerRow {
        slug: columns.text("slug")?,
        open: until.zip(reason),
        doublings: columns.get("doublings")?,
        trips: columns.get::<i64>("trips")?.unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, challenges, challenges::tests::challenge};

    fn row(slug: &str, open: bool) -> BreakerRow {
        let until = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        BreakerRow {
            slug: slug.parse().unwrap(),
            open: open.then(|| (until, "5 of 6 calls ended with a crash".to_owned())),
            doublings: 3,
            trips: 7,
        }
    }

    #[tokio::test]
    async fn a_breaker_is_kept_over_a_restart_and_goes_with_its_challenge() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.sqlite3");
        let store = Store::open(&path).unwrap();
        let write = |connection: &Connection| {
            for slug in ["echo", "tsp"] {
                challenges::insert(connection, &challenge(slug))?;
                put(connection, &row(slug, false))?;
            }
            put(connection, &row("tsp", true))?;
            // Deleted while its breaker was on its way here.
            put(connection, &row("gone", true))
        };
        store.write("put", write).await.unwrap();
        drop(store);

        let store = Store::open(&path).unwrap();
        let found = store.read("list", list).await.unwrap();
        assert_eq!(found, [row("echo", false), row("tsp", true)]);
        let forget = |connection: &Connection| {
            delete(connection, &"echo".parse().unwrap())?;
            challenges::delete(connection, &"tsp".parse().unwrap())
        };
        assert!(store.write("forget", forget).await.unwrap());
        assert_eq!(store.read("list", list).await.unwrap(), []);
    }
}

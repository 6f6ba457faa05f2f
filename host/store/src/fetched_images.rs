//! The table of images that engines have because this host had them fetched.

use platform_domain::{GpuServerId, ImageRef, UnixSeconds};
use rusqlite::{Connection, named_params};

use crate::{
    StoreError,
    columns::{Columns, seconds},
};

/// An image that an engine was told to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedImage {
    /// Which engine: a server's, or the host's own.
    pub server: Option<GpuServerId>,
    /// By its digest, with the tag by which it was fetched, if there was one.
    pub image: ImageRef,
    /// When it was fetched, or last asked for.
    pub at: UnixSeconds,
}

/// Adds one, or makes one that is there young again.
pub fn note(connection: &Connection, fetched: &FetchedImage) -> Result<(), StoreError> {
    if touch(connection, fetched)? {
        return Ok(());
    }
    let FetchedImage { server, image, at } = fetched;
    let mut statement = connection.prepare_cached(
        "INSERT INTO fetched_images (server, image, fetched_at) VALUES (:server, :image, :fetched_at)",
    )?;
    statement.execute(named_params! {
        ":server": server.as_ref().map(GpuServerId::as_str),
        ":image": image.to_string(),
        ":fetched_at": seconds("fetched_at", *at)?,
    })?;
    Ok(())
}

/// Makes one young again, if it is there.
pub fn touch(connection: &Connection, fetched: &FetchedImage) -> Result<bool, StoreError> {
    let FetchedImage { server, image, at } = fetched;
    let mut statement = connection.prepare_cached(
        "UPDATE fetched_images SET fetched_at = :fetched_at WHERE server IS :server AND image = :image",
    )?;
    let rows = statement.execute(named_params! {
        ":server": server.as_ref().map(GpuServerId::as_str),
        ":image": image.to_string(),
        ":fetched_at": seconds("fetched_at", *at)?,
    })?;
    Ok(rows > 0)
}

/// All of them, by engine and name.
pub fn list(connection: &Connection) -> Result<Vec<FetchedImage>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM fetched_images ORDER BY ifnull(server, ''), image")?;
    let mut rows = statement.query([])?;
    let mut images = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get("image")?;
        let columns = Columns {
            table: "fetched image",
            key: &key,
            row,
        };
        images.push(FetchedImage {
            server: columns.optional_text("server")?,
            image: columns.text("image")?,
            at: columns.seconds("fetched_at")?,
        });
    }
    Ok(images)
}

/// Forgets one.
pub fn forget(connection: &Connection, fetched: &FetchedImage) -> Result<(), StoreError> {
    let FetchedImage { server, image, at: _ } = fetched;
    let mut statement =
        connection.prepare_cached("DELETE FROM fetched_images WHERE server IS :server AND image = :image")?;
    statement.execute(named_params! {
        ":server": server.as_ref().map(GpuServerId::as_str),
        ":image": image.to_string(),
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu_servers::{self, tests::server},
        migrations::migrate,
    };

    #[test]
    fn an_image_is_noted_once_for_each_engine_and_forgotten_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        migrate(&mut connection).unwrap();
        gpu_servers::insert(&connection, &server("gpu-1", "a100:1", "exclusive")).unwrap();
        let fetched = |server: Option<&str>, image: &str, at| FetchedImage {
            server: server.map(|id| id.parse().unwrap()),
            image: image.parse().unwrap(),
            at: UnixSeconds(at),
        };
        let here = fetched(None, "registry.example/x:1", 1);
        let there = fetched(Some("gpu-1"), "registry.example/x:1", 2);
        assert!(!touch(&connection, &here).unwrap());
        for image in [&here, &there, &here] {
            note(&connection, image).unwrap();
        }
        let later = fetched(None, "registry.example/x:1", 9);
        note(&connection, &later).unwrap();
        assert_eq!(list(&connection).unwrap(), [later.clone(), there.clone()]);
        forget(&connection, &later).unwrap();
        assert_eq!(list(&connection).unwrap(), [there]);
        // A server that is gone keeps nothing.
        connection.execute("DELETE FROM gpu_servers", []).unwrap();
        assert!(list(&connection).unwrap().is_empty());
    }
}

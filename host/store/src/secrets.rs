//! The table of secrets, sealed: what is inside is known above, and never here.

use std::collections::BTreeMap;

use platform_domain::{Digest, Injection, SecretName, SecretUse, Slug, UnixSeconds};
use rusqlite::{Connection, Row, named_params, types::ValueRef};

use crate::{
    StoreError,
    columns::{Columns, seconds},
};

/// A secret of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// The challenge.
    pub slug: Slug,
    /// What it is called.
    pub name: SecretName,
    /// Its value, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
    /// What becomes of it.
    pub usage: SecretUse,
    /// When it was set.
    pub set_at: UnixSeconds,
}

/// Writes a secret in place of the one that has its name.
pub fn put(connection: &Connection, row: &SecretRow) -> Result<(), StoreError> {
    let SecretRow {
        slug,
        name,
        sealed,
        key_id,
        usage,
        set_at,
    } = row;
    let (destination, header) = match usage {
        SecretUse::Reveal => (None, None),
        SecretUse::Inject(injection) => (
            Some(injection.to().to_string()),
            Some(injection.header().to_string()),
        ),
    };
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO secrets (slug, name, sealed, key_id, destination, header, set_at) \
         VALUES (:slug, :name, :sealed, :key_id, :destination, :header, :set_at)",
    )?;
    statement.execute(named_params! {
        ":slug": slug.as_str(),
        ":name": name.as_str(),
        ":sealed": sealed,
        ":key_id": key_id,
        ":destination": destination,
        ":header": header,
        ":set_at": seconds("set_at", *set_at)?,
    })?;
    Ok(())
}

/// The secrets of a challenge, by name.
pub fn of(connection: &Connection, slug: &Slug) -> Result<Vec<SecretRow>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM secrets WHERE slug = ?1 ORDER BY name")?;
    let mut rows = statement.query([slug.as_str()])?;
    let mut secrets = Vec::new();
    while let Some(row) = rows.next()? {
        secrets.push(read(row)?);
    }
    Ok(secrets)
}

/// What the secrets of a challenge are called.
pub fn names(connection: &Connection, slug: &Slug) -> Result<Vec<SecretName>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM secrets WHERE slug = ?1 ORDER BY name")?;
    let names = statement.query_map([slug.as_str()], |row| row.get::<_, String>(0))?;
    // One that is damaged is no name that anybody asks for.
    let names = names.filter_map(|name| name.map(|name| name.parse().ok()).transpose());
    names.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Whether any challenge has a secret.
pub fn any(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM secrets)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Forgets a secret; `false` when there is none of this name.
pub fn delete(connection: &Connection, slug: &Slug, name: &SecretName) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM secrets WHERE slug = ?1 AND name = ?2")?;
    Ok(statement.execute([slug.as_str(), name.as_str()])? > 0)
}

/// For each challenge that has some, what is another one after any change of its secrets. Nothing of a row is understood
/// for that: one that is damaged is found by who reads it, and holds up no other challenge.
pub fn revisions(connection: &Connection) -> Result<BTreeMap<Slug, Digest>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM secrets ORDER BY slug, name")?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut contents = BTreeMap::<Slug, Vec<u8>>::new();
    while let Some(row) = rows.next()? {
        // Without a challenge of that name nobody asks.
        let slug = row
            .get_ref("slug")?
            .as_str()
            .ok()
            .and_then(|slug| slug.parse().ok());
        let Some(slug) = slug else { continue };
        let content = contents.entry(slug).or_default();
        for column in 0..columns {
            append(content, row.get_ref(column)?);
        }
    }
    let revision = |(slug, content): (Slug, Vec<u8>)| (slug, Digest::of(&content));
    Ok(contents.into_iter().map(revision).collect())
}

/// Type, length and bytes: no two rows give the same.
fn append(content: &mut Vec<u8>, value: ValueRef<'_>) {
    let (kind, bytes) = match value {
        ValueRef::Null => (0, &[][..]),
        ValueRef::Integer(number) => return content.extend([&[1][..], &number.to_le_bytes()].concat()),
        ValueRef::Real(number) => return content.extend([&[2][..], &number.to_le_bytes()].concat()),
        ValueRef::Text(bytes) => (3, bytes),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    content.push(kind);
    content.extend(bytes.len().to_le_bytes());
    content.extend(bytes);
}

fn read(row: &Row<'_>) -> Result<SecretRow, StoreError> {
    let (slug, name): (String, String) = (row.get("slug")?, row.get("name")?);
    let key = format!("{slug}/{}", name.escape_debug());
    let columns = Columns {
        table: "secret",
        key: &key,
        row,
    };
    let to = columns.optional_text("destination")?;
    let usage = match to.zip(columns.optional_text("header")?) {
        None => SecretUse::Reveal,
        Some((to, header)) => {
            let injection = Injection::new(to, header);
            SecretUse::Inject(injection.map_err(|source| columns.error("destination", source))?)
        }
    };
    Ok(SecretRow {
        slug: columns.text("slug")?,
        name: columns.text("name")?,
        sealed: columns.get("sealed")?,
        key_id: columns.get("key_id")?,
        usage,
        set_at: columns.seconds("set_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, challenges, challenges::tests::challenge};

    fn row(slug: &str, name: &str, usage: SecretUse) -> SecretRow {
        SecretRow {
            slug: slug.parse().unwrap(),
            name: name.parse().unwrap(),
            sealed: vec![0, 255, 7],
            key_id: "0123456789abcdef".into(),
            usage,
            set_at: UnixSeconds(1_700_000_000),
        }
    }

    fn injected() -> SecretUse {
        let to = "https://*.example.com:8443".parse().unwrap();
        SecretUse::Inject(Injection::new(to, "authorization: Bearer {}".parse().unwrap()).unwrap())
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("host.sqlite3")).unwrap();
        let write = |connection: &Connection| {
            challenges::insert(connection, &challenge("echo"))?;
            challenges::insert(connection, &challenge("tsp"))?;
            put(connection, &row("echo", "B", injected()))?;
            put(connection, &row("echo", "A", SecretUse::Reveal))?;
            put(connection, &row("tsp", "A", SecretUse::Reveal))
        };
        store.write("put", write).await.unwrap();
        (dir, store)
    }

    async fn read_of(store: &Store, slug: &str) -> Result<Vec<SecretRow>, StoreError> {
        let slug = slug.parse().unwrap();
        store.read("of", move |connection| of(connection, &slug)).await
    }

    async fn spoil(store: &Store, sql: &'static str) {
        let spoil = |connection: &Connection| Ok::<_, StoreError>(connection.execute(sql, [])?);
        assert_eq!(store.write("spoil", spoil).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_secret_is_its_challenges_and_goes_with_it() {
        let (_dir, store) = store().await;
        let expected = [row("echo", "A", SecretUse::Reveal), row("echo", "B", injected())];
        assert_eq!(read_of(&store, "echo").await.unwrap(), expected);
        let gone = store
            .write("gone", |connection| {
                put(connection, &row("gone", "A", SecretUse::Reveal))
            })
            .await;
        assert!(
            gone.is_err(),
            "no challenge of this name is there to have a secret"
        );
        let forget = |connection: &Connection| {
            let (echo, a) = ("echo".parse().unwrap(), "A".parse().unwrap());
            assert!(delete(connection, &echo, &a)?);
            assert!(!delete(connection, &echo, &a)?);
            challenges::delete(connection, &"tsp".parse().unwrap())
        };
        store.write("forget", forget).await.unwrap();
        assert_eq!(
            read_of(&store, "echo").await.unwrap(),
            [row("echo", "B", injected())]
        );
        assert_eq!(read_of(&store, "tsp").await.unwrap(), []);
        assert!(store.read("any", any).await.unwrap());
    }

    #[tokio::test]
    async fn any_change_is_another_revision_of_that_challenge_alone() {
        let (_dir, store) = store().await;
        let read = async || store.read("revisions", revisions).await.unwrap();
        let (echo, tsp): (Slug, Slug) = ("echo".parse().unwrap(), "tsp".parse().unwrap());
        let first = read().await;
        assert_eq!(first, read().await);
        let mut seen = vec![first[&echo]];
        for change in [
            "UPDATE secrets SET sealed = x'00ff08' WHERE slug = 'echo' AND name = 'A'",
            "UPDATE secrets SET name = 'C' WHERE slug = 'echo' AND name = 'A'",
            "UPDATE secrets SET header = 'a: {}' WHERE name = 'B'",
            "UPDATE secrets SET destination = NULL, header = NULL WHERE name = 'B'",
            "DELETE FROM secrets WHERE name = 'B'",
        ] {
            spoil(&store, change).await;
            let now = read().await;
            assert!(!seen.contains(&now[&echo]), "{change}");
            seen.push(now[&echo]);
            assert_eq!(now[&tsp], first[&tsp], "{change}");
        }
    }

    #[tokio::test]
    async fn a_damaged_row_is_named_and_holds_up_nobody_else() {
        let (_dir, store) = store().await;
        for (spoilt, column) in [
            (
                "UPDATE secrets SET destination = 'https://' WHERE name = 'B'",
                "destination",
            ),
            // To where everybody could read it.
            (
                "UPDATE secrets SET destination = 'http://example.com' WHERE name = 'B'",
                "destination",
            ),
            (
                "UPDATE secrets SET destination = 'https://a.example', header = 'x' WHERE name = 'B'",
                "header",
            ),
            (
                "UPDATE secrets SET header = 'a: {}', name = 'a b' WHERE name = 'B'",
                "name",
            ),
        ] {
            spoil(&store, spoilt).await;
            let error = read_of(&store, "echo").await.unwrap_err();
            assert!(
                matches!(&error, StoreError::Row { table: "secret", column: found, .. } if *found == column),
                "{error:?}"
            );
            assert_eq!(read_of(&store, "tsp").await.unwrap().len(), 1);
            assert_eq!(store.read("revisions", revisions).await.unwrap().len(), 2);
        }
    }
}

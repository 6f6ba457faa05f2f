//! The table of versions: what each challenge has run.

use platform_domain::{Artifact, Digest, ImageRef, PinnedComponent, Slug, Version};
use rusqlite::{Connection, Row, named_params};

use crate::{
    StoreError,
    columns::{Columns, by_slug, seconds},
};

/// Adds the newest version of a challenge, and forgets all but the newest `kept`.
pub fn add(connection: &Connection, slug: &Slug, version: &Version, kept: u32) -> Result<(), StoreError> {
    let Version {
        artifact,
        version,
        change,
        by,
        at,
    } = version;
    let (reference, manifest, component) = match artifact {
        Artifact::Component(PinnedComponent {
            reference,
            manifest,
            component,
        }) => (reference.to_string(), *manifest, Some(component)),
        Artifact::Image(image) => (image.to_string(), None, None),
    };
    let mut statement = connection.prepare_cached(
        "INSERT INTO versions (slug, change, reference, manifest, component, version, by_whom, made_at) \
         VALUES (:slug, :change, :reference, :manifest, :component, :version, :by_whom, :made_at)",
    )?;
    statement.execute(named_params! {
        ":slug": slug.as_str(),
        ":change": change.as_str(),
        ":reference": reference,
        ":manifest": manifest.map(|digest| digest.to_string()),
        ":component": component.map(ToString::to_string),
        ":version": version,
        ":by_whom": by,
        ":made_at": seconds("made_at", *at)?,
    })?;
    let mut old = connection.prepare_cached(
        "DELETE FROM versions WHERE slug = ?1 AND number <= \
         (SELECT number FROM versions WHERE slug = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
    )?;
    old.execute((slug.as_str(), kept))?;
    Ok(())
}

/// The versions of a challenge, the newest first.
pub fn of(connection: &Connection, slug: &Slug) -> Result<Vec<Version>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM versions WHERE slug = ?1 ORDER BY number DESC")?;
    let mut rows = statement.query([slug.as_str()])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        versions.push(read(row)?);
    }
    Ok(versions)
}

/// The components and manifests of all versions with their challenges: what may be asked for again.
pub fn digests(connection: &Connection) -> Result<Vec<(Slug, Digest)>, StoreError> {
    by_slug(
        connection,
        "version",
        "SELECT slug, component AS what FROM versions WHERE component IS NOT NULL UNION \
         SELECT slug, manifest FROM versions WHERE manifest IS NOT NULL",
    )
}

/// The images of all versions with their challenges, of each challenge the newest first.
pub fn images(connection: &Connection) -> Result<Vec<(Slug, ImageRef)>, StoreError> {
    by_slug(
        connection,
        "version",
        "SELECT slug, reference AS what FROM versions WHERE component IS NULL ORDER BY slug, number DESC",
    )
}

fn read(row: &Row<'_>) -> Result<Version, StoreError> {
    let key = row.get::<_, i64>("number")?.to_string();
    let columns = Columns {
        table: "version",
        key: &key,
        row,
    };
    Ok(Version {
        artifact: match columns.optional_text("component")? {
            Some(component) => Artifact::Component(PinnedComponent {
                reference: columns.text("reference")?,
                manifest: columns.optional_text("manifest")?,
                component,
            }),
            None => Artifact::Image(columns.text("reference")?),
        },
        version: columns.get("version")?,
        change: columns.text("change")?,
        by: columns.get("by_whom")?,
        at: columns.seconds("made_at")?,
    })
}

#[cfg(test)]
mod tests {
    use platform_domain::{Change, UnixSeconds};

    use super::*;
    use crate::{challenges, challenges::tests::challenge, migrations::migrate};

    fn version(component: &str, change: Change) -> Version {
        Version {
            artifact: Artifact::Component(PinnedComponent {
                reference: "oci:/tmp/x:1".parse().unwrap(),
                manifest: Some(Digest::of(b"manifest")),
                component: Digest::of(component.as_bytes()),
            }),
            version: "1.0.0".into(),
            change,
            by: (change != Change::Registered).then(|| "ops".into()),
            at: UnixSeconds(7),
        }
    }

    #[test]
    fn the_newest_versions_are_kept_and_go_with_their_challenge() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        migrate(&mut connection).unwrap();
        let (tsp, echo) = (challenge("tsp"), challenge("echo"));
        for record in [&tsp, &echo] {
            challenges::insert(&connection, record).unwrap();
        }
        let all = [
            version("a", Change::Registered),
            version("b", Change::Updated),
            version("a", Change::RolledBack),
            version("c", Change::Updated),
        ];
        for version in &all {
            add(&connection, &tsp.slug, version, 3).unwrap();
        }
        add(&connection, &echo.slug, &all[0], 3).unwrap();
        let newest: Vec<_> = all[1..].iter().rev().cloned().collect();
        assert_eq!(of(&connection, &tsp.slug).unwrap(), newest);
        assert_eq!(of(&connection, &echo.slug).unwrap().len(), 1);
        let digests = digests(&connection).unwrap().into_iter();
        let digests: Vec<_> = digests.map(|(_, digest)| digest).collect();
        assert!(
            ["a", "b", "c", "manifest"]
                .iter()
                .all(|text| digests.contains(&Digest::of(text.as_bytes())))
        );
        assert!(images(&connection).unwrap().is_empty());
        let image = |text: &str| Version {
            artifact: Artifact::Image(text.parse().unwrap()),
            ..all[0].clone()
        };
        for text in ["registry.example/x:1", "registry.example/x:2"] {
            add(&connection, &echo.slug, &image(text), 3).unwrap();
        }
        assert_eq!(
            of(&connection, &echo.slug).unwrap()[0],
            image("registry.example/x:2")
        );
        let texts: Vec<_> = images(&connection)
            .unwrap()
            .into_iter()
            .map(|(_, image)| image.to_string())
            .collect();
        assert_eq!(texts, ["registry.example/x:2", "registry.example/x:1"]);
        challenges::delete(&connection, &tsp.slug).unwrap();
        assert!(of(&connection, &tsp.slug).unwrap().is_empty());
        assert_eq!(of(&connection, &echo.slug).unwrap().len(), 3);
    }
}

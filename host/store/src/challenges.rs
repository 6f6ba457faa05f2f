//! The table of challenges: whole records in, whole records out. Which changes are allowed is decided above.

use platform_domain::{Artifact, Challenge, PinnedComponent, Slug, TokenHash, TokenHint};
use rusqlite::{Connection, Row, named_params};

use crate::{
    StoreError,
    columns::{Columns, json, seconds},
};

const TABLE: &str = "challenge";

const INSERT: &str = "INSERT INTO challenges (slug, name, artifact_kind, reference, manifest_digest, \
    component_digest, version, emission_percent, status, capabilities, data, resources, volumes, env, secrets, \
    description, metadata, token_hash, token_hint, created_at, updated_at) VALUES (:slug, :name, \
    :artifact_kind, :reference, :manifest_digest, :component_digest, :version, :emission_percent, :status, \
    :capabilities, :data, :resources, :volumes, :env, :secrets, :description, :metadata, :token_hash, \
    :token_hint, :created_at, :updated_at)";

const UPDATE: &str = "UPDATE challenges SET name = :name, artifact_kind = :artifact_kind, \
    reference = :reference, manifest_digest = :manifest_digest, component_digest = :component_digest, \
    version = :version, emission_percent = :emission_percent, status = :status, \
    capabilities = :capabilities, data = :data, resources = :resources, volumes = :volumes, env = :env, \
    secrets = :secrets, description = :description, metadata = :metadata, token_hash = :token_hash, \
    token_hint = :token_hint, created_at = :created_at, updated_at = :updated_at WHERE slug = :slug";

/// Adds a record. A slug that is taken is [`StoreError::ChallengeExists`].
pub fn insert(connection: &Connection, challenge: &Challenge) -> Result<(), StoreError> {
    match write(connection, INSERT, challenge) {
        Err(StoreError::Statement(error)) if is_taken(&error) => {
            Err(StoreError::ChallengeExists(challenge.slug.clone()))
        }
        other => other.map(|_| ()),
    }
}

/// Finds a record.
pub fn get(connection: &Connection, slug: &Slug) -> Result<Option<Challenge>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM challenges WHERE slug = ?1")?;
    let mut rows = statement.query([slug.as_str()])?;
    rows.next()?.map(read).transpose()
}

/// Every record, by slug.
pub fn list(connection: &Connection) -> Result<Vec<Challenge>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM challenges ORDER BY slug")?;
    let mut rows = statement.query([])?;
    let mut challenges = Vec::new();
    while let Some(row) = rows.next()? {
        challenges.push(read(row)?);
    }
    Ok(challenges)
}

/// Replaces the record of the same slug; `false` when there is none.
pub fn update(connection: &Connection, challenge: &Challenge) -> Result<bool, StoreError> {
    write(connection, UPDATE, challenge).map(|rows| rows > 0)
}

/// Removes a record; `false` when there is none.
pub fn delete(connection: &Connection, slug: &Slug) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM challenges WHERE slug = ?1")?;
    Ok(statement.execute([slug.as_str()])? > 0)
}

fn is_taken(error: &rusqlite::Error) -> bool {
    // The primary key is the only constraint that a `Challenge` can violate.
    let primary_key = rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY;
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == primary_key)
}

fn write(connection: &Connection, sql: &str, challenge: &Challenge) -> Result<usize, StoreError> {
    let Challenge {
        slug,
        name,
        artifact,
        version,
        emission_percent,
        status,
        capabilities,
        data,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
        token_hash,
        token_hint,
        created_at,
        updated_at,
    } = challenge;
    let (kind, reference, manifest, component) = match artifact {
        Artifact::Component(PinnedComponent {
            reference,
            manifest,
            component,
        }) => {
            let manifest = manifest.map(|digest| digest.to_string());
            (
                "component",
                reference.to_string(),
                manifest,
                Some(component.to_string()),
            )
        }
        Artifact::Image(image) => ("image", image.to_string(), None, None),
    };
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":slug": slug.as_str(),
        ":name": name,
        ":artifact_kind": kind,
        ":reference": reference,
        ":manifest_digest": manifest,
        ":component_digest": component,
        ":version": version,
        ":emission_percent": emission_percent.to_string(),
        ":status": status.as_str(),
        ":capabilities": json("capabilities", capabilities)?,
        ":data": data.to_string(),
        ":resources": json("resources", resources)?,
        ":volumes": json("volumes", volumes)?,
        ":env": json("env", env)?,
        ":secrets": json("secrets", secrets)?,
        ":description": description,
        ":metadata": json("metadata", metadata)?,
        ":token_hash": token_hash.as_bytes(),
        ":token_hint": token_hint.as_str(),
        ":created_at": seconds("created_at", *created_at)?,
        ":updated_at": seconds("updated_at", *updated_at)?,
    })?)
}

fn read(row: &Row<'_>) -> Result<Challenge, StoreError> {
    let key: String = row.get("slug")?;
    let columns = Columns {
        table: TABLE,
        key: &key,
        row,
    };
    let artifact = match columns.get::<String>("artifact_kind")?.as_str() {
        "component" => Artifact::Component(PinnedComponent {
            reference: columns.text("reference")?,
            manifest: columns.optional_text("manifest_digest")?,
            component: columns.text("component_digest")?,
        }),
        "image" => Artifact::Image(columns.text("reference")?),
        _ => return Err(columns.error("artifact_kind", "neither component nor image")),
    };
    Ok(Challenge {
        slug: columns.text("slug")?,
        name: columns.get("name")?,
        artifact,
        version: columns.get("version")?,
        emission_percent: columns.text("emission_percent")?,
        status: columns.text("status")?,
        capabilities: columns.json("capabilities")?,
        data: columns.text("data")?,
        resources: columns.json("resources")?,
        volumes: columns.json("volumes")?,
        env: columns.json("env")?,
        secrets: columns.json("secrets")?,
        description: columns.get("description")?,
        metadata: columns.json("metadata")?,
        token_hash: TokenHash::from_bytes(columns.get("token_hash")?),
        token_hint: TokenHint::from_stored(columns.get("token_hint")?),
        created_at: columns.seconds("created_at")?,
        updated_at: columns.seconds("updated_at")?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use platform_domain::{Capability, DataMode, Digest, PlainToken, Resources, Status, UnixSeconds};

    use super::*;
    use crate::migrations::migrate;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
    }

    pub(crate) fn challenge(slug: &str) -> Challenge {
        let token = PlainToken::from_random([7; 32]);
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        Challenge {
            slug: slug.parse().unwrap(),
            name: "Tours \u{1f680} 'quoted'".into(),
            artifact: Artifact::Component(PinnedComponent {
                reference: "registry.example/tsp:1".parse().unwrap(),
                manifest: Some(Digest::of(b"manifest")),
                component: Digest::of(b"component"),
            }),
            version: "1.0.0".into(),
            emission_percent: "12.5".parse().unwrap(),
            status: Status::Active,
            capabilities: BTreeSet::from(Capability::ALL),
            data: DataMode::Exclusive,
            resources: Resources::try_from(map("memory", "64MiB")).unwrap(),
            volumes: map("data", "/data"),
            env: map("LEVEL", "debug=1"),
            secrets: BTreeSet::from(["api_key".to_owned()]),
            description: Some("One sentence.".into()),
            metadata: serde_json::from_str(r#"{"a":[1,{"b":null}]}"#).unwrap(),
            token_hash: token.hash(),
            token_hint: token.hint(),
            created_at: UnixSeconds(1),
            updated_at: UnixSeconds(2),
        }
    }

    /// Every field, including the hash that `Debug` hides.
    fn fields(challenge: &Challenge) -> (String, [u8; 32]) {
        (format!("{challenge:?}"), *challenge.token_hash.as_bytes())
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let connection = database();
        let component = challenge("tsp");
        let mut image = challenge("gpu");
        image.artifact = Artifact::Image("registry.example/gpu:1".parse().unwrap());
        image.description = None;
        image.status = Status::Draft;
        let mut file = challenge("local");
        file.artifact = Artifact::Component(PinnedComponent {
            reference: "file:target/x.wasm".parse().unwrap(),
            manifest: None,
            component: Digest::of(b"x"),
        });
        for record in [&component, &image, &file] {
            insert(&connection, record).unwrap();
            let found = get(&connection, &record.slug).unwrap().unwrap();
            assert_eq!(fields(&found), fields(record));
        }
        let slugs: Vec<_> = list(&connection)
            .unwrap()
            .iter()
            .map(|c| c.slug.to_string())
            .collect();
        assert_eq!(slugs, ["gpu", "local", "tsp"]);
    }

    #[test]
    fn a_taken_slug_is_told_apart_from_other_failures() {
        let connection = database();
        insert(&connection, &challenge("tsp")).unwrap();
        let error = insert(&connection, &challenge("tsp")).unwrap_err();
        assert!(matches!(error, StoreError::ChallengeExists(slug) if slug.as_str() == "tsp"));
        connection.execute_batch("DROP TABLE challenges").unwrap();
        assert!(matches!(
            insert(&connection, &challenge("tsp")),
            Err(StoreError::Statement(_))
        ));
        let mut late = challenge("late");
        late.created_at = UnixSeconds(u64::MAX);
        let error = insert(&connection, &late).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Value {
                    column: "created_at",
                    ..
                }
            ),
            "{error:?}"
        );
    }

    #[test]
    fn an_update_replaces_the_whole_record_and_a_delete_removes_it() {
        let connection = database();
        let mut record = challenge("tsp");
        assert!(!update(&connection, &record).unwrap());
        insert(&connection, &record).unwrap();
        insert(&connection, &challenge("other")).unwrap();
        record.status = Status::Disabled;
        record.description = None;
        record.env.clear();
        record.token_hash = PlainToken::from_random([9; 32]).hash();
        assert!(update(&connection, &record).unwrap());
        assert_eq!(
            fields(&get(&connection, &record.slug).unwrap().unwrap()),
            fields(&record)
        );
        let other = challenge("other");
        assert_eq!(
            fields(&get(&connection, &other.slug).unwrap().unwrap()),
            fields(&other)
        );
        assert!(delete(&connection, &record.slug).unwrap());
        assert!(!delete(&connection, &record.slug).unwrap());
        assert!(get(&connection, &record.slug).unwrap().is_none());
    }

    #[test]
    fn a_damaged_row_is_named_with_its_column() {
        for (column, value) in [
            ("emission_percent", "'250'"),
            ("capabilities", "'[\"fly\"]'"),
            ("resources", "'{'"),
            ("env", "'{\"A\":1}'"),
            ("metadata", "'[]'"),
            ("component_digest", "'sha256:00'"),
            ("manifest_digest", "'sha256:00'"),
            ("reference", "''"),
        ] {
            let connection = database();
            insert(&connection, &challenge("tsp")).unwrap();
            connection
                .execute(&format!("UPDATE challenges SET {column} = {value}"), [])
                .unwrap();
            let error = list(&connection).unwrap_err();
            let StoreError::Row {
                table: "challenge",
                key,
                column: named,
                ..
            } = error
            else {
                panic!("{error:?}")
            };
            assert_eq!((key.as_str(), named), ("tsp", column));
        }
    }

    #[test]
    fn the_schema_itself_refuses_what_no_record_can_be() {
        let connection = database();
        insert(&connection, &challenge("tsp")).unwrap();
        for change in [
            "status = 'gone'",
            "data = 'shared'",
            "token_hash = x'00'",
            "component_digest = NULL",
            "created_at = -1",
            "name = NULL",
            "updated_at = 'now'",
        ] {
            assert!(
                connection
                    .execute(&format!("UPDATE challenges SET {change}"), [])
                    .is_err(),
                "{change}"
            );
        }
    }
}

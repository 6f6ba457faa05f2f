//! The table of challenges: whole records in, whole records out. Which changes are allowed is decided above.

use platform_domain::{Artifact, Challenge, PinnedComponent, Slug, Status, TokenHash, TokenHint};
use rusqlite::{Connection, Row, named_params};

use crate::{
    StoreError,
    columns::{Columns, json, seconds},
    gpu_leases,
};

const TABLE: &str = "challenge";

const INSERT: &str = "INSERT INTO challenges (slug, name, artifact_kind, reference, manifest_digest, \
    component_digest, fallback_image, version, emission_percent, on_failure, serving, status, capabilities, data, instances, grants, outbound, trust, follow, \
    loosened, resources, volumes, env, secrets, description, metadata, token_hash, token_hint, created_at, updated_at) VALUES (:slug, :name, \
    :artifact_kind, :reference, :manifest_digest, :component_digest, :fallback_image, :version, :emission_percent, :on_failure, :serving, :status, \
    :capabilities, :data, :instances, :grants, :outbound, :trust, :follow, :loosened, :resources, :volumes, :env, :secrets, :description, \
    :metadata, :token_hash, :token_hint, :created_at, :updated_at)";

const UPDATE: &str = "UPDATE challenges SET name = :name, artifact_kind = :artifact_kind, \
    reference = :reference, manifest_digest = :manifest_digest, component_digest = :component_digest, fallback_image = :fallback_image, \
    version = :version, emission_percent = :emission_percent, on_failure = :on_failure, serving = :serving, status = :status, \
    capabilities = :capabilities, data = :data, instances = :instances, grants = :grants, outbound = :outbound, trust = :trust, follow = :follow, \
    loosened = :loosened, resources = :resources, \
    volumes = :volumes, env = :env, secrets = :secrets, description = :description, metadata = :metadata, \
    token_hash = :token_hash, token_hint = :token_hint, created_at = :created_at, updated_at = :updated_at \
    WHERE slug = :slug";

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

/// Where every challenge is meant to stand, by slug: for those who ask often and need no more.
pub fn statuses(connection: &Connection) -> Result<Vec<(Slug, Status)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT slug, status FROM challenges ORDER BY slug")?;
    let mut rows = statement.query([])?;
    let mut statuses = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get("slug")?;
        let columns = Columns {
            table: TABLE,
            key: &key,
            row,
        };
        statuses.push((columns.text("slug")?, columns.text("status")?));
    }
    Ok(statuses)
}

/// Replaces the record of the same slug; `false` when there is none.
pub fn update(connection: &Connection, challenge: &Challenge) -> Result<bool, StoreError> {
    write(connection, UPDATE, challenge).map(|rows| rows > 0)
}

/// Whether there is one.
pub(crate) fn exists(connection: &Connection, slug: &Slug) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM challenges WHERE slug = ?1)")?;
    Ok(statement.query_row([slug.as_str()], |row| row.get(0))?)
}

/// Removes a record; `false` when there is none. One that has leases of GPUs is [`StoreError::ChallengeHasGpus`]: its
/// container may run, and the GPUs would be given to another.
pub fn delete(connection: &Connection, slug: &Slug) -> Result<bool, StoreError> {
    let leases = gpu_leases::of_challenge(connection, slug)?;
    if !leases.is_empty() {
        let servers = leases.into_iter().map(|lease| lease.server).collect();
        let slug = slug.clone();
        return Err(StoreError::ChallengeHasGpus { slug, servers });
    }
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
        fallback,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
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
        ":fallback_image": fallback.as_ref().map(ToString::to_string),
        ":version": version,
        ":emission_percent": emission_percent.to_string(),
        ":on_failure": on_failure.to_string(),
        ":serving": json("serving", serving)?,
        ":status": status.as_str(),
        ":capabilities": json("capabilities", capabilities)?,
        ":data": data.to_string(),
        ":instances": instances.to_string(),
        ":grants": json("grants", grants)?,
        ":outbound": json("outbound", outbound)?,
        ":trust": trust.as_ref().map(ToString::to_string),
        ":follow": follow,
        ":loosened": json("loosened", loosened)?,
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
        fallback: columns.optional_text("fallback_image")?,
        version: columns.get("version")?,
        emission_percent: columns.text("emission_percent")?,
        on_failure: columns.text("on_failure")?,
        serving: columns.json("serving")?,
        status: columns.text("status")?,
        capabilities: columns.json("capabilities")?,
        data: columns.text("data")?,
        instances: columns.text("instances")?,
        grants: columns.json("grants")?,
        outbound: columns.json("outbound")?,
        trust: columns.optional_text("trust")?,
        follow: columns.get("follow")?,
        loosened: columns.json("loosened")?,
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
pub(crate) mod tests;

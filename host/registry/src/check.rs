//! Whether a record is acceptable as a whole. Every field is enforced by something or refused here, so
//! that none is silently without effect.

use std::collections::BTreeMap;

use platform_domain::{Artifact, Capability, Challenge, FailureRule, Instances, MAX_CORS_ORIGINS};
use platform_wasm::Limits;

use crate::{FieldError, limits};

mod containers;

const CONTAINERS_ONLY: &str = "applies to container challenges";
const NO_ROUTES: &str =
    "kept instances answer routes only, and a challenge without the capability proxy_routes has none";

/// Checks everything that can be told from the record alone.
pub(crate) fn record(host: &Limits, challenge: &Challenge) -> Result<(), FieldError> {
    let Challenge {
        slug: _,
        name,
        artifact,
        fallback,
        version,
        emission_percent,
        on_failure,
        serving,
        status: _,
        capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened: _,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
        token_hash: _,
        token_hint: _,
        created_at: _,
        updated_at: _,
    } = challenge;
    line("name", name, limits::MAX_NAME)?;
    line("version", version, limits::MAX_VERSION)?;
    if let Some(description) = description {
        text("description", description, limits::MAX_DESCRIPTION)?;
    }
    if !emission_percent.is_zero() && !capabilities.contains(&Capability::GetWeights) {
        let reason = "a challenge without the capability get_weights takes no part in the emission";
        return Err(FieldError::new("emission_percent", reason));
    }
    if *on_failure != FailureRule::ZERO && !capabilities.contains(&Capability::GetWeights) {
        let reason = "a challenge without the capability get_weights is not asked for any, and cannot fail to give them";
        return Err(FieldError::new("on_failure", reason));
    }
    if !serving.is_default() && !capabilities.contains(&Capability::ProxyRoutes) {
        let reason = "a challenge without the capability proxy_routes is not served";
        return Err(FieldError::new("serving", reason));
    }
    if serving.cors_origins.len() > MAX_CORS_ORIGINS {
        let reason = format!(
            "at most {MAX_CORS_ORIGINS} origins, these are {}",
            serving.cors_origins.len()
        );
        return Err(FieldError::new("serving.cors_origins", reason));
    }
    environment(env)?;
    let size = serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len());
    if size > limits::MAX_METADATA_BYTES {
        let reason = format!(
            "metadata has at most {} bytes as JSON, this has {size}",
            limits::MAX_METADATA_BYTES
        );
        return Err(FieldError::new("metadata", reason));
    }
    names("secrets", secrets.iter())?;
    let moves = match artifact {
        Artifact::Component(pinned) => pinned.reference.can_move(),
        Artifact::Image(image) => image.moving().is_some(),
    };
    if *follow && !moves {
        let reason = "a digest does not move, and a file has no tag; register it by its tag alone";
        return Err(FieldError::new("follow", reason));
    }
    if outbound.len() > limits::MAX_OUTBOUND {
        let reason = format!(
            "at most {} hosts, these are {}",
            limits::MAX_OUTBOUND,
            outbound.len()
        );
        return Err(FieldError::new("outbound", reason));
    }
    match artifact {
        Artifact::Component(_) => {
            if serving.address.is_some() {
                return Err(FieldError::new("serving.address", CONTAINERS_ONLY));
            }
            limits::check_instances(host, "instances", *data, *instances)?;
            if *instances != Instances::PerCall && !capabilities.contains(&Capability::ProxyRoutes) {
                return Err(FieldError::new("instances", NO_ROUTES));
            }
            if let Some(memory) = resources.memory {
                limits::check_memory(host, "resources.memory", memory)?;
            }
            if let Some(disk) = resources.disk {
                limits::check_disk(host, "resources.disk", disk)?;
            }
            if let Some(database) = resources.database {
                limits::check_database(host, "resources.database", database)?;
            }
            if let Some(blobs) = resources.blobs {
                limits::check_blobs(host, "resources.blobs", blobs)?;
            }
            if fallback.is_some() {
                // They are for its container.
                containers::mount_points(volumes, *data)?;
            } else {
                containers::none(challenge)?;
            }
        }
        Artifact::Image(_) => {
            if *instances != Instances::PerCall {
                return Err(FieldError::new("instances", "applies to components"));
            }
            if !grants.is_empty() {
                return Err(FieldError::new("grants", "a container imports nothing"));
            }
            if !outbound.is_empty() {
                return Err(FieldError::new("outbound", "applies to components"));
            }
            if trust.is_some() {
                return Err(FieldError::new("trust", "applies to components"));
            }
            if fallback.is_some() {
                return Err(FieldError::new("fallback_image", "applies to components"));
            }
            for (field, size) in [
                ("resources.disk", resources.disk),
                ("resources.database", resources.database),
                ("resources.blobs", resources.blobs),
            ] {
                if size.is_some() {
                    return Err(FieldError::new(field, "applies to components"));
                }
            }
            containers::mount_points(volumes, *data)?;
            if serving.address.is_some() {
                containers::elsewhere(challenge)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn text(field: &str, value: &str, most: usize) -> Result<(), FieldError> {
    let length = value.chars().count();
    if length > most {
        return Err(FieldError::new(
            field,
            format!("at most {most} characters, this has {length}"),
        ));
    }
    if value.chars().any(|c| c.is_control() && c != '\n') {
        return Err(FieldError::new(field, "no control characters"));
    }
    Ok(())
}

fn line(field: &str, value: &str, most: usize) -> Result<(), FieldError> {
    if value.trim().is_empty() {
        return Err(FieldError::new(field, "must not be empty"));
    }
    if value.contains('\n') {
        return Err(FieldError::new(field, "one line only"));
    }
    text(field, value, most)
}

fn environment(env: &BTreeMap<String, String>) -> Result<(), FieldError> {
    if env.len() > limits::MAX_ENV_ENTRIES {
        let reason = format!(
            "at most {} variables, these are {}",
            limits::MAX_ENV_ENTRIES,
            env.len()
        );
        return Err(FieldError::new("env", reason));
    }
    for (key, value) in env {
        // The key is shown shortened and escaped: it is the part that may be wrong.
        let field = || format!("env.{}", key.escape_debug().take(40).collect::<String>());
        if key.is_empty() || key.len() > limits::MAX_ENV_KEY || key.contains(['=', '\0']) {
            let reason = format!(
                "a variable's name has 1 to {} bytes, no = and no NUL",
                limits::MAX_ENV_KEY
            );
            return Err(FieldError::new(field(), reason));
        }
        if value.contains('\0') {
            return Err(FieldError::new(field(), "a variable's value has no NUL"));
        }
    }
    let size: usize = env.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > limits::MAX_ENV_BYTES {
        let reason = format!(
            "all variables have at most {} bytes together, these have {size}",
            limits::MAX_ENV_BYTES
        );
        return Err(FieldError::new("env", reason));
    }
    Ok(())
}

fn names<'a>(field: &str, names: impl ExactSizeIterator<Item = &'a String>) -> Result<(), FieldError> {
    if names.len() > limits::MAX_NAMES {
        return Err(FieldError::new(
            field,
            format!("at most {} of them", limits::MAX_NAMES),
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    for name in names {
        let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        if !first || !name.chars().all(allowed) || name.len() > limits::MAX_NAME_BYTES {
            let reason = "a name begins with a letter or digit and consists of A-Z a-z 0-9 . _ -";
            return Err(FieldError::new(field, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use platform_domain::{
        DataMode, Digest, OutboundRule, PinnedComponent, PlainToken, Resources, Status, UnixSeconds,
    };

    use super::*;

    pub(crate) fn component(slug: &str) -> Challenge {
        let token = PlainToken::from_random([7; 32]);
        Challenge {
            slug: slug.parse().unwrap(),
            name: "Echo".into(),
            artifact: Artifact::Component(PinnedComponent {
                reference: "file:echo.wasm".parse().unwrap(),
                manifest: None,
                component: Digest::of(slug.as_bytes()),
            }),
            fallback: None,
            version: "1.0.0".into(),
            emission_percent: "10".parse().unwrap(),
            on_failure: FailureRule::ZERO,
            serving: Default::default(),
            status: Status::Active,
            capabilities: BTreeSet::from(Capability::USUAL),
            data: DataMode::None,
            instances: Instances::PerCall,
            grants: BTreeSet::new(),
            outbound: BTreeSet::new(),
            trust: None,
            follow: false,
            loosened: BTreeSet::new(),
            resources: Resources::default(),
            volumes: BTreeMap::new(),
            env: BTreeMap::new(),
            secrets: BTreeSet::new(),
            description: None,
            metadata: serde_json::Map::new(),
            token_hash: token.hash(),
            token_hint: token.hint(),
            created_at: UnixSeconds(1),
            updated_at: UnixSeconds(1),
        }
    }

    fn image() -> Challenge {
        let artifact = Artifact::Image("registry.example/gpu:1".parse().unwrap());
        Challenge {
            artifact,
            ..component("gpu")
        }
    }

    fn hosts(count: usize) -> BTreeSet<OutboundRule> {
        let host = |n| format!("https://h{n}.example.com").parse().unwrap();
        (0..count).map(host).collect()
    }

    fn map(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    fn warm(idle: &str) -> Instances {
        format!("warm({idle})").parse().unwrap()
    }

    type Edit = fn(&mut Challenge);

    #[test]
    fn a_field_that_is_not_acceptable_is_named() {
        let table: &[(Edit, &str)] = &[
            (|c| c.name.clear(), "name"),
            (|c| c.name = " ".into(), "name"),
            (|c| c.name = "a\nb".into(), "name"),
            (|c| c.name = "\u{1b}[31m".into(), "name"),
            (|c| c.name = "é".repeat(201), "name"),
            (|c| c.version = String::new(), "version"),
            (|c| c.description = Some("x".repeat(2001)), "description"),
            (
                |c| {
                    c.capabilities.remove(&Capability::GetWeights);
                },
                "emission_percent",
            ),
            (|c| c.env = map("", "x"), "env."),
            (|c| c.env = map("A=B", "x"), "env.A=B"),
            (|c| c.env = map("A\0", "x"), "env.A\\0"),
            (|c| c.env = map("A", "x\0"), "env.A"),
            (
                |c| c.env = map(&"A".repeat(257), "x"),
                &format!("env.{}", "A".repeat(40)),
            ),
            (|c| c.env = map("A", &"x".repeat(64 << 10)), "env"),
            (
                |c| c.env = (0..257).map(|n| (n.to_string(), String::new())).collect(),
                "env",
            ),
            (
                |c| drop(c.metadata.insert("a".into(), "x".repeat(64 << 10).into())),
                "metadata",
            ),
            (
                |c| c.resources = Resources::try_from(map("memory", "2GiB")).unwrap(),
                "resources.memory",
            ),
            (
                |c| c.resources = Resources::try_from(map("disk", "17GiB")).unwrap(),
                "resources.disk",
            ),
            (
                |c| c.resources = Resources::try_from(map("cpus", "1")).unwrap(),
                "resources.cpu",
            ),
            (
                |c| c.resources = Resources::try_from(map("pids", "64")).unwrap(),
                "resources.pids",
            ),
            (
                |c| c.resources = Resources::try_from(map("shm", "64MiB")).unwrap(),
                "resources.shm",
            ),
            (
                |c| c.resources = Resources::try_from(map("gpu_count", "1")).unwrap(),
                "resources.gpu_count",
            ),
            (
                |c| c.resources = Resources::try_from(map("database", "17GiB")).unwrap(),
                "resources.database",
            ),
            (
                |c| c.resources = Resources::try_from(map("blobs", "17GiB")).unwrap(),
                "resources.blobs",
            ),
            (|c| c.instances = warm("17"), "instances"),
            (
                |c| {
                    c.data = DataMode::Exclusive;
                    c.instances = warm("2");
                },
                "instances",
            ),
            (
                |c| {
                    c.capabilities.remove(&Capability::ProxyRoutes);
                    c.instances = warm("1");
                },
                "instances",
            ),
            (
                |c| {
                    c.emission_percent = "0".parse().unwrap();
                    c.on_failure = "primary".parse().unwrap();
                    c.capabilities.remove(&Capability::GetWeights);
                },
                "on_failure",
            ),
            (|c| c.outbound = hosts(65), "outbound"),
            (|c| c.volumes = map("data", "/data"), "volumes"),
            (
                |c| {
                    c.secrets.insert("a key".into());
                },
                "secrets",
            ),
        ];
        for (edit, field) in table {
            let mut challenge = component("echo");
            edit(&mut challenge);
            assert_eq!(record(&Limits::default(), &challenge).unwrap_err().field, *field);
        }
        let table: &[(Edit, &str)] = &[
            (|c| c.instances = warm("1"), "instances"),
            (
                |c| {
                    c.grants.insert(platform_domain::Grant::Kv);
                },
                "grants",
            ),
            (|c| c.outbound = hosts(1), "outbound"),
            (
                |c| c.resources = Resources::try_from(map("database", "1GiB")).unwrap(),
                "resources.database",
            ),
            (|c| c.volumes = map("a b", "/data"), "volumes"),
            (|c| c.volumes = map("data", "data"), "volumes.data"),
            (|c| c.volumes = map("data", "/a/../etc"), "volumes.data"),
            (|c| c.volumes = map("data", "/"), "volumes.data"),
            (
                |c| {
                    c.secrets.insert("../x".into());
                },
                "secrets",
            ),
            (
                |c| c.secrets = (0..65).map(|n| n.to_string()).collect(),
                "secrets",
            ),
        ];
        for (edit, field) in table {
            let mut challenge = image();
            edit(&mut challenge);
            assert_eq!(record(&Limits::default(), &challenge).unwrap_err().field, *field);
        }
    }

    #[test]
    fn an_ordinary_record_is_acceptable() {
        let mut challenge = component("echo");
        challenge.env = map("LEVEL", "a=b");
        challenge.instances = warm("16");
        challenge.resources = Resources::try_from(map("memory", "64MiB")).unwrap();
        challenge.description = Some("Two\nlines".into());
        assert_eq!(record(&Limits::default(), &challenge), Ok(()));
        challenge.on_failure = "primary,last-good:2".parse().unwrap();
        assert_eq!(record(&Limits::default(), &challenge), Ok(()));
        let mut challenge = image();
        challenge.volumes = map("data", "/data/x");
        challenge.secrets = BTreeSet::from(["api_key".into()]);
        challenge.resources = Resources::try_from(map("gpu_count", "1")).unwrap();
        assert_eq!(record(&Limits::default(), &challenge), Ok(()));
        challenge.capabilities = BTreeSet::from([Capability::ProxyRoutes]);
        challenge.emission_percent = "0".parse().unwrap();
        assert_eq!(record(&Limits::default(), &challenge), Ok(()));
    }
}

//! How large a record may be, each with its reason, and what a program is granted within the host's limits.

use std::{ops::RangeInclusive, time::Duration};

use platform_domain::{ByteSize, DataMode, Instances, Manifest, Resources};
use platform_wasm::Limits;

use crate::FieldError;

/// One page of WebAssembly; less cannot be had.
pub(crate) const MIN_MEMORY: ByteSize = ByteSize(64 << 10);
/// A handful of files; who wants less keeps no files.
pub(crate) const MIN_DISK: ByteSize = ByteSize(64 << 10);

/// The tables of the host and a few of the challenge.
pub(crate) const MIN_DATABASE: ByteSize = ByteSize(256 << 10);

/// A name is one line in a list.
pub(crate) const MAX_NAME: usize = 200;
/// Longer than any sane version, including build metadata.
pub(crate) const MAX_VERSION: usize = 100;
/// One sentence, or a few.
pub(crate) const MAX_DESCRIPTION: usize = 2000;
/// Configuration, not data; the environment is copied into every instance.
pub(crate) const MAX_ENV_ENTRIES: usize = 256;
/// Names of variables are short.
pub(crate) const MAX_ENV_KEY: usize = 256;
/// Keys and values of all variables together, for the same reason.
pub(crate) const MAX_ENV_BYTES: usize = 64 << 10;
/// As JSON. A note to the operator's tools, not a store.
pub(crate) const MAX_METADATA_BYTES: usize = 64 << 10;
/// Hosts that a challenge may speak to: a handful, and every request is compared with each.
pub(crate) const MAX_OUTBOUND: usize = 64;
/// Versions of a challenge that are remembered, and can be gone back to: more than anyone goes back.
pub(crate) const MAX_VERSIONS: u32 = 50;
/// Who made a version: a name, in characters.
pub(crate) const MAX_BY_CHARS: usize = 64;
/// Secrets of one challenge: a handful, and each start opens all of them.
pub(crate) const MAX_SECRETS: usize = 32;
/// A value of a secret: a key with its chain of certificates, not a file.
pub(crate) const MAX_SECRET_BYTES: usize = 4 << 10;
/// Volumes and secrets of one container.
pub(crate) const MAX_NAMES: usize = 64;
/// A name of a volume or secret, or a path in a container.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// Servers with GPUs: a host that has more is several hosts. All of them are looked at for each container that is started.
pub(crate) const MAX_GPU_SERVERS: usize = 64;
/// Certificates of an engine's authority, of the host with those between, and a key: a chain of a dozen has half of it.
pub(crate) const MAX_CERTIFICATE_BYTES: usize = 32 << 10;
/// An engine that does not answer is asked once more after this: a daemon that restarts is back by then or was really gone.
pub(crate) const GPU_SERVER_SECOND_TRY: Duration = Duration::from_secs(1);
/// A certificate that ends so soon is worth a word: time enough to make another, also over holidays.
pub(crate) const CERTIFICATE_WARNING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What a program is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) memory: ByteSize,
    pub(crate) disk: ByteSize,
    pub(crate) database: ByteSize,
    pub(crate) blobs: ByteSize,
    pub(crate) route_deadline: Duration,
    pub(crate) weights_deadline: Duration,
}

impl Granted {
    /// What the operator states wins over what the manifest asks for, which wins over the defaults. Too much is
    /// refused, not cut: a component that asks for more than it gets would fail later and less clearly.
    pub(crate) fn new(
        limits: &Limits,
        resources: &Resources,
        manifest: Option<&Manifest>,
    ) -> Result<Self, FieldError> {
        let asked = manifest
            .map(|manifest| manifest.limits.clone())
            .unwrap_or_default();
        let memory = match (resources.memory, asked.memory) {
            (Some(memory), _) => check_memory(limits, "resources.memory", memory)?,
            (None, Some(memory)) => check_memory(limits, "manifest.limits.memory", memory)?,
            (None, None) => limits.memory,
        };
        let disk = match (resources.disk, asked.disk) {
            (Some(disk), _) => check_disk(limits, "resources.disk", disk)?,
            (None, Some(disk)) => check_disk(limits, "manifest.limits.disk", disk)?,
            (None, None) => limits.data,
        };
        let database = match (resources.database, asked.database) {
            (Some(database), _) => check_database(limits, "resources.database", database)?,
            (None, Some(database)) => check_database(limits, "manifest.limits.database", database)?,
            (None, None) => limits.database,
        };
        let blobs = match (resources.blobs, asked.blobs) {
            (Some(blobs), _) => check_blobs(limits, "resources.blobs", blobs)?,
            (None, Some(blobs)) => check_blobs(limits, "manifest.limits.blobs", blobs)?,
            (None, None) => limits.blobs,
        };
        let deadline = |field, asked: Option<u64>, default, most| match asked {
            Some(asked) if !(1..=most).contains(&asked) => {
                let reason = format!("a deadline on this host lies between 1 and {most} milliseconds");
                Err(FieldError::new(field, reason))
            }
            asked => Ok(Duration::from_millis(asked.unwrap_or(default))),
        };
        let (route, weights) = ("manifest.limits.route_ms", "manifest.limits.weights_ms");
        Ok(Self {
            memory,
            disk,
            database,
            blobs,
            route_deadline: deadline(route, asked.route_ms, limits.route_ms, limits.route_max_ms)?,
            weights_deadline: deadline(
                weights,
                asked.weights_ms,
                limits.weights_ms,
                limits.weights_max_ms,
            )?,
        })
    }
}

/// Whether so many idle instances may be kept.
pub(crate) fn check_instances(
    limits: &Limits,
    field: &str,
    data: DataMode,
    instances: Instances,
) -> Result<Instances, FieldError> {
    let Instances::Warm(warm) = instances else {
        return Ok(instances);
    };
    let idle = u64::from(warm.idle.get());
    let reason = match data {
        // A second one would never be used.
        DataMode::Exclusive if idle > 1 => {
            "a challenge that keeps files is called one at a time and has 1 idle instance at most".to_owned()
        }
        _ if idle > limits.warm_idle => format!(
            "idle instances of one challenge on this host lie between 1 and {}",
            limits.warm_idle
        ),
        _ => return Ok(instances),
    };
    Err(FieldError::new(field, reason))
}

pub(crate) fn check_memory(limits: &Limits, field: &str, memory: ByteSize) -> Result<ByteSize, FieldError> {
    check_size("memory", field, memory, MIN_MEMORY..=limits.memory_max)
}

pub(crate) fn check_disk(limits: &Limits, field: &str, disk: ByteSize) -> Result<ByteSize, FieldError> {
    check_size("disk space", field, disk, MIN_DISK..=limits.data_max)
}

pub(crate) fn check_database(
    limits: &Limits,
    field: &str,
    database: ByteSize,
) -> Result<ByteSize, FieldError> {
    check_size("a database", field, database, MIN_DATABASE..=limits.database_max)
}

pub(crate) fn check_blobs(limits: &Limits, field: &str, blobs: ByteSize) -> Result<ByteSize, FieldError> {
    check_size("blobs", field, blobs, MIN_DISK..=limits.blobs_max)
}

fn check_size(
    what: &str,
    field: &str,
    size: ByteSize,
    range: RangeInclusive<ByteSize>,
) -> Result<ByteSize, FieldError> {
    if range.contains(&size) {
        return Ok(size);
    }
    let (least, most) = range.into_inner();
    let reason = format!("{what} on this host lies between {least} and {most}");
    Err(FieldError::new(field, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(memory: Option<&str>, limits: &str) -> Result<(u64, u128, u128), String> {
        let resources = Resources {
            memory: memory.map(|text| text.parse().unwrap()),
            ..Resources::default()
        };
        let manifest = format!(r#"{{"name":"echo","version":"1","limits":{limits}}}"#);
        let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
        Granted::new(&Limits::default(), &resources, Some(&manifest))
            .map(|it| {
                (
                    it.memory.0 >> 20,
                    it.route_deadline.as_millis(),
                    it.weights_deadline.as_millis(),
                )
            })
            .map_err(|error| error.field)
    }

    #[test]
    fn idle_instances_are_as_many_as_the_host_and_the_way_of_calling_allow() {
        for (data, text, refused) in [
            (DataMode::None, "per-call", None),
            (DataMode::None, "warm(16)", None),
            (DataMode::None, "warm(17)", Some("between 1 and 16")),
            (DataMode::None, "warm(4294967295)", Some("between 1 and 16")),
            (DataMode::Exclusive, "per-call", None),
            (DataMode::Exclusive, "warm(1, 4294967295, 86400s)", None),
            (DataMode::Exclusive, "warm(2)", Some("1 idle instance at most")),
        ] {
            let found = check_instances(&Limits::default(), "instances", data, text.parse().unwrap());
            let reason = found.err().map(|error| error.reason);
            assert_eq!(reason.is_some(), refused.is_some(), "{data} {text}: {reason:?}");
            assert!(
                refused.is_none_or(|part| reason.unwrap().contains(part)),
                "{data} {text}"
            );
        }
    }

    #[test]
    fn the_operator_wins_over_the_manifest_and_the_host_over_both() {
        assert_eq!(granted(None, "{}"), Ok((256, 10_000, 60_000)));
        assert_eq!(
            granted(None, r#"{"memory":"8MiB","route_ms":1,"weights_ms":600000}"#),
            Ok((8, 1, 600_000))
        );
        assert_eq!(
            granted(Some("1GiB"), r#"{"memory":"8MiB"}"#),
            Ok((1024, 10_000, 60_000))
        );
        assert_eq!(
            granted(Some("16MiB"), r#"{"memory":"8GiB"}"#),
            Ok((16, 10_000, 60_000))
        );
        for (memory, limits, field) in [
            (Some("1025MiB"), "{}", "resources.memory"),
            (Some("1KiB"), "{}", "resources.memory"),
            (None, r#"{"memory":"8GiB"}"#, "manifest.limits.memory"),
            (None, r#"{"route_ms":0}"#, "manifest.limits.route_ms"),
            (None, r#"{"route_ms":60001}"#, "manifest.limits.route_ms"),
            (
                None,
                r#"{"weights_ms":18446744073709551615}"#,
                "manifest.limits.weights_ms",
            ),
        ] {
            assert_eq!(granted(memory, limits), Err(field.to_owned()));
        }
        let disk = |disk: Option<&str>, limits: &str| {
            let resources = Resources {
                disk: disk.map(|text| text.parse().unwrap()),
                ..Resources::default()
            };
            let manifest = format!(r#"{{"name":"echo","version":"1","limits":{limits}}}"#);
            let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
            let granted = Granted::new(&Limits::default(), &resources, Some(&manifest));
            granted.map(|it| it.disk.0 >> 20).map_err(|error| error.field)
        };
        assert_eq!(disk(None, "{}"), Ok(1024));
        assert_eq!(disk(None, r#"{"disk":"2GiB"}"#), Ok(2048));
        assert_eq!(disk(Some("16GiB"), r#"{"disk":"2GiB"}"#), Ok(16 << 10));
        assert_eq!(disk(Some("17GiB"), "{}"), Err("resources.disk".to_owned()));
        assert_eq!(disk(Some("1KiB"), "{}"), Err("resources.disk".to_owned()));
        assert_eq!(
            disk(None, r#"{"disk":"17GiB"}"#),
            Err("manifest.limits.disk".to_owned())
        );
        let database = |database: Option<&str>, limits: &str| {
            let resources = Resources {
                database: database.map(|text| text.parse().unwrap()),
                ..Resources::default()
            };
            let manifest = format!(r#"{{"name":"echo","version":"1","limits":{limits}}}"#);
            let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
            let granted = Granted::new(&Limits::default(), &resources, Some(&manifest));
            granted.map(|it| it.database.0 >> 20).map_err(|error| error.field)
        };
        assert_eq!(database(None, "{}"), Ok(1024));
        assert_eq!(database(None, r#"{"database":"2GiB"}"#), Ok(2048));
        assert_eq!(database(Some("16GiB"), r#"{"database":"2GiB"}"#), Ok(16 << 10));
        assert_eq!(
            database(Some("17GiB"), "{}"),
            Err("resources.database".to_owned())
        );
        assert_eq!(
            database(Some("128KiB"), "{}"),
            Err("resources.database".to_owned())
        );
        assert_eq!(
            database(None, r#"{"database":"17GiB"}"#),
            Err("manifest.limits.database".to_owned())
        );
        assert_eq!(
            Granted::new(&Limits::default(), &Resources::default(), None).map(|it| it.memory),
            Ok(ByteSize(256 << 20))
        );
    }
}

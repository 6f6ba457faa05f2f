//! What a record says of its container, and whether anybody enforces it.

use std::collections::BTreeMap;

use platform_docker::MountPoint;
use platform_domain::{Challenge, DataMode, Resources};

use super::{CONTAINERS_ONLY, names};
use crate::FieldError;

const ELSEWHERE: &str =
    "somebody else runs this container, at serving.address, and this host cannot see to it";
/// Where a container keeps what it keeps.
const DATA: &str = "/data";

/// What only a container can have, of a challenge that never has one.
pub(super) fn none(challenge: &Challenge) -> Result<(), FieldError> {
    let Resources {
        memory: _,
        disk: _,
        database: _,
        blobs: _,
        cpu,
        pids,
        shm,
        gpu,
    } = &challenge.resources;
    let gpu = gpu.as_ref().map(|gpu| format!("resources.{}", gpu.key()));
    let given = [
        cpu.map(|_| "resources.cpu".to_owned()),
        pids.map(|_| "resources.pids".to_owned()),
        shm.map(|_| "resources.shm".to_owned()),
        gpu,
        (!challenge.volumes.is_empty()).then(|| "volumes".to_owned()),
        (!challenge.loosened.is_empty()).then(|| "loosened".to_owned()),
    ];
    match given.into_iter().flatten().next() {
        Some(field) => Err(FieldError::new(field, CONTAINERS_ONLY)),
        None => Ok(()),
    }
}

/// What nobody would enforce, because somebody else runs the container.
pub(super) fn elsewhere(challenge: &Challenge) -> Result<(), FieldError> {
    let given = [
        ("resources", challenge.resources != Resources::default()),
        ("volumes", !challenge.volumes.is_empty()),
        ("loosened", !challenge.loosened.is_empty()),
        ("env", !challenge.env.is_empty()),
        ("secrets", !challenge.secrets.is_empty()),
        ("follow", challenge.follow),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err(FieldError::new(field, ELSEWHERE)),
        None => Ok(()),
    }
}

/// Whether volumes have names and places that an engine takes.
pub(super) fn mount_points(volumes: &BTreeMap<String, String>, data: DataMode) -> Result<(), FieldError> {
    names("volumes", volumes.keys())?;
    for (name, path) in volumes {
        let reason = match path.parse::<MountPoint>() {
            Err(error) => error.to_string(),
            Ok(_) if data == DataMode::Exclusive && path == DATA => {
                "/data is there already, for what the challenge keeps; --data none takes it away".to_owned()
            }
            Ok(_) => continue,
        };
        return Err(FieldError::new(format!("volumes.{name}"), reason));
    }
    Ok(())
}

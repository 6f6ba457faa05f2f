//! From a container's plan to a service's: nothing is decided twice.

use std::collections::HashMap;

use bollard::models::{
    EndpointSpec, EndpointSpecModeEnum, GenericResourcesInner, GenericResourcesInnerDiscreteResourceSpec,
    HostConfig, Limit, Mount, MountTmpfsOptions, MountType, MountVolumeOptions, NetworkAttachmentConfig,
    ResourceObject, ServiceSpec as Service, ServiceSpecMode, ServiceSpecModeReplicated, TaskSpec,
    TaskSpecContainerSpec, TaskSpecContainerSpecPrivileges, TaskSpecContainerSpecSecrets, TaskSpecLogDriver,
    TaskSpecPlacement, TaskSpecResources, TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum,
};

use platform_domain::Loosened;

use super::{Copies, ServiceSpec};
use crate::{
    EngineError, Gpu, Image, Plan, SpecError,
    labels::ours,
    limits::{LIST, TEXT_CHARS, TMP_BYTES},
    spec::{SECRETS_DIR, check_name},
};

/// The longest name of a service.
const NAME: usize = 63;
/// The first API that has it for services.
const NO_NEW_PRIVILEGES_SINCE: u32 = 44;
const SWAP_SINCE: u32 = 52;

/// What a container may have and a service may not.
pub(super) fn check(spec: &ServiceSpec) -> Result<(), SpecError> {
    let container = &spec.container;
    if container.name.len() > NAME {
        return Err(SpecError::TooMuch("characters in the name of a service"));
    }
    let odd = |text: &String| text.chars().count() > TEXT_CHARS || text.contains(char::is_control);
    if spec.constraints.len() > LIST || spec.constraints.iter().any(odd) {
        return Err(SpecError::TooMuch("constraints"));
    }
    if container.loosened.contains(&Loosened::ExecTmp) {
        return Err(SpecError::Swarm("a /tmp that programs can be run from"));
    }
    match container.gpus {
        None => Ok(()),
        Some(Gpu::Count(_)) => check_name(&spec.gpu_kind, "the kind of a GPU"),
        Some(_) => Err(SpecError::Swarm("GPUs otherwise than by number")),
    }
}

/// What this engine cannot be told for services: in a few words, and in a sentence.
pub(super) fn gaps(minor: u32) -> impl Iterator<Item = (&'static str, &'static str)> {
    let gaps = [
        (
            NO_NEW_PRIVILEGES_SINCE,
            "without no-new-privileges",
            "no-new-privileges is not part of services in this engine's API; no capability can be gained all the same",
        ),
        (
            SWAP_SINCE,
            "with swap",
            "a limit of swap is not part of services in this engine's API; where there is swap, it may use as much as memory",
        ),
    ];
    gaps.into_iter()
        .filter_map(move |(since, short, long)| (minor < since).then_some((short, long)))
}

pub(super) fn service(
    spec: &ServiceSpec,
    home: Option<String>,
    image: &Image,
    plan: Plan,
    secrets: Vec<TaskSpecContainerSpecSecrets>,
) -> Result<Service, EngineError> {
    let container = &spec.container;
    let body = plan.body;
    let host = body.host_config.unwrap_or_default();
    let (resources, mounts) = (resources(spec, &host), mounts(spec, &host));
    let command = TaskSpecContainerSpec {
        // As a registry has it, so that other machines can fetch it. An id is for a swarm of one machine.
        image: Some(image.repo_digests.first().unwrap_or(&image.id).clone()),
        // Those on each machine are the swarm's affair, and are not found as containers.
        labels: body.labels.clone().filter(|_| spec.copies == Copies::One),
        // Beside what the image runs, as for a container.
        args: body.cmd,
        hostname: body.hostname,
        env: body.env,
        dir: body.working_dir,
        user: body.user,
        read_only: host.readonly_rootfs,
        mounts: Some(mounts),
        health_check: body.healthcheck,
        secrets: Some(secrets),
        init: host.init,
        capability_add: host.cap_add,
        capability_drop: host.cap_drop,
        ulimits: host.ulimits,
        privileges: Some(TaskSpecContainerSpecPrivileges {
            no_new_privileges: Some(true),
            ..TaskSpecContainerSpecPrivileges::default()
        }),
        ..TaskSpecContainerSpec::default()
    };
    let log = host.log_config.unwrap_or_default();
    let networks = container.network.iter().map(|network| NetworkAttachmentConfig {
        target: Some(network.clone()),
        ..NetworkAttachmentConfig::default()
    });
    let (mode, restart) = match spec.copies {
        Copies::One => (
            ServiceSpecMode {
                replicated: Some(ServiceSpecModeReplicated { replicas: Some(1) }),
                ..ServiceSpecMode::default()
            },
            TaskSpecRestartPolicyConditionEnum::NONE,
        ),
        Copies::Everywhere => (
            ServiceSpecMode {
                global: Some(HashMap::new()),
                ..ServiceSpecMode::default()
            },
            TaskSpecRestartPolicyConditionEnum::ANY,
        ),
    };
    let home = home.map(|node| format!("node.id=={node}"));
    let constraints = spec.constraints.iter().cloned().chain(home);
    Ok(Service {
        name: Some(container.name.clone()),
        labels: body.labels,
        mode: Some(mode),
        task_template: Some(TaskSpec {
            container_spec: Some(command),
            resources: Some(resources),
            restart_policy: Some(TaskSpecRestartPolicy {
                condition: Some(restart),
                ..TaskSpecRestartPolicy::default()
            }),
            placement: Some(TaskSpecPlacement {
                constraints: Some(constraints.collect()),
                ..TaskSpecPlacement::default()
            }),
            log_driver: Some(TaskSpecLogDriver {
                name: log.typ,
                options: log.config,
            }),
            networks: Some(networks.collect()),
            ..TaskSpec::default()
        }),
        // By its own address: one that is shared is for services with more than one container.
        endpoint_spec: Some(EndpointSpec {
            mode: Some(EndpointSpecModeEnum::DNSRR),
            ports: None,
        }),
        ..Service::default()
    })
}

/// What it may use is what it reserves: a machine is never promised twice.
fn resources(spec: &ServiceSpec, host: &HostConfig) -> TaskSpecResources {
    let gpus = match spec.container.gpus {
        Some(Gpu::Count(count)) => Some(vec![GenericResourcesInner {
            discrete_resource_spec: Some(GenericResourcesInnerDiscreteResourceSpec {
                kind: Some(spec.gpu_kind.clone()),
                value: Some(count.into()),
            }),
            named_resource_spec: None,
        }]),
        _ => None,
    };
    let reserved = match spec.copies {
        Copies::One => ResourceObject {
            nano_cpus: host.nano_cpus,
            memory_bytes: host.memory,
            generic_resources: gpus,
        },
        // What is on each machine is small, and takes no place from a challenge.
        Copies::Everywhere => ResourceObject::default(),
    };
    TaskSpecResources {
        limits: Some(Limit {
            nano_cpus: host.nano_cpus,
            memory_bytes: host.memory,
            pids: host.pids_limit,
        }),
        reservations: Some(reserved),
        swap_bytes: Some(0),
        ..TaskSpecResources::default()
    }
}

/// Volumes are made where the service runs, by that machine's engine.
fn mounts(spec: &ServiceSpec, host: &HostConfig) -> Vec<Mount> {
    let container = &spec.container;
    let labels = ours(&container.owner, container.kind, &container.slug);
    let volumes = host.mounts.iter().flatten();
    let volumes = volumes.filter(|mount| mount.target.as_deref() != Some(SECRETS_DIR));
    let volumes = volumes.map(|mount| Mount {
        volume_options: Some(MountVolumeOptions {
            labels: Some(labels.clone().into_iter().collect()),
            ..MountVolumeOptions::default()
        }),
        ..mount.clone()
    });
    let tmp = in_memory("/tmp", i64::try_from(TMP_BYTES).unwrap_or(i64::MAX));
    // In the place of the engine's own, whose size a service cannot say.
    let shm = host.shm_size.map(|size| in_memory("/dev/shm", size));
    volumes.chain([tmp]).chain(shm).collect()
}

/// A directory in memory. An engine adds noexec, nosuid and nodev by itself.
fn in_memory(target: &str, size: i64) -> Mount {
    Mount {
        typ: Some(MountType::TMPFS),
        target: Some(target.to_owned()),
        tmpfs_options: Some(MountTmpfsOptions {
            size_bytes: Some(size),
            mode: Some(0o1777),
            options: None,
        }),
        ..Mount::default()
    }
}

//! From a container's plan to a service's: nothing is decided twice.

use bollard::models::{
    GenericResourcesInner, GenericResourcesInnerDiscreteResourceSpec, HostConfig, Limit, Mount,
    MountTmpfsOptions, MountType, MountVolumeOptions, NetworkAttachmentConfig, ResourceObject,
    ServiceSpec as Service, ServiceSpecMode, ServiceSpecModeReplicated, TaskSpec, TaskSpecContainerSpec,
    TaskSpecContainerSpecPrivileges, TaskSpecContainerSpecSecrets, TaskSpecLogDriver, TaskSpecPlacement,
    TaskSpecResources, TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum,
};

use platform_domain::Loosened;

use super::ServiceSpec;
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

/// What this engine cannot be told for services, as far as this one is concerned.
pub(super) fn not_enforced(spec: &ServiceSpec, minor: u32) -> impl Iterator<Item = &'static str> {
    let volumes = (!spec.container.volumes.is_empty()).then_some(
        "volumes are made on the machine where the service runs, and belong to whom the image says: to root, where it says nothing",
    );
    let gaps = [
        (
            NO_NEW_PRIVILEGES_SINCE,
            "no-new-privileges is not part of services in this engine's API; no capability can be gained all the same",
        ),
        (
            SWAP_SINCE,
            "a limit of swap is not part of services in this engine's API; where there is swap, it may use as much as memory",
        ),
    ];
    let gaps = gaps
        .into_iter()
        .filter_map(move |(since, gap)| (minor < since).then_some(gap));
    gaps.chain(volumes)
}

pub(super) fn service(
    spec: &ServiceSpec,
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
        labels: body.labels.clone(),
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
    Ok(Service {
        name: Some(container.name.clone()),
        labels: body.labels,
        mode: Some(ServiceSpecMode {
            replicated: Some(ServiceSpecModeReplicated { replicas: Some(1) }),
            ..ServiceSpecMode::default()
        }),
        task_template: Some(TaskSpec {
            container_spec: Some(command),
            resources: Some(resources),
            restart_policy: Some(TaskSpecRestartPolicy {
                condition: Some(TaskSpecRestartPolicyConditionEnum::NONE),
                ..TaskSpecRestartPolicy::default()
            }),
            placement: Some(TaskSpecPlacement {
                constraints: Some(spec.constraints.clone()),
                ..TaskSpecPlacement::default()
            }),
            log_driver: Some(TaskSpecLogDriver {
                name: log.typ,
                options: log.config,
            }),
            networks: Some(networks.collect()),
            ..TaskSpec::default()
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
    TaskSpecResources {
        limits: Some(Limit {
            nano_cpus: host.nano_cpus,
            memory_bytes: host.memory,
            pids: host.pids_limit,
        }),
        reservations: Some(ResourceObject {
            nano_cpus: host.nano_cpus,
            memory_bytes: host.memory,
            generic_resources: gpus,
        }),
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
    // An engine adds noexec, nosuid and nodev by itself.
    let tmp = Mount {
        typ: Some(MountType::TMPFS),
        target: Some("/tmp".to_owned()),
        tmpfs_options: Some(MountTmpfsOptions {
            size_bytes: i64::try_from(TMP_BYTES).ok(),
            mode: Some(0o1777),
            options: None,
        }),
        ..Mount::default()
    };
    volumes.chain([tmp]).collect()
}

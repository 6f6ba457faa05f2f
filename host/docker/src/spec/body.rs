//! From what is wanted to what an engine takes: everything closed, and then opened as far as the spec says.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, DeviceRequest, EndpointSettings, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountType, MountVolumeOptions, NetworkingConfig,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use platform_domain::{Digest, Loosened};
use serde_json::{Value, json};

use super::{ContainerSpec, Gpu, User, outside::capability};
use crate::{
    Image,
    labels::{VERSION, ours},
    limits::{LOG_FILE, LOG_FILES, OPEN_FILES, TMP_BYTES},
};

/// Where secrets are: as in the original platform.
pub(crate) const SECRETS_DIR: &str = "/run/secrets/platform";
/// Tells NVIDIA's runtime which GPUs a container gets.
const VISIBLE: &str = "NVIDIA_VISIBLE_DEVICES";
/// The longest name that a machine can have.
const HOST_NAME: usize = 63;

pub(crate) fn create_body(spec: &ContainerSpec, image: &Image, user: &User) -> ContainerCreateBody {
    let mut labels = spec.labels.clone();
    labels.extend(ours(&spec.owner, spec.kind, &spec.slug));
    labels.insert(VERSION.to_owned(), spec.version.clone());
    let env = spec.env.iter().filter(|(name, _)| name.as_str() != VISIBLE);
    let mut env: Vec<String> = env.map(|(name, value)| format!("{name}={value}")).collect();
    if spec.gpus.is_none() {
        // Where NVIDIA's runtime is the engine's usual one, an image takes GPUs with this variable alone.
        env.push(format!("{VISIBLE}=void"));
    }
    let host_name: String = spec
        .name
        .replace(['_', '.'], "-")
        .chars()
        .take(HOST_NAME)
        .collect();
    ContainerCreateBody {
        // By its id: a tag that moves between looking and making changes nothing.
        image: Some(image.id.clone()),
        hostname: Some(host_name.trim_end_matches('-').to_owned()),
        user: Some(user.to_string()),
        env: Some(env),
        cmd: spec.command.clone(),
        working_dir: spec.workdir.clone(),
        labels: Some(labels.into_iter().collect()),
        exposed_ports: spec.port.map(|port| vec![format!("{port}/tcp")]),
        // An image may ask for its own program to be run a thousand times a second, by the engine, outside of all limits. Whether
        // a challenge does well the host finds out itself.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        networking_config: spec.network.as_ref().map(|network| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.clone(), EndpointSettings::default())])),
        }),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let has = |one: Loosened| spec.loosened.contains(&one);
    let exec = if has(Loosened::ExecTmp) { "exec" } else { "noexec" };
    let capabilities = spec.loosened.iter().filter_map(|one| capability(*one));
    let memory = i64::try_from(spec.limits.memory.0).unwrap_or(i64::MAX);
    let mut mounts: Vec<Mount> = spec
        .volumes
        .iter()
        .map(|(volume, target)| volume_mount(volume, target.as_str()))
        .collect();
    mounts.extend(spec.secrets_volume().map(|volume| Mount {
        read_only: Some(true),
        volume_options: Some(MountVolumeOptions {
            // Nothing of the image gets in between.
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..volume_mount(&volume, SECRETS_DIR)
    }));
    HostConfig {
        network_mode: Some(spec.network.clone().unwrap_or_else(|| "none".to_owned())),
        mounts: Some(mounts),
        tmpfs: Some(HashMap::from([(
            "/tmp".to_owned(),
            format!("rw,{exec},nosuid,nodev,size={TMP_BYTES},mode=1777"),
        )])),
        readonly_rootfs: Some(!has(Loosened::WritableRoot)),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(capabilities.map(str::to_owned).collect()),
        // The engine's own filter of system calls stays, because none is named.
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        memory: Some(memory),
        // The same again is memory and swap together: no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(spec.limits.milli_cpus) * 1_000_000),
        pids_limit: Some(spec.limits.pids.into()),
        shm_size: spec.limits.shm.and_then(|shm| i64::try_from(shm.0).ok()),
        ulimits: Some(vec![
            ulimit("nofile", OPEN_FILES),
            // What crashes leaves nothing on the engine's disk.
            ulimit("core", 0),
        ]),
        // Reaps what the program leaves behind, and hands signals on to a program that is not ready to be the first.
        init: Some(true),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(
                [("max-size", LOG_FILE), ("max-file", LOG_FILES)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            ),
        }),
        // The host decides what runs. An engine that restarts it too would bring back what the host has stopped, and hide
        // from it that something crashes again and again.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        privileged: Some(false),
        publish_all_ports: Some(false),
        auto_remove: Some(false),
        device_requests: spec.gpus.as_ref().map(|gpus| vec![device_request(gpus)]),
        ..HostConfig::default()
    }
}

/// A named volume, to be written to. What the image has there is copied into an empty one.
pub(crate) fn volume_mount(volume: &str, target: &str) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(false),
        ..Mount::default()
    }
}

fn ulimit(name: &str, most: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(most),
        hard: Some(most),
    }
}

fn device_request(gpus: &Gpu) -> DeviceRequest {
    let (count, device_ids) = match gpus {
        Gpu::All => (Some(-1), None),
        Gpu::Count(count) => (Some((*count).into()), None),
        Gpu::Ids(ids) => (None, Some(ids.iter().cloned().collect())),
    };
    DeviceRequest {
        // The engine chooses the driver by the capability.
        driver: Some(String::new()),
        count,
        device_ids,
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        options: None,
    }
}

/// Over the request with sorted keys, and what is in each secret.
pub(super) fn digest(body: &ContainerCreateBody, spec: &ContainerSpec) -> Digest {
    let secrets: BTreeMap<&str, String> = spec
        .secrets
        .iter()
        .map(|(name, value)| (name.as_str(), Digest::of(value.reveal()).to_string()))
        .collect();
    let value = json!({ "body": body, "secrets": secrets });
    Digest::of(sorted(value).to_string().as_bytes())
}

/// Maps in the library hash their keys anew in each process, and whether JSON is sorted depends on who else uses the library.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<String, Value> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

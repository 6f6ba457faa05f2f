//! What an engine says of itself: for operators, and for whoever chooses where a challenge runs.

use bollard::models::{GenericResourcesInner, LocalNodeState, SwarmInfo, SystemInfo};
use platform_domain::ByteSize;

use crate::{
    Engine, EngineError, Platform,
    limits::{LIST, QUESTION, TEXT_CHARS},
    refusal::Subject,
    text::shown,
};

/// An engine and its machine. All texts are short.
#[derive(Clone, Debug)]
pub struct Description {
    /// The engine's own id; another one after it was set up anew.
    pub id: String,
    /// The name of its machine.
    pub name: String,
    /// `20.10.24+dfsg1`.
    pub version: String,
    /// The version of the API that is spoken: ours or the engine's, whichever is older.
    pub api: String,
    /// What programs it runs.
    pub platform: Platform,
    /// Cores.
    pub cpus: u32,
    /// Memory of the machine.
    pub memory: ByteSize,
    /// `overlay2`.
    pub storage_driver: String,
    /// `seccomp`, `apparmor`, `rootless` and others, by name.
    pub security: Vec<String>,
    /// Runtimes by name, sorted.
    pub runtimes: Vec<String>,
    /// What limits of a container it cannot enforce: `memory`, `swap`, `pids`, `cpu`.
    pub cannot_limit: Vec<&'static str>,
    /// What it tells about GPUs.
    pub gpus: Gpus,
    /// What it is in a swarm.
    pub swarm: Swarm,
}

/// What an engine tells about GPUs. An engine with NVIDIA's hook and without its runtime gives GPUs and tells nothing: only
/// a container that asks for one shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gpus {
    /// Whether it has the runtime `nvidia`.
    pub nvidia_runtime: bool,
    /// The names that an operator gave them for Swarm (`node-generic-resources`), of kinds like `NVIDIA-GPU` or `gpu`.
    pub named: Vec<String>,
    /// How many there are, where an operator gave their number and no names.
    pub counted: u32,
    /// Devices by the Container Device Interface (`nvidia.com/gpu=0`), which engines from 28.2 tell.
    pub cdi: Vec<String>,
}

/// What an engine is in a swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swarm {
    /// In none.
    Inactive,
    /// Takes tasks; services are made at a manager.
    Worker {
        /// Its id in the swarm.
        node: String,
    },
    /// Services can be made here.
    Manager {
        /// Its id in the swarm.
        node: String,
    },
    /// Joining, locked or broken.
    Unusable,
}

impl Engine {
    /// Asks the engine for all of it. Agrees on the version of the API anew.
    pub async fn describe(&self) -> Result<Description, EngineError> {
        self.ping().await?;
        let docker = self.docker().await?;
        let info = self.within(QUESTION, Subject::Engine, docker.info()).await?;
        let platform = self.platform().await?;
        Ok(description(info, self.api(), platform))
    }
}

impl Description {
    /// Whether it filters system calls of containers.
    pub fn has_seccomp(&self) -> bool {
        self.security.iter().any(|name| name == "seccomp")
    }
}

impl Gpus {
    /// Whether anything speaks for a GPU. `false` proves nothing.
    pub const fn any_told(&self) -> bool {
        self.nvidia_runtime || !self.named.is_empty() || self.counted > 0 || !self.cdi.is_empty()
    }
}

fn description(info: SystemInfo, api: String, platform: Platform) -> Description {
    let limits = [
        ("memory", info.memory_limit),
        ("swap", info.swap_limit),
        ("pids", info.pids_limit),
        ("cpu", info.cpu_cfs_quota),
    ];
    let mut runtimes = list(info.runtimes.clone().unwrap_or_default().into_keys());
    runtimes.sort_unstable();
    Description {
        id: short(info.id.as_deref()),
        name: short(info.name.as_deref()),
        version: short(info.server_version.as_deref()),
        api,
        platform,
        cpus: info.ncpu.and_then(|n| n.try_into().ok()).unwrap_or_default(),
        memory: ByteSize(info.mem_total.and_then(|n| n.try_into().ok()).unwrap_or_default()),
        storage_driver: short(info.driver.as_deref()),
        security: list(info.security_options.iter().flatten().filter_map(|option| {
            // `name=seccomp,profile=default`.
            let first = option.split(',').next()?;
            Some(first.strip_prefix("name=").unwrap_or(first).to_owned())
        })),
        cannot_limit: limits
            .into_iter()
            .filter_map(|(name, able)| (able == Some(false)).then_some(name))
            .collect(),
        gpus: gpus(&info, &runtimes),
        swarm: info.swarm.map_or(Swarm::Inactive, swarm),
        runtimes,
    }
}

fn gpus(info: &SystemInfo, runtimes: &[String]) -> Gpus {
    let is_gpu = |kind: Option<&String>| kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("gpu"));
    let mut gpus = Gpus {
        nvidia_runtime: runtimes.iter().any(|name| name == "nvidia"),
        ..Gpus::default()
    };
    let devices = info.discovered_devices.iter().flatten();
    let cdi = devices.filter(|device| is_gpu(device.id.as_ref()));
    gpus.cdi = list(cdi.filter_map(|device| device.id.clone()));
    let mut named = Vec::new();
    for resource in info.generic_resources.iter().flatten() {
        let GenericResourcesInner {
            named_resource_spec,
            discrete_resource_spec,
        } = resource;
        if let Some(spec) = named_resource_spec
            && is_gpu(spec.kind.as_ref())
        {
            named.extend(spec.value.clone());
        }
        if let Some(spec) = discrete_resource_spec
            && is_gpu(spec.kind.as_ref())
        {
            let count = spec.value.and_then(|count| u32::try_from(count).ok());
            gpus.counted = gpus.counted.saturating_add(count.unwrap_or_default());
        }
    }
    gpus.named = list(named.into_iter());
    gpus
}

pub(crate) fn swarm(info: SwarmInfo) -> Swarm {
    let node = short(info.node_id.as_deref());
    match (info.local_node_state, info.control_available) {
        (Some(LocalNodeState::ACTIVE), Some(true)) => Swarm::Manager { node },
        (Some(LocalNodeState::ACTIVE), _) => Swarm::Worker { node },
        (None | Some(LocalNodeState::INACTIVE | LocalNodeState::EMPTY), _) => Swarm::Inactive,
        _ => Swarm::Unusable,
    }
}

fn short(text: Option<&str>) -> String {
    shown(text.unwrap_or_default(), TEXT_CHARS)
}

fn list(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.take(LIST).map(|text| shown(&text, TEXT_CHARS)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_engine_with_gpus_tells_them_in_three_ways() {
        let info = json!({
            "Runtimes": { "runc": { "path": "runc" }, "nvidia": { "path": "nvidia-container-runtime" } },
            "GenericResources": [
                { "NamedResourceSpec": { "Kind": "NVIDIA-GPU", "Value": "GPU-6c1" } },
                { "NamedResourceSpec": { "Kind": "SSD", "Value": "fast" } },
                { "DiscreteResourceSpec": { "Kind": "gpu", "Value": 3 } },
            ],
            "DiscoveredDevices": [
                { "Source": "cdi", "ID": "nvidia.com/gpu=0" }, { "Source": "cdi", "ID": "vendor.com/nic=0" },
            ],
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
            "PidsLimit": false, "MemoryLimit": true,
            "Swarm": { "NodeID": "abc", "LocalNodeState": "active", "ControlAvailable": true },
        });
        let info = serde_json::from_value(info).unwrap();
        let platform = Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
        };
        let told = description(info, "1.41".to_owned(), platform);
        let expected = Gpus {
            nvidia_runtime: true,
            named: vec!["GPU-6c1".to_owned()],
            counted: 3,
            cdi: vec!["nvidia.com/gpu=0".to_owned()],
        };
        assert_eq!(told.gpus, expected);
        assert!(told.has_seccomp());
        assert_eq!(told.cannot_limit, ["pids"]);
        assert_eq!(
            told.swarm,
            Swarm::Manager {
                node: "abc".to_owned()
            }
        );
    }

    #[test]
    fn what_an_engine_says_of_itself_is_bounded() {
        let many: Vec<String> = (0..1000)
            .map(|n| format!("name={n}{}", "x".repeat(10_000)))
            .collect();
        let info =
            serde_json::from_value(json!({ "SecurityOptions": many, "Name": "n".repeat(10_000) })).unwrap();
        let platform = Platform {
            os: String::new(),
            architecture: String::new(),
        };
        let told = description(info, String::new(), platform);
        assert_eq!(told.security.len(), LIST);
        assert!(
            told.security
                .iter()
                .all(|text| text.chars().count() == TEXT_CHARS + 1)
        );
        assert_eq!(told.name.chars().count(), TEXT_CHARS + 1);
    }
}

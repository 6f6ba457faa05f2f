//! What runs in a container.

use platform_domain::{GpuLeaseId, GpuServerId, UpstreamAddress};
use serde::{Deserialize, Serialize};

/// A container that the host runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerView {
    /// The GPU server on which it is; absent: the host's own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<GpuServerId>,
    /// Its id on the engine.
    pub id: String,
    /// The name of its service, where it is one of a swarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Where the host reaches it.
    pub address: UpstreamAddress,
    /// Its GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_lease: Option<GpuLeaseId>,
    /// What it may do beyond what all may, and limits that are not the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

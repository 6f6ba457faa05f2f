//! The engine for containers.

use std::time::Duration;

use platform_domain::{EngineEndpoint, ImageRef};
use platform_fleet::READY_TIME;
use serde::{Deserialize, Serialize};

/// The engine on which challenges in containers run that need no GPU server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Docker {
    /// `PLATFORM_DOCKER__ENDPOINT`: `unix:///var/run/docker.sock`; without it the host starts no containers of its own. Only a
    /// socket of this machine: others are GPU servers.
    pub endpoint: Option<EngineEndpoint>,
    /// What relays are made of, through which containers on GPU servers on other machines are reached: any image with `sh`,
    /// `nc` and `sleep`. Without it nothing is started there.
    pub relay_image: Option<ImageRef>,
    /// How long a container may take from its start until it says that it is well.
    pub ready_seconds: u64,
}

impl Default for Docker {
    fn default() -> Self {
        Self {
            endpoint: None,
            relay_image: None,
            ready_seconds: READY_TIME.as_secs(),
        }
    }
}

impl Docker {
    /// How long a container may take to get well.
    pub const fn ready(&self) -> Duration {
        Duration::from_secs(self.ready_seconds)
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if let Some(EngineEndpoint::Tls { .. } | EngineEndpoint::Ssh { .. }) = self.endpoint {
            let reason = "must be a socket of this machine, unix:///…; an engine elsewhere is added with `platform gpu-server add`";
            return Err(("docker.endpoint", reason));
        }
        match self.ready_seconds {
            1..=3600 => Ok(()),
            _ => Err(("docker.ready_seconds", "must be 1 to 3600")),
        }
    }
}

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
    /// How many images of each challenge stay on engines, the present one and those before it, to go back to, and as many of
    /// those that its jobs asked for last.
    pub keep_images: usize,
}

/// The one that runs, the one before, and one more for when that was no good either. Each may have twenty gigabytes.
const KEEP_IMAGES: usize = 3;

impl Default for Docker {
    fn default() -> Self {
        Self {
            endpoint: None,
            relay_image: None,
            ready_seconds: READY_TIME.as_secs(),
            keep_images: KEEP_IMAGES,
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
        if !(1..=3600).contains(&self.ready_seconds) {
            return Err(("docker.ready_seconds", "must be 1 to 3600"));
        }
        match self.keep_images {
            1..=50 => Ok(()),
            _ => Err((
                "docker.keep_images",
                "must be 1 to 50, which is as much as a history has",
            )),
        }
    }
}

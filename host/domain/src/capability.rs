//! What a challenge can do for the host.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// A capability of a challenge. A component shows them by its exports, a container by `/version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Answers `get-weights`.
    GetWeights,
    /// Answers miners' requests.
    ProxyRoutes,
    /// Hands in work for containers of its own: for a container that does so over HTTP.
    DockerExecutor,
}

/// The text names no capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown capability {0:?}, known are get_weights, proxy_routes and docker_executor")]
pub struct UnknownCapability(String);

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 3] = [Self::GetWeights, Self::ProxyRoutes, Self::DockerExecutor];

    /// What a challenge does when nobody says otherwise, as in the original platform.
    pub const USUAL: [Self; 2] = [Self::GetWeights, Self::ProxyRoutes];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetWeights => "get_weights",
            Self::ProxyRoutes => "proxy_routes",
            Self::DockerExecutor => "docker_executor",
        }
    }
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, UnknownCapability> {
        let found = Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == text);
        found.ok_or_else(|| UnknownCapability(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Capability);

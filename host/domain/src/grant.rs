//! What a component may import beyond WASI, if the operator lets it.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::text::serde_as_text;

/// An interface of the host that is linked only where it is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// `sqlite`: a database in the host.
    Sqlite,
    /// `kv`: keys and values, in that database.
    Kv,
    /// `blobs`: bytes under names, as files of the host.
    Blobs,
    /// `crypto`: signatures, addresses and hashes.
    Crypto,
    /// `metagraph`: who is in the subnet.
    Metagraph,
    /// `outgoing-http`: requests to hosts that the operator allows.
    OutgoingHttp,
    /// `config`: the challenge's configuration, by `wasi:config`.
    Config,
    /// `secrets`: what the operator set for the challenge to read, and nobody else.
    Secrets,
    /// `logging`: lines with a level in the challenge's log, by `wasi:logging`.
    Logging,
    /// `jobs`: work for containers on the host's engine.
    Jobs,
    /// `gpu-jobs`: the same with GPUs, on the host's GPU servers.
    GpuJobs,
}

/// The text names no interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown interface {0:?}, known are {known}", known = names(Grant::ALL))]
pub struct UnknownGrant(String);

impl Grant {
    /// Every interface.
    pub const ALL: [Self; 11] = [
        Self::Sqlite,
        Self::Kv,
        Self::Blobs,
        Self::Crypto,
        Self::Metagraph,
        Self::OutgoingHttp,
        Self::Config,
        Self::Secrets,
        Self::Logging,
        Self::Jobs,
        Self::GpuJobs,
    ];

    /// What a challenge may import when the operator says nothing: whatever costs no more than a quota or
    /// the time of its own calls. Who may speak to the world, who may read what is secret, and who
    /// may use the machine beside its calls, is for the operator to say.
    pub fn usual() -> BTreeSet<Self> {
        let usual = |grant: &Self| {
            !matches!(
                grant,
                Self::OutgoingHttp | Self::Secrets | Self::Jobs | Self::GpuJobs
            )
        };
        Self::ALL.into_iter().filter(usual).collect()
    }

    /// Whether what it offers is kept by the host for the challenge.
    pub const fn keeps_state(self) -> bool {
        match self {
            Self::Sqlite | Self::Kv | Self::Blobs => true,
            Self::Crypto
            | Self::Metagraph
            | Self::OutgoingHttp
            | Self::Config
            | Self::Secrets
            | Self::Logging
            | Self::Jobs
            | Self::GpuJobs => false,
        }
    }

    /// What operators call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Kv => "kv",
            Self::Blobs => "blobs",
            Self::Crypto => "crypto",
            Self::Metagraph => "metagraph",
            Self::OutgoingHttp => "outgoing-http",
            Self::Config => "config",
            Self::Secrets => "secrets",
            Self::Logging => "logging",
            Self::Jobs => "jobs",
            Self::GpuJobs => "gpu-jobs",
        }
    }

    /// Its interface as components import it, without the version.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Sqlite => "platform:challenge/sqlite",
            Self::Kv => "platform:challenge/kv",
            Self::Blobs => "platform:challenge/blobs",
            Self::Crypto => "platform:challenge/crypto",
            Self::Metagraph => "platform:challenge/metagraph",
            Self::OutgoingHttp => "wasi:http/outgoing-handler",
            Self::Config => "wasi:config/store",
            Self::Secrets => "platform:challenge/secrets",
            Self::Logging => "wasi:logging/logging",
            Self::Jobs => "platform:challenge/jobs",
            Self::GpuJobs => "platform:challenge/gpu-jobs",
        }
    }
}

fn names(grants: impl IntoIterator<Item = Grant>) -> String {
    let names: Vec<_> = grants.into_iter().map(Grant::as_str).collect();
    names.join(", ")
}

impl FromStr for Grant {
    type Err = UnknownGrant;

    fn from_str(text: &str) -> Result<Self, UnknownGrant> {
        let found = Self::ALL.into_iter().find(|grant| grant.as_str() == text);
        found.ok_or_else(|| UnknownGrant(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Grant);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_has_one_name() {
        for grant in Grant::ALL {
            assert_eq!(grant.as_str().parse(), Ok(grant));
            let contract = grant.interface().strip_prefix("platform:challenge/");
            assert!(contract.is_none_or(|name| name == grant.as_str()), "{grant}");
        }
        let error = "files".parse::<Grant>().unwrap_err().to_string();
        assert_eq!(
            error,
            r#"unknown interface "files", known are sqlite, kv, blobs, crypto, metagraph, outgoing-http, config, secrets, logging, jobs, gpu-jobs"#
        );
    }
}

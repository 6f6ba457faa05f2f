//! Servers with GPUs, and who holds which of them.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{
    EngineEndpoint, GpuList, JobId, Labels, LeaseMode, Slug, UnixSeconds,
    limits::{MAX_GPU_LEASE_ID, MAX_GPU_SERVER_ID},
    text::serde_as_text,
};

/// What an operator calls a server with GPUs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GpuServerId(String);

/// The text names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a GPU server's id consists of A-Z a-z 0-9 . _ -, has 1 to {MAX_GPU_SERVER_ID} bytes, and is neither . nor .."
)]
pub struct GpuServerIdError;

/// A server with GPUs and a container engine. The certificates and the key by which the host is known to the engine are a
/// secret, and not part of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuServer {
    /// The name for people; never changes.
    pub id: GpuServerId,
    /// Where its engine is spoken to.
    pub endpoint: EngineEndpoint,
    /// What challenges may want of their server.
    pub labels: Labels,
    /// What it has, as its operator says.
    pub gpus: GpuList,
    /// How many may hold one of its GPUs.
    pub lease: LeaseMode,
    /// Whether containers may be started there; those that run go on.
    pub enabled: bool,
    /// One sentence for people.
    pub description: Option<String>,
    /// When it was registered.
    pub created_at: UnixSeconds,
    /// When the record last changed.
    pub updated_at: UnixSeconds,
}

/// Names one start of a container. A container and the one that takes its place have a lease each, and so has each job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GpuLeaseId(String);

/// The text names no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lease's id consists of A-Z a-z 0-9 _ - and has 1 to {MAX_GPU_LEASE_ID} bytes")]
pub struct GpuLeaseIdError;

/// GPUs of one server that one start of a container has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuLease {
    /// Which start.
    pub id: GpuLeaseId,
    /// Of which challenge.
    pub holder: Slug,
    /// For which of its jobs; `None`: for its own container.
    pub job: Option<JobId>,
    /// On which server.
    pub server: GpuServerId,
    /// The numbers of the GPUs, at least one.
    pub devices: BTreeSet<u16>,
    /// Since when.
    pub acquired_at: UnixSeconds,
    /// Whether the container can be counted on.
    pub state: LeaseState,
}

/// Whether the container of a lease can be counted on. Both states keep the GPUs from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseState {
    /// It runs, or is about to.
    Held,
    /// Its server was lost. Nobody knows whether it still runs there, so its GPUs are not given to others until somebody does.
    Expired,
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lease is held or expired")]
pub struct UnknownLeaseState;

impl GpuServerId {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GpuServerId {
    type Err = GpuServerIdError;

    fn from_str(text: &str) -> Result<Self, GpuServerIdError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        // As a directory each would be another one.
        let special = matches!(text, "" | "." | "..");
        match !special && text.len() <= MAX_GPU_SERVER_ID && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(GpuServerIdError),
        }
    }
}

impl fmt::Display for GpuServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl GpuLeaseId {
    /// Writes random bytes as 32 hexadecimal digits.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GpuLeaseId {
    type Err = GpuLeaseIdError;

    fn from_str(text: &str) -> Result<Self, GpuLeaseIdError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
        match (1..=MAX_GPU_LEASE_ID).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(GpuLeaseIdError),
        }
    }
}

impl fmt::Display for GpuLeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LeaseState {
    type Err = UnknownLeaseState;

    fn from_str(text: &str) -> Result<Self, UnknownLeaseState> {
        match text {
            "held" => Ok(Self::Held),
            "expired" => Ok(Self::Expired),
            _ => Err(UnknownLeaseState),
        }
    }
}

impl fmt::Display for LeaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held => "held",
            Self::Expired => "expired",
        })
    }
}

serde_as_text!(GpuServerId);
serde_as_text!(GpuLeaseId);
serde_as_text!(LeaseState);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        for text in ["a", "7", "gpu-1.example_B", "-", "_", "...", &"x".repeat(64)] {
            assert_eq!(text.parse::<GpuServerId>().unwrap().as_str(), text);
        }
        for text in ["", ".", "..", "a b", "a/b", "ä", "a\n", "a:1", &"x".repeat(65)] {
            assert_eq!(text.parse::<GpuServerId>(), Err(GpuServerIdError), "{text:?}");
        }
    }

    #[test]
    fn a_lease_is_named_at_random_or_by_whoever_counts_starts() {
        let random = GpuLeaseId::from_random([7; 16]);
        assert_eq!(random.to_string().parse(), Ok(random));
        assert!("prism-12".parse::<GpuLeaseId>().is_ok());
        for text in ["", "a.b", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(text.parse::<GpuLeaseId>(), Err(GpuLeaseIdError), "{text:?}");
        }
    }
}

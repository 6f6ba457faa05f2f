//! Why an operation on the registry is refused or fails.

use std::{collections::BTreeSet, io};

use platform_domain::{GpuServerId, SecretName, Slug, TransitionRefused};
use platform_fleet::FleetError;
use platform_oci::OciError;
use platform_store::StoreError;
use platform_wasm::{ArchiveError, ComponentError};

use crate::{FieldError, LoadError, SecretError, Untrusted};

/// Why an operation did not happen. After any of these the registry is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No challenge has this slug.
    #[error("Challenge '{0}' not found")]
    NotFound(Slug),
    /// A challenge has this slug.
    #[error("Challenge '{0}' already exists")]
    Exists(Slug),
    /// A value is not acceptable.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The life of a challenge has no such transition.
    #[error(transparent)]
    Transition(#[from] TransitionRefused),
    /// The operation needs a challenge that is not active.
    #[error("Challenge '{0}' is active")]
    Active(Slug),
    /// Its calls have not ended yet, or something else uses what it keeps.
    #[error("what Challenge '{0}' keeps is still in use")]
    InUse(Slug),
    /// Its container has GPUs, or may have some on a server that is lost.
    #[error("Challenge '{slug}' has GPUs on {}", servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    HasGpus {
        /// Which challenge.
        slug: Slug,
        /// Where.
        servers: BTreeSet<GpuServerId>,
    },
    /// What a registered challenge keeps is not removed.
    #[error("Challenge '{0}' is registered")]
    StillRegistered(Slug),
    /// There is nothing of this challenge on the disk, or in the archive.
    #[error("nothing is kept of Challenge '{0}'")]
    NoState(Slug),
    /// An archive cannot be written or read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The disk failed under what challenges keep.
    #[error("the state of challenges cannot be read or written")]
    Disk(#[from] io::Error),
    /// What was asked is done with components only.
    #[error("Challenge '{0}' is a container image, and this is for components")]
    Image(Slug),
    /// The host has no engine for containers, and nobody has said where this one runs.
    #[error(
        "Challenge '{0}' is a container image; this host has no engine for containers, and no address says where somebody runs it"
    )]
    NoAddress(Slug),
    /// What was asked of it is known only while it runs.
    #[error("Challenge '{0}' does not run")]
    NotRunning(Slug),
    /// Somebody else runs its container.
    #[error("somebody else runs the container of Challenge '{0}'")]
    Elsewhere(Slug),
    /// An engine for containers did not do what it was asked, for another reason than what a challenge is.
    #[error("an engine for containers failed")]
    Engine(#[source] FleetError),
    /// The component could not be had from where the reference points.
    #[error("the component cannot be fetched")]
    Fetch(#[source] OciError),
    /// The host's content store failed.
    #[error("the content store failed")]
    Content(#[source] OciError),
    /// It may not run, whatever it is.
    #[error("the component is not trusted")]
    Untrusted(#[source] Untrusted),
    /// What was fetched cannot be a challenge.
    #[error("the component is refused")]
    Component(#[source] ComponentError),
    /// The registered component does not start.
    #[error("the challenge cannot be started")]
    Load(#[source] LoadError),
    /// The challenge has no secret of this name.
    #[error("Challenge '{0}' has no secret {1}")]
    NoSecret(Slug, SecretName),
    /// It has run nothing else, or nothing of this digest.
    #[error("Challenge '{0}' has no such version")]
    NoVersion(Slug),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The record kept changing while this change was being checked.
    #[error("Challenge '{0}' was changed by someone else at the same time")]
    Contended(Slug),
    /// The database failed.
    #[error("the registry's database failed")]
    Store(#[source] StoreError),
    /// The system gave no randomness for a token, or a task of this program broke.
    #[error("the host failed: {0}")]
    Host(&'static str),
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ChallengeExists(slug) => Self::Exists(slug),
            StoreError::ChallengeHasGpus { slug, servers } => Self::HasGpus { slug, servers },
            other => Self::Store(other),
        }
    }
}

//! Why a container does not run, or an engine cannot be used.

use std::time::Duration;

use platform_docker::{EndpointError, EngineError, MountPointError, SpecError, TlsError};
use platform_domain::{GpuServerId, ImageRef, NoPlace, UpstreamAddressError};
use platform_store::StoreError;
use platform_vault::KeyError;

/// For operators.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The host has no engine of its own.
    #[error(
        "this host has no engine for containers: name one in [docker] endpoint, or say with --address where the container runs"
    )]
    NoEngine,
    /// There is no such server.
    #[error("GPU server '{0}' not found")]
    NoServer(GpuServerId),
    /// No server has what is asked for.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// An engine over TCP whose certificates were never given, or were sealed with another key, or whose row is damaged.
    #[error("the certificates for GPU server '{0}' cannot be opened; set them again")]
    NoCertificates(GpuServerId),
    /// The certificates of a server are none.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// The way to an engine is none.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There is no key to open certificates with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A server on another machine, and nothing to reach containers there with.
    #[error(
        "containers on GPU server '{0}', which is another machine or a swarm, are reached through a relay: name an image for it in [docker] relay_image"
    )]
    NoRelay(GpuServerId),
    /// The image of relays is not on the engine and does not get there.
    #[error("the image for relays, {0} of [docker] relay_image, cannot be used")]
    RelayImage(ImageRef, #[source] EngineError),
    /// Nothing comes through the relay any more.
    #[error("the relay to the container has ended or is full")]
    RelayBroken,
    /// An engine did not do what it was asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A container cannot be as it is wanted.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A volume cannot be mounted there.
    #[error(transparent)]
    MountPoint(#[from] MountPointError),
    /// It ended before it was well.
    #[error("the container ended with code {code}{}{said}", if *oom { " because its memory was used up" } else { "" })]
    Ended {
        /// What the program said.
        code: i64,
        /// Whether its memory was used up.
        oom: bool,
        /// Its last lines, or nothing.
        said: String,
    },
    /// It runs and never says that it is well.
    #[error("the container is not ready within {within:?}: {why}{said}")]
    NeverReady {
        /// How long was waited.
        within: Duration,
        /// What is wrong.
        why: String,
        /// Its last lines, or nothing.
        said: String,
    },
    /// It runs and is something else.
    #[error("the container is another challenge than was registered: {0}")]
    OtherChallenge(String),
    /// Only the engine there knows of it.
    #[error("it runs on another machine of its swarm, whose own engine alone tells that")]
    OnAnotherMachine,
    /// Somebody has removed it.
    #[error("the container is gone")]
    Gone,
    /// Somebody has started it anew.
    #[error("the container was restarted by somebody else")]
    Moved,
    /// Somebody has paused it, or its engine restarts it.
    #[error("the container is halted")]
    Halted,
    /// The machines of a swarm have no GPUs by name, or by several.
    #[error(
        "the machines of the swarm {}; GPUs have one name among their generic resources, such as NVIDIA-GPU",
        match .0.is_empty() {
            true => "tell of no GPUs".to_owned(),
            false => format!("have GPUs of several names: {}", .0.join(", ")),
        }
    )]
    NoGpuName(Vec<String>),
    /// No machine of a swarm has what a service needs.
    #[error("no machine of the swarm takes it within {within:?}: {why}")]
    NoMachine {
        /// How long was waited.
        within: Duration,
        /// In the swarm's words.
        why: String,
    },
    /// A swarm has ended it, or never started it. In the swarm's words.
    #[error("its swarm has ended the container: {0}")]
    EndedBySwarm(String),
    /// The engine gave it no address.
    #[error("the engine tells no address of the container")]
    NoAddress,
    /// An address that an engine gave is none.
    #[error("the engine tells an address that is none")]
    Address(#[from] UpstreamAddressError),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl FleetError {
    /// Whether the engine cannot be spoken to, so that nothing is known of what runs there.
    pub const fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Engine(EngineError::Absent { .. } | EngineError::Timeout(_))
                | Self::RelayImage(_, EngineError::Absent { .. } | EngineError::Timeout(_))
        )
    }
}

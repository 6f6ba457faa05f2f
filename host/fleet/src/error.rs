//! Why a container does not run, or an engine cannot be used.

use platform_docker::{EndpointError, EngineError, TlsError};
use platform_domain::GpuServerId;
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
    /// An engine did not do what it was asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

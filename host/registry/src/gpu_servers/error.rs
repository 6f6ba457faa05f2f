//! Why an operation on GPU servers is refused or fails.

use std::collections::BTreeSet;

use platform_domain::{GpuServerId, Slug};
use platform_store::StoreError;

use crate::{FieldError, SecretError, limits::MAX_GPU_SERVERS};

/// Why an operation did not happen. After any of these everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum GpuServerError {
    /// No server has this id.
    #[error("GPU server '{0}' not found")]
    NotFound(GpuServerId),
    /// A server has this id.
    #[error("GPU server '{0}' already exists")]
    Exists(GpuServerId),
    /// As many as there may be.
    #[error("a host has at most {MAX_GPU_SERVERS} GPU servers")]
    TooMany,
    /// A value is not acceptable.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Challenges hold what would go or be another one.
    #[error("GPUs of server '{server}' are held by {}", some(holders))]
    InUse {
        /// The server.
        server: GpuServerId,
        /// By whom.
        holders: BTreeSet<Slug>,
        /// What cannot change; `None` when all of it was to go.
        field: Option<&'static str>,
    },
    /// Certificates cannot be sealed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error("the registry's database failed")]
    Store(#[source] StoreError),
}

/// Names that one line tells.
const TOLD: usize = 8;

fn some(names: &BTreeSet<Slug>) -> String {
    let told: Vec<_> = names.iter().take(TOLD).map(Slug::as_str).collect();
    let told = told.join(", ");
    match names.len().checked_sub(TOLD) {
        None | Some(0) => told,
        Some(more) => format!("{told} and {more} more"),
    }
}

impl From<StoreError> for GpuServerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::GpuServerExists(id) => Self::Exists(id),
            StoreError::GpuServerInUse { server, holders } => Self::InUse {
                server,
                holders,
                field: None,
            },
            other => Self::Store(other),
        }
    }
}

//! Why an epoch does not go on.

use platform_chain::ChainError;
use platform_store::StoreError;

/// Why an epoch did not go on. Nothing that was recorded is lost by any of these.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// No endpoint is configured, so there is no subnet to weigh.
    #[error("no chain endpoint is configured")]
    NoChain,
    /// The chain did not answer, or answered with an error.
    #[error("the chain cannot be asked")]
    Chain(#[from] ChainError),
    /// The ledger cannot be read or written.
    #[error("the epoch ledger failed")]
    Store(#[from] StoreError),
    /// A row of the ledger lacks what its state implies.
    #[error("the ledger's row of epoch {0} is incomplete")]
    Ledger(platform_domain::EpochId),
}

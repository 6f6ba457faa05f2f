//! Why an epoch does not go on.

use platform_chain::{ChainError, Rejection};
use platform_domain::{BlockNumber, EpochId};
use platform_store::StoreError;

/// Why an epoch did not go on. Nothing that was recorded is lost by any of these.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// No endpoint is configured, so there is no subnet to weigh.
    #[error("no chain endpoint is configured")]
    NoChain,
    /// No active challenge gives weights, so no epoch begins by itself.
    #[error("no active challenge gives weights")]
    NobodyTakesPart,
    /// The chain did not answer, or answered with an error.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The node's pool refuses the extrinsic for now; it is sent again until it is included or can never be.
    #[error("the node does not take the extrinsic now")]
    NotTaken(#[source] Rejection),
    /// The ledger cannot be read or written.
    #[error("the epoch ledger failed")]
    Store(#[from] StoreError),
    /// The ledger has this epoch from another part of the chain: it was made with another number of blocks per
    /// epoch.
    #[error("epoch {epoch} was already made at block {block}, with another number of blocks per epoch")]
    Taken {
        /// The epoch.
        epoch: EpochId,
        /// Its block.
        block: BlockNumber,
    },
    /// A row of the ledger lacks what its state implies.
    #[error("the ledger's row of epoch {0} is incomplete")]
    Ledger(EpochId),
}

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
    /// It would be over before its weights are in a block.
    #[error("epoch {epoch} is about to end; ask again from block {from} on")]
    TooLate {
        /// The epoch.
        epoch: EpochId,
        /// The first block of the next.
        from: BlockNumber,
    },
    /// The chain did not answer, or answered with an error.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The node's pool refuses the extrinsic for now; it is sent again until it is included or can never be.
    #[error("the node does not take the extrinsic now")]
    NotTaken(#[source] Rejection),
    /// The chain would refuse the vector now, and may take it later in this epoch.
    #[error("the chain would not take the weights now: {0}")]
    NotYet(String),
    /// The ledger cannot be read or written.
    #[error("the epoch ledger failed")]
    Store(#[from] StoreError),
    /// There is nobody to sign, or to follow what was signed.
    #[error("no hotkey is configured")]
    NoHotkey,
    /// A part of a record cannot be written as JSON.
    #[error("a record cannot be written")]
    Json(#[from] serde_json::Error),
    /// A row of the ledger lacks what its state implies.
    #[error("the ledger's row of epoch {0} is incomplete")]
    Ledger(EpochId),
}

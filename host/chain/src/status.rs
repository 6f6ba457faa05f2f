//! What a chain and the ways to it are like at present.

use std::time::Duration;

use platform_domain::{BlockHash, BlockNumber};
use serde::Serialize;

use crate::{Chain, ChainError, EndpointHealth};

/// What a chain and the ways to it are like at present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainStatus {
    /// What the runtime calls itself: `node-subtensor`.
    pub spec_name: String,
    /// The runtime's version.
    pub spec_version: u32,
    /// The first block, which names the chain.
    pub genesis: BlockHash,
    /// The address format, 42.
    pub ss58_prefix: u16,
    /// Height and hash of the best block.
    pub best: (BlockNumber, BlockHash),
    /// Height and hash of the last final block.
    pub finalised: (BlockNumber, BlockHash),
    /// The time between two blocks.
    pub block_time: Duration,
    /// How each endpoint does, in the configured order.
    pub endpoints: Vec<EndpointHealth>,
}

impl Chain {
    /// Asks every endpoint for its head, and the current one for the rest.
    pub async fn status(&self) -> Result<ChainStatus, ChainError> {
        self.pool().survey().await;
        let finalised = self.finalised_block().await?;
        let view = self.best_view().await?;
        let version = view.runtime.version();
        Ok(ChainStatus {
            spec_name: version.name.clone(),
            spec_version: version.spec,
            genesis: self.genesis(),
            ss58_prefix: view.runtime.ss58_prefix()?,
            best: (view.number, view.hash),
            finalised,
            block_time: view.block_time().await?,
            endpoints: self.pool().health(),
        })
    }

    /// How each endpoint does, in the configured order, by what is known without asking: also when none answers.
    pub fn endpoints(&self) -> Vec<EndpointHealth> {
        self.pool().health()
    }
}

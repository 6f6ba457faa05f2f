//! The connection to the chain that everything else hangs on.

use std::{sync::Arc, time::Duration};

use platform_domain::{BlockHash, BlockNumber};

use crate::{
    ChainError,
    inclusion::RecentBlocks,
    link::Link,
    rpc::Rpc,
    runtime::{Runtime, Runtimes},
};

/// Which node to speak to, and how patiently.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// The node's WebSocket address, `ws://…` or `wss://…`.
    pub endpoint: String,
    /// The deadline of every single request, connecting included if it must.
    pub rpc_timeout: Duration,
    /// The genesis of the chain that is meant; a node of another chain is refused. Without it, the first
    /// node decides for as long as the process runs.
    pub genesis: Option<BlockHash>,
}

/// A chain, through one of its nodes. Clones share the connection, which is made anew when it breaks.
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
}

struct Inner {
    rpc: Rpc,
    genesis: BlockHash,
    runtimes: Runtimes,
    recent: RecentBlocks,
}

impl Chain {
    /// Connects, checks the genesis and reads the runtime's metadata.
    pub async fn connect(config: ChainConfig) -> Result<Self, ChainError> {
        let ChainConfig {
            endpoint,
            rpc_timeout,
            genesis,
        } = config;
        if !endpoint.starts_with("ws://") && !endpoint.starts_with("wss://") {
            return Err(ChainError::Endpoint);
        }
        let rpc = Rpc::new(Arc::new(Link::new(endpoint, rpc_timeout, genesis)));
        let genesis = rpc.genesis().await?;
        let (runtimes, recent) = (Runtimes::new(genesis), RecentBlocks::default());
        let inner = Arc::new(Inner {
            rpc,
            genesis,
            runtimes,
            recent,
        });
        let chain = Self { inner };
        let (_, best) = chain.best_block().await?;
        chain.runtime_at(best).await?;
        Ok(chain)
    }

    /// The chain's first block, which names the chain.
    pub fn genesis(&self) -> BlockHash {
        self.inner.genesis
    }

    /// The node's best block.
    pub async fn best_block(&self) -> Result<(BlockNumber, BlockHash), ChainError> {
        let hash = self.rpc().best_hash().await?;
        let (number, _) = self.rpc().header(hash).await?;
        Ok((number, hash))
    }

    /// The node's last finalised block.
    pub async fn finalised_block(&self) -> Result<(BlockNumber, BlockHash), ChainError> {
        let hash = self.rpc().finalised_hash().await?;
        let (number, _) = self.rpc().header(hash).await?;
        Ok((number, hash))
    }

    pub(crate) fn rpc(&self) -> &Rpc {
        &self.inner.rpc
    }

    pub(crate) fn recent(&self) -> &RecentBlocks {
        &self.inner.recent
    }

    pub(crate) async fn runtime_at(&self, block: BlockHash) -> Result<Arc<Runtime>, ChainError> {
        self.inner.runtimes.at(&self.inner.rpc, block).await
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({})", self.inner.genesis)
    }
}

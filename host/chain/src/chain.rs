//! The connection to the chain that everything else hangs on.

use std::{fmt, sync::Arc, time::Duration};

use platform_domain::{BlockHash, BlockNumber};
use platform_timelock::Beacon;
use tokio::task::JoinSet;

use crate::{
    ChainError,
    endpoint::Endpoint,
    inclusion::RecentBlocks,
    pool::Pool,
    rpc::Rpc,
    runtime::{Runtime, Runtimes},
};

/// Which nodes to speak to, how patiently, and what chain is meant.
#[derive(Clone)]
pub struct ChainConfig {
    /// WebSocket addresses of nodes, `ws://…` or `wss://…`, the preferred first.
    pub endpoints: Vec<String>,
    /// The deadline of every single request to a node, connecting included if it must.
    pub rpc_timeout: Duration,
    /// The genesis of the chain that is meant; a node of another chain is refused. Without it, the first
    /// node decides for as long as the process runs.
    pub genesis: Option<BlockHash>,
    /// The beacon whose pulses the chain opens commits with.
    pub beacon: Beacon,
}

/// A chain, through one of its nodes. Clones share the connections, which are made anew when they break.
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    /// Looks at all endpoints from time to time; ends with the last clone.
    _watch: JoinSet<()>,
    rpc: Rpc,
    genesis: BlockHash,
    beacon: Beacon,
    runtimes: Runtimes,
    recent: RecentBlocks,
}

impl Chain {
    /// Connects to the first endpoint that can be reached and is of the chain, and reads the runtime's metadata. The others are
    /// looked at as well, and then from time to time, so that one that lags is noticed.
    pub async fn connect(config: ChainConfig) -> Result<Self, ChainError> {
        let ChainConfig {
            endpoints,
            rpc_timeout,
            genesis,
            beacon,
        } = config;
        let endpoints = endpoints.into_iter().map(Endpoint::new);
        let endpoints: Vec<_> = endpoints.collect::<Result<_, _>>()?;
        if endpoints.is_empty() {
            return Err(ChainError::NoEndpoint);
        }
        let pool = Arc::new(Pool::new(endpoints, rpc_timeout, genesis));
        let rpc = Rpc::new(Arc::clone(&pool));
        let genesis = rpc.genesis().await?;
        let mut watch = JoinSet::new();
        if pool.len() > 1 {
            pool.survey().await;
            watch.spawn(Arc::clone(&pool).watch());
        }
        let (runtimes, recent) = (Runtimes::new(genesis), RecentBlocks::default());
        let inner = Arc::new(Inner {
            pool,
            _watch: watch,
            rpc,
            genesis,
            beacon,
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

    /// The beacon whose pulses the chain opens commits with, as configured.
    pub fn beacon(&self) -> &Beacon {
        &self.inner.beacon
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.inner.pool
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

impl fmt::Debug for ChainConfig {
    /// Without addresses: providers put their keys into them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainConfig")
            .field("endpoints", &self.endpoints.len())
            .field("rpc_timeout", &self.rpc_timeout)
            .field("genesis", &self.genesis)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({})", self.inner.genesis)
    }
}

//! The handle of a running node, and the task that makes blocks.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use platform_domain::{BlockHash, BlockNumber, MechanismId, Netuid, Uid};
use platform_timelock::Beacon;
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    chain::{Accepted, Chain, Lookup},
    config::{Clock, DevnetConfig, MAX_FINALITY_LAG},
    drand::Drand,
    error::{DevnetError, MetadataError, NoSubnet},
    faults::{Faults, Switches},
    genesis,
    items::{NETWORKS_ADDED, Storage, WEIGHTS},
    metadata::Metadata,
    orders::{Hyperparameter, Order},
    rpc,
    weights::storage_index,
    wire,
};

/// A running test node. Dropping it ends it.
pub struct Devnet {
    address: SocketAddr,
    beacon: Option<Beacon>,
    faults: Faults,
    tasks: JoinSet<()>,
}

/// What the RPC methods share.
pub(crate) struct Node {
    chain: Mutex<Chain>,
    clock: Clock,
    pub(crate) switches: Arc<Switches>,
}

impl Devnet {
    /// Binds the address and answers from then on.
    pub async fn start(config: DevnetConfig) -> Result<Self, DevnetError> {
        let slot = config.slot();
        let DevnetConfig {
            listen,
            block_time,
            finality_lag,
            clock,
            beacon,
            runtime,
            genesis,
        } = config;
        if !listen.ip().is_loopback() {
            return Err(DevnetError::NotLoopback(listen));
        }
        if finality_lag > MAX_FINALITY_LAG {
            return Err(DevnetError::FinalityLag);
        }
        if block_time.is_some_and(|time| time.is_zero()) {
            return Err(DevnetError::BlockTime);
        }
        let metadata = Metadata::of(runtime, slot)?;
        let mut state = genesis::build(&metadata, &genesis)?;
        let drand = beacon.as_ref().map(Drand::new).transpose()?;
        if let Some(drand) = &drand {
            let (metadata, state) = (&metadata, &mut state);
            drand.write_config(&mut Storage { metadata, state })?;
        }
        let beacon = drand.as_ref().map(|drand| *drand.beacon());
        let listener = TcpListener::bind(listen).await.map_err(DevnetError::Listen)?;
        let address = listener.local_addr().map_err(DevnetError::Listen)?;

        let switches = Arc::new(Switches::new());
        let chain = Mutex::new(Chain::new(metadata, state, finality_lag, drand));
        let node = Arc::new(Node {
            chain,
            clock,
            switches: switches.clone(),
        });
        let methods = rpc::methods(node.clone()).map_err(DevnetError::Methods)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(wire::accept(listener, methods.into(), switches));
        if let Some(block_time) = block_time {
            tasks.spawn(author(node.clone(), block_time));
        }
        tracing::info!(devnet.address = %address, "A test node listens; it is no chain");
        let faults = Faults { node };
        Ok(Self {
            address,
            beacon,
            faults,
            tasks,
        })
    }

    /// Where it listens, for HTTP and WebSocket.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Whose pulses the chain stores: what its clients seal to.
    pub fn beacon(&self) -> Option<&Beacon> {
        self.beacon.as_ref()
    }

    /// Makes `count` blocks at once, each with all that is ready.
    pub async fn produce_blocks(&self, count: u32) {
        for _ in 0..count {
            if let Err(error) = self.faults.node.produce() {
                tracing::error!(%error, "No block was produced");
            }
        }
    }

    /// The best block's height and hash.
    pub fn best_block(&self) -> (BlockNumber, BlockHash) {
        let chain = self.faults.node.chain();
        (
            BlockNumber(chain.best_number().into()),
            BlockHash(chain.best_hash()),
        )
    }

    /// A UID's weights after the best block, empty if it has none.
    pub fn weights(&self, netuid: Netuid, mechanism: MechanismId, uid: Uid) -> Vec<(Uid, u16)> {
        let chain = self.faults.node.chain();
        let Lookup::State(state, _) = chain.lookup(None) else {
            return Vec::new();
        };
        let key = (storage_index(netuid.0, mechanism.0), uid.0);
        let row = state.get(&WEIGHTS, key).unwrap_or_default();
        row.into_iter().map(|(uid, weight)| (Uid(uid), weight)).collect()
    }

    /// What a subnet's owner does at the end of the next block.
    pub fn owner_sets(&self, netuid: Netuid, change: Hyperparameter) -> Result<(), NoSubnet> {
        let mut chain = self.faults.node.chain();
        let exists = match chain.lookup(None) {
            Lookup::State(state, _) => state.get(&NETWORKS_ADDED, (netuid.0,)).unwrap_or_default(),
            Lookup::Discarded | Lookup::Unknown => false,
        };
        if !exists {
            return Err(NoSubnet(netuid));
        }
        chain.order(Order::Owner(netuid, change));
        Ok(())
    }

    /// Every extrinsic that the pool ever took, in order of arrival.
    pub fn accepted_extrinsics(&self) -> Vec<Accepted> {
        self.faults.node.chain().accepted().to_vec()
    }

    /// Injects faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Closes every connection and waits until all tasks have ended.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Node {
    /// The chain. A panic elsewhere does not make it less valid: every change is made whole or not at all.
    pub(crate) fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn produce(&self) -> Result<(), MetadataError> {
        let mut chain = self.chain();
        let now = self.clock.millis(chain.best_number().saturating_add(1));
        chain.produce(now)
    }
}

/// Makes a block every `block_time`, beginning one `block_time` from now.
async fn author(node: Arc<Node>, block_time: Duration) {
    let mut ticks = interval(block_time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if let Err(error) = node.produce() {
            tracing::error!(%error, "No block was produced");
        }
    }
}

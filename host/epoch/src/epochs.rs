//! The task that drives epochs, and the handle that others ask and wake it by.

use std::{sync::Arc, time::Duration};

use platform_chain::{Chain, ChainConfig};
use platform_domain::{
    BlockHash, BlockNumber, Capability, EpochId, MechanismId, Metagraph, Netuid, with_causes,
};
use platform_keys::Keypair;
use platform_runtime::{MetagraphPublisher, MetagraphReader, RouteReader};
use platform_store::{EpochRow, Lane, Store, epochs};
use platform_weights::Policy;
use tokio::sync::{Notify, OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::{EpochError, Preview, prepare::now};

/// When and how weights are computed.
#[derive(Clone, Debug)]
pub struct EpochConfig {
    /// The node; `None` serves miners and submits nothing.
    pub chain: Option<ChainConfig>,
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism of the subnet.
    pub mechanism: MechanismId,
    /// Whether epochs begin by themselves.
    pub automatic: bool,
    /// Blocks per epoch, at least 1.
    pub period_blocks: u64,
    /// How shares are made.
    pub policy: Policy,
    /// How long a challenge may take to answer.
    pub collect_deadline: Duration,
    /// How often the chain's head is looked at.
    pub poll: Duration,
}

/// Drives epochs. Cheap to clone; one [`Epochs::run`] per process.
#[derive(Clone)]
pub struct Epochs(Arc<Inner>);

struct Inner {
    config: EpochConfig,
    store: Store,
    routes: RouteReader,
    metagraph: MetagraphPublisher,
    known_metagraph: MetagraphReader,
    signer: Option<Keypair>,
    chain: OnceCell<Chain>,
    wake: Notify,
    status: watch::Sender<EpochsStatus>,
}

/// What the driver last saw.
#[derive(Clone, Debug, Default)]
pub struct EpochsStatus {
    /// The chain's best block.
    pub block: Option<BlockNumber>,
    /// The epoch of that block.
    pub epoch: Option<EpochId>,
    /// Why the last turn did not get through, cleared by one that does.
    pub error: Option<String>,
}

/// How old the published metagraph may get, in blocks: five minutes at 12 s a block. Every epoch reads it anew.
const METAGRAPH_MAX_AGE: u64 = 25;

impl EpochConfig {
    /// The epoch that a block belongs to.
    pub fn epoch_at(&self, block: BlockNumber) -> EpochId {
        EpochId(block.0.checked_div(self.period_blocks).unwrap_or(block.0))
    }
}

impl Epochs {
    /// Without a `signer` vectors are recorded and not submitted.
    pub fn new(
        config: EpochConfig,
        store: Store,
        routes: RouteReader,
        metagraph: MetagraphPublisher,
        signer: Option<Keypair>,
    ) -> Self {
        let (chain, wake) = (OnceCell::new(), Notify::new());
        let status = watch::Sender::new(EpochsStatus::default());
        let known_metagraph = metagraph.reader();
        let inner = Inner {
            config,
            store,
            routes,
            metagraph,
            known_metagraph,
            signer,
            chain,
            wake,
            status,
        };
        Self(Arc::new(inner))
    }

    /// What an epoch would record if it began now.
    pub async fn preview(&self) -> Result<Preview, EpochError> {
        self.prepare(self.chain().await?).await
    }

    /// Begins the current epoch and has the driver take it as far as it goes. Asking twice is asking once; an
    /// epoch that ended before anything was signed begins anew, since its reason may be gone.
    pub async fn request(&self) -> Result<EpochRow, EpochError> {
        let chain = self.chain().await?;
        let row = self.begin(chain, chain.best_block().await?).await?;
        let reopen = move |connection: &_| epochs::reopen(connection, &row, now());
        let row = self.0.store.write("epoch_reopen", reopen).await?;
        self.0.wake.notify_one();
        Ok(row)
    }

    /// The newest epochs first.
    pub async fn history(&self, limit: u32) -> Result<Vec<EpochRow>, EpochError> {
        Ok(self
            .0
            .store
            .read("epoch_history", move |connection| {
                epochs::latest(connection, limit)
            })
            .await?)
    }

    /// One epoch of the configured subnet.
    pub async fn get(&self, epoch: EpochId) -> Result<Option<EpochRow>, EpochError> {
        let lane = self.lane(self.chain().await?);
        Ok(self
            .0
            .store
            .read("epoch_get", move |connection| {
                epochs::get(connection, lane, epoch)
            })
            .await?)
    }

    /// What the driver last saw.
    pub fn status(&self) -> EpochsStatus {
        self.0.status.borrow().clone()
    }

    /// Whether vectors are submitted, not only recorded.
    pub fn submits(&self) -> bool {
        self.0.signer.is_some()
    }

    /// Drives epochs until `stop`. A turn that fails is told once, and tried again at the next.
    pub async fn run(self, stop: CancellationToken) {
        if self.0.config.chain.is_none() {
            tracing::info!("no chain endpoint is configured: serving only");
            return stop.cancelled().await;
        }
        loop {
            // Dropping a turn half-way is what a kill does, and the ledger is made for that.
            let turn = tokio::select! {
                turn = self.turn() => turn,
                () = stop.cancelled() => return,
            };
            self.report(turn.err());
            tokio::select! {
                () = tokio::time::sleep(self.0.config.poll) => {}
                () = self.0.wake.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One look at the chain: what is unfinished first, then the current epoch.
    async fn turn(&self) -> Result<(), EpochError> {
        let chain = self.chain().await?;
        let best = chain.best_block().await?;
        let current = self.0.config.epoch_at(best.0);
        self.0
            .status
            .send_modify(|status| (status.block, status.epoch) = (Some(best.0), Some(current)));
        let age = |known: &Arc<Metagraph>| best.0.0.abs_diff(known.block().0);
        if self
            .0
            .known_metagraph
            .current()
            .as_ref()
            .map(age)
            .is_none_or(|age| age > METAGRAPH_MAX_AGE)
        {
            self.refresh_metagraph(chain).await?;
        }
        let begun = match self.0.config.automatic {
            true if self.anyone_gives_weights() => self.begin(chain, best).await.map(drop),
            // A new host is not to skip its first epoch while its challenges are being registered.
            true => Err(EpochError::NobodyTakesPart),
            false => Ok(()),
        };
        self.drive_unfinished(chain, current).await.and(begun)
    }

    fn anyone_gives_weights(&self) -> bool {
        self.0
            .routes
            .current()
            .iter()
            .any(|route| route.offers(Capability::GetWeights))
    }

    fn report(&self, error: Option<EpochError>) {
        let text = error.map(|error| with_causes(&error));
        if let Some(text) = text
            .as_ref()
            .filter(|text| self.status().error.as_ref() != Some(*text))
        {
            tracing::warn!(error = text, "the epoch does not go on, trying again");
        }
        self.0.status.send_modify(|status| status.error = text);
    }

    async fn begin(&self, chain: &Chain, best: (BlockNumber, BlockHash)) -> Result<EpochRow, EpochError> {
        let (lane, epoch) = (self.lane(chain), self.0.config.epoch_at(best.0));
        let begin = move |connection: &_| epochs::begin(connection, lane, epoch, best, now());
        let row = self.0.store.write("epoch_begin", begin).await?;
        // An epoch that has ended would otherwise pass for the current one, and nothing would be submitted.
        if row.state.is_final() && self.0.config.epoch_at(row.block) != epoch {
            let block = row.block;
            return Err(EpochError::Taken { epoch, block });
        }
        Ok(row)
    }

    /// Reads the subnet and publishes it for the gateway.
    pub(crate) async fn refresh_metagraph(&self, chain: &Chain) -> Result<Arc<Metagraph>, EpochError> {
        let metagraph = Arc::new(chain.metagraph(self.0.config.netuid).await?);
        self.0.metagraph.publish(Arc::clone(&metagraph));
        Ok(metagraph)
    }

    async fn chain(&self) -> Result<&Chain, EpochError> {
        let config = self.0.config.chain.clone().ok_or(EpochError::NoChain)?;
        Ok(self.0.chain.get_or_try_init(|| Chain::connect(config)).await?)
    }

    pub(crate) fn lane(&self, chain: &Chain) -> Lane {
        let EpochConfig {
            netuid, mechanism, ..
        } = self.0.config;
        Lane {
            genesis: chain.genesis(),
            netuid,
            mechanism,
        }
    }

    pub(crate) fn config(&self) -> &EpochConfig {
        &self.0.config
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn signer(&self) -> Option<&Keypair> {
        self.0.signer.as_ref()
    }

    pub(crate) fn routes(&self) -> RouteReader {
        self.0.routes.clone()
    }
}

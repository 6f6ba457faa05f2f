//! The handle by which epochs are asked for, looked at and woken.

use std::sync::Arc;

use platform_chain::{Chain, Submitter};
use platform_domain::{BlockHash, BlockNumber, EpochId, Metagraph};
use platform_runtime::{MetagraphPublisher, MetagraphReader, RouteReader, WeightsPublisher};
use platform_store::{EpochKey, EpochRow, JournalStep, Lane, Store, epochs};
use tokio::sync::{Notify, OnceCell, watch};

use crate::{EpochConfig, EpochError, EpochsStatus, Preview, moment::Moment, prepare::now, status::reported};

/// Drives epochs. Cheap to clone; one [`Epochs::run`] per process.
#[derive(Clone)]
pub struct Epochs(Arc<Inner>);

/// What epochs are made with.
pub struct Parts {
    /// The host's database.
    pub store: Store,
    /// The challenges that run.
    pub routes: RouteReader,
    /// Where the subnet is published as it is read.
    pub metagraph: MetagraphPublisher,
    /// Where recorded weights are told to other hosts.
    pub board: WeightsPublisher,
    /// Who submits; without one vectors are recorded only, and other hosts are told nothing.
    pub submitter: Option<Submitter>,
}

struct Inner {
    config: EpochConfig,
    parts: Parts,
    known_metagraph: MetagraphReader,
    chain: OnceCell<Chain>,
    wake: Notify,
    status: watch::Sender<EpochsStatus>,
}

impl Epochs {
    /// Nothing happens before [`Epochs::run`].
    pub fn new(config: EpochConfig, parts: Parts) -> Self {
        let known_metagraph = parts.metagraph.reader();
        Self(Arc::new(Inner {
            config,
            parts,
            known_metagraph,
            chain: OnceCell::new(),
            wake: Notify::new(),
            status: watch::Sender::new(EpochsStatus::default()),
        }))
    }

    /// What an epoch would record if it began now.
    pub async fn preview(&self) -> Result<Preview, EpochError> {
        self.prepare(self.chain().await?).await
    }

    /// Begins the current epoch and has the driver take it as far as it goes. Asking twice is asking once; an
    /// epoch that ended before anything was signed begins anew, since its reason may be gone.
    pub async fn request(&self) -> Result<EpochRow, EpochError> {
        let chain = self.chain().await?;
        let moment = self.moment(chain, chain.best_block().await?).await?;
        let (epoch, block) = (moment.epoch, moment.block);
        let find = move |connection: &_| epochs::get(connection, &epoch);
        let found = self.store().read("epoch_get", find).await?;
        let begins = found
            .as_ref()
            .is_none_or(|row| row.is_over() && row.extrinsic.is_none());
        if begins && !moment.is_open(self.config().collect_deadline) {
            return Err(EpochError::TooLate {
                epoch: epoch.epoch,
                from: BlockNumber(block.0.0.saturating_add(moment.left)),
            });
        }
        let begin = move |connection: &_| {
            let row = epochs::begin(connection, &epoch, block, now())?;
            epochs::reopen(connection, row, block, now())
        };
        let row = self.store().write("epoch_request", begin).await?;
        self.0.wake.notify_one();
        Ok(row)
    }

    /// The newest epochs first.
    pub async fn history(&self, limit: u32) -> Result<Vec<EpochRow>, EpochError> {
        let latest = move |connection: &_| epochs::latest(connection, limit);
        Ok(self.store().read("epoch_history", latest).await?)
    }

    /// One epoch of the configured subnet, as epochs are counted now; or, where that has none of this number, the newest one
    /// that was counted otherwise.
    pub async fn get(&self, epoch: EpochId) -> Result<Option<EpochRow>, EpochError> {
        let lane = match self.chain().await {
            Ok(chain) => self.lane(chain),
            // The ledger can be read without a node.
            Err(error) => {
                let newest = move |connection: &_| epochs::latest(connection, 1);
                let newest = self.store().read("epoch_lane", newest).await?.pop();
                newest.map(|row| row.lane).ok_or(error)?
            }
        };
        let counted = self.config().schedule.numbering();
        let get = move |connection: &_| {
            let as_now = EpochKey {
                lane,
                numbering: counted,
                epoch,
            };
            match epochs::get(connection, &as_now)? {
                Some(row) => Ok(Some(row)),
                None => epochs::any_numbering(connection, lane, epoch),
            }
        };
        Ok(self.store().read("epoch_get", get).await?)
    }

    /// Every step that an epoch took, the first one first.
    pub async fn journal(&self, row: &EpochRow) -> Result<Vec<JournalStep>, EpochError> {
        let key = row.key();
        let journal = move |connection: &_| epochs::journal(connection, &key);
        Ok(self.store().read("epoch_journal", journal).await?)
    }

    /// What the driver last saw.
    pub fn status(&self) -> EpochsStatus {
        self.0.status.borrow().clone()
    }

    /// Whether vectors are submitted, not only recorded.
    pub fn submits(&self) -> bool {
        self.submitter().is_some()
    }

    /// Reads the subnet and publishes it for the gateway.
    pub(crate) async fn refresh_metagraph(&self, chain: &Chain) -> Result<Arc<Metagraph>, EpochError> {
        let metagraph = Arc::new(chain.metagraph(self.0.config.netuid).await?);
        self.0.parts.metagraph.publish(Arc::clone(&metagraph));
        Ok(metagraph)
    }

    pub(crate) async fn chain(&self) -> Result<&Chain, EpochError> {
        let config = self.0.config.chain.clone().ok_or(EpochError::NoChain)?;
        Ok(self.0.chain.get_or_try_init(|| Chain::connect(config)).await?)
    }

    /// Which epoch the chain is in at a block.
    pub(crate) async fn moment(
        &self,
        chain: &Chain,
        block: (BlockNumber, BlockHash),
    ) -> Result<Moment, EpochError> {
        Moment::at(chain, self.config().schedule, self.lane(chain), block).await
    }

    pub(crate) fn lane(&self, chain: &Chain) -> Lane {
        Lane {
            genesis: chain.genesis(),
            netuid: self.0.config.netuid,
            mechanism: self.0.config.mechanism,
        }
    }

    pub(crate) fn change_status(&self, change: impl FnOnce(&mut EpochsStatus)) {
        self.0.status.send_modify(change);
    }

    /// Keeps why the last turn did not get through, and logs it when it is another reason than before.
    pub(crate) fn report(&self, error: Option<EpochError>) {
        let text = reported(error, self.status().error);
        self.change_status(|status| status.error = text);
    }

    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    pub(crate) fn config(&self) -> &EpochConfig {
        &self.0.config
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub(crate) fn submitter(&self) -> Option<&Submitter> {
        self.0.parts.submitter.as_ref()
    }

    pub(crate) fn board(&self) -> &WeightsPublisher {
        &self.0.parts.board
    }

    pub(crate) fn routes(&self) -> RouteReader {
        self.0.parts.routes.clone()
    }

    pub(crate) fn known_metagraph(&self) -> Option<Arc<Metagraph>> {
        self.0.known_metagraph.current()
    }
}

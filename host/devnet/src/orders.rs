//! What happens at the end of a block without an extrinsic of ours: the acts of root and of a subnet's owner.

use platform_domain::{BlockNumber, Netuid};

use crate::{
    error::MetadataError,
    execute::Draft,
    items::{
        COMMIT_REVEAL, LAST_EPOCH_BLOCK, MIN_ALLOWED_WEIGHTS, PENDING_EPOCH_AT, TEMPO, WEIGHTS_RATE_LIMIT,
        WEIGHTS_VERSION,
    },
};

/// What a subnet's owner changes. It holds from the block after the next one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hyperparameter {
    /// `set_tempo`, which also begins the tempo anew: `LastEpochBlock` is the block of the change.
    Tempo(u16),
    /// `trigger_epoch`: `PendingEpochAt`. The chain refuses it with commit-reveal, and puts it an `AdminFreezeWindow` ahead.
    PendingEpochAt(BlockNumber),
    /// `WeightsVersionKey`, below which weights are refused: also those that are committed already.
    WeightsVersion(u64),
    /// `CommitRevealWeightsEnabled`.
    CommitReveal(bool),
    /// `WeightsSetRateLimit`.
    WeightsRateLimit(u64),
    /// `MinAllowedWeights`.
    MinAllowedWeights(u16),
}

/// For the end of the next block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Runtime(u32),
    Owner(Netuid, Hyperparameter),
}

impl Draft<'_> {
    pub(crate) fn carry_out(&mut self, order: Order) -> Result<(), MetadataError> {
        let number = u64::from(self.number());
        let (netuid, change) = match order {
            Order::Runtime(spec_version) => return self.upgrade(spec_version),
            Order::Owner(netuid, change) => ((netuid.0,), change),
        };
        let mut storage = self.storage();
        match change {
            Hyperparameter::Tempo(tempo) => {
                storage.put(&TEMPO, netuid, &tempo)?;
                storage.put(&LAST_EPOCH_BLOCK, netuid, &number)
            }
            Hyperparameter::PendingEpochAt(block) => storage.put(&PENDING_EPOCH_AT, netuid, &block.0),
            Hyperparameter::CommitReveal(on) => storage.put(&COMMIT_REVEAL, netuid, &on),
            Hyperparameter::WeightsRateLimit(limit) => storage.put(&WEIGHTS_RATE_LIMIT, netuid, &limit),
            Hyperparameter::MinAllowedWeights(count) => storage.put(&MIN_ALLOWED_WEIGHTS, netuid, &count),
            Hyperparameter::WeightsVersion(version) => storage.put(&WEIGHTS_VERSION, netuid, &version),
        }
    }
}

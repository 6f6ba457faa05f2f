//! The state of one block, read by names: all answers of a view belong together.

use std::sync::Arc;

use platform_domain::{BlockHash, BlockNumber, Netuid};
use subxt::ext::{frame_decode::storage::IntoEncodableValues, scale_decode::DecodeAsType};

use crate::{
    Chain, ChainError,
    runtime::{Entry, Runtime},
};

/// The state after a block.
pub(crate) struct View<'a> {
    chain: &'a Chain,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) number: BlockNumber,
    pub(crate) hash: BlockHash,
}

/// `twox_128("System") ++ twox_128("Events")`: fixed by Substrate for every runtime.
pub(crate) const EVENTS_KEY: [u8; 32] = [
    0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae, 0x0c, 0x95, 0x58, 0xce, 0xf7, 0x80,
    0xd4, 0x1e, 0x5e, 0x16, 0x05, 0x67, 0x65, 0xbc, 0x84, 0x61, 0x85, 0x10, 0x72, 0xc9, 0xd7,
];

/// The storage entries that are read, by pallet and name.
pub(crate) mod entry {
    use crate::runtime::{Entry, PALLET};

    pub(crate) const BLOCKS_SINCE_LAST_STEP: Entry<'_> = (PALLET, "BlocksSinceLastStep");
    pub(crate) const COMMITS: Entry<'_> = (PALLET, "TimelockedWeightCommits");
    pub(crate) const COMMIT_REVEAL: Entry<'_> = (PALLET, "CommitRevealWeightsEnabled");
    pub(crate) const COMMIT_REVEAL_VERSION: Entry<'_> = (PALLET, "CommitRevealWeightsVersion");
    pub(crate) const EPOCH_INDEX: Entry<'_> = (PALLET, "SubnetEpochIndex");
    pub(crate) const IS_MEMBER: Entry<'_> = (PALLET, "IsNetworkMember");
    pub(crate) const LAST_EPOCH_BLOCK: Entry<'_> = (PALLET, "LastEpochBlock");
    pub(crate) const LAST_ROUND: Entry<'_> = ("Drand", "LastStoredRound");
    pub(crate) const LAST_UPDATE: Entry<'_> = (PALLET, "LastUpdate");
    pub(crate) const MAX_WEIGHT: Entry<'_> = (PALLET, "MaxWeightsLimit");
    pub(crate) const MECHANISMS: Entry<'_> = (PALLET, "MechanismCountCurrent");
    pub(crate) const MIN_WEIGHTS: Entry<'_> = (PALLET, "MinAllowedWeights");
    pub(crate) const NETWORKS_ADDED: Entry<'_> = (PALLET, "NetworksAdded");
    pub(crate) const NEURONS: Entry<'_> = (PALLET, "SubnetworkN");
    pub(crate) const NOW: Entry<'_> = ("Timestamp", "Now");
    pub(crate) const OLDEST_ROUND: Entry<'_> = ("Drand", "OldestStoredRound");
    pub(crate) const OWNER_HOTKEY: Entry<'_> = (PALLET, "SubnetOwnerHotkey");
    pub(crate) const PENDING_EPOCH_AT: Entry<'_> = (PALLET, "PendingEpochAt");
    pub(crate) const PERMITS: Entry<'_> = (PALLET, "ValidatorPermit");
    pub(crate) const PROXIES: Entry<'_> = ("Proxy", "Proxies");
    pub(crate) const PULSES: Entry<'_> = ("Drand", "Pulses");
    pub(crate) const RATE_LIMIT: Entry<'_> = (PALLET, "WeightsSetRateLimit");
    pub(crate) const REVEAL_PERIOD: Entry<'_> = (PALLET, "RevealPeriodEpochs");
    pub(crate) const SAFE_MODE: Entry<'_> = ("SafeMode", "EnteredUntil");
    pub(crate) const STAKE_THRESHOLD: Entry<'_> = (PALLET, "StakeThreshold");
    pub(crate) const TEMPO: Entry<'_> = (PALLET, "Tempo");
    pub(crate) const UIDS: Entry<'_> = (PALLET, "Uids");
    pub(crate) const VERSION_KEY: Entry<'_> = (PALLET, "WeightsVersionKey");
    pub(crate) const WEIGHTS: Entry<'_> = (PALLET, "Weights");
}

impl Chain {
    /// The state after the best block.
    pub(crate) async fn best_view(&self) -> Result<View<'_>, ChainError> {
        let (number, hash) = self.best_block().await?;
        self.view((number, hash)).await
    }

    /// The state after the last final block.
    pub(crate) async fn final_view(&self) -> Result<View<'_>, ChainError> {
        let (number, hash) = self.finalised_block().await?;
        self.view((number, hash)).await
    }

    /// The state after a block.
    pub(crate) async fn view_at(&self, hash: BlockHash) -> Result<View<'_>, ChainError> {
        let (number, _) = self.rpc().header(hash).await?;
        self.view((number, hash)).await
    }

    async fn view(&self, (number, hash): (BlockNumber, BlockHash)) -> Result<View<'_>, ChainError> {
        Ok(View {
            chain: self,
            runtime: self.runtime_at(hash).await?,
            number,
            hash,
        })
    }
}

impl View<'_> {
    pub(crate) const fn chain(&self) -> &Chain {
        self.chain
    }

    /// What is stored, or the runtime's default.
    pub(crate) async fn get<T: DecodeAsType>(
        &self,
        entry: Entry<'_>,
        keys: impl IntoEncodableValues,
    ) -> Result<T, ChainError> {
        let bytes = self.bytes(entry, keys).await?;
        self.runtime.storage_value(entry, bytes.as_deref())
    }

    /// What is stored, or the runtime's default if it has one.
    pub(crate) async fn find<T: DecodeAsType>(
        &self,
        entry: Entry<'_>,
        keys: impl IntoEncodableValues,
    ) -> Result<Option<T>, ChainError> {
        let bytes = self.bytes(entry, keys).await?;
        self.runtime.storage_found(entry, bytes.as_deref())
    }

    /// How many mechanisms a subnet has: one in runtimes from before there were any.
    pub(crate) async fn mechanisms(&self, netuid: Netuid) -> Result<u8, ChainError> {
        match self.runtime.has_entry(entry::MECHANISMS) {
            true => self.get(entry::MECHANISMS, (netuid.0,)).await,
            false => Ok(1),
        }
    }

    /// The events of the block, as bytes.
    pub(crate) async fn events(&self) -> Result<Vec<u8>, ChainError> {
        let events = self.chain.rpc().storage(&EVENTS_KEY, self.hash).await?;
        Ok(events.unwrap_or_default())
    }

    async fn bytes(
        &self,
        entry: Entry<'_>,
        keys: impl IntoEncodableValues,
    ) -> Result<Option<Vec<u8>>, ChainError> {
        let key = self.runtime.storage_key(entry, keys)?;
        self.chain.rpc().storage(&key, self.hash).await
    }
}

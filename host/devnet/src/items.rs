//! The storage items this node keeps, by name and Rust type, and typed access to a state.

use std::marker::PhantomData;

use frame_decode::storage::IntoEncodableValues;
use parity_scale_codec::{Compact, Decode, Encode};

use crate::{
    commits::Commit,
    error::MetadataError,
    metadata::{Metadata, RuntimeVersion},
    state::State,
};

/// A storage item whose values are the SCALE form of `V`.
pub(crate) struct Item<V> {
    name: (&'static str, &'static str),
    value: PhantomData<fn() -> V>,
}

impl<V> Item<V> {
    /// The pallet's and the item's.
    pub(crate) fn name(&self) -> (&'static str, &'static str) {
        self.name
    }
}

/// A state read and written through the metadata.
pub(crate) struct Storage<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) state: &'a mut State,
}

/// A state that is only read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) state: &'a State,
}

/// `System.Account`. `data` is `pallet_balances::AccountData` with 64-bit balances.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AccountInfo {
    pub(crate) nonce: u32,
    pub(crate) consumers: u32,
    pub(crate) providers: u32,
    pub(crate) sufficients: u32,
    pub(crate) data: AccountData,
}

/// See [`AccountInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AccountData {
    pub(crate) free: u64,
    pub(crate) reserved: u64,
    pub(crate) frozen: u64,
    pub(crate) flags: u128,
}

/// `LastRuntimeUpgradeInfo`: the version, and the runtime's name.
pub(crate) type RuntimeUpgrade = (Compact<u32>, String);

/// `Pulse` of pallet Drand: round, randomness, signature.
pub(crate) type StoredPulse = (u64, Vec<u8>, Vec<u8>);

/// `BeaconConfiguration` of pallet Drand: public key, period, genesis, chain hash, group hash, scheme, and as metadata the
/// beacon's name.
pub(crate) type StoredBeacon = (Vec<u8>, u32, u32, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);

/// `Proxy.Proxies`: who may act, in what (a `ProxyType`), after how many blocks' announcement; and what was put down for it.
pub(crate) type Delegations = (Vec<Delegation>, u64);
pub(crate) type Delegation = (Account, u8, u32);

/// A raw account, as keys and values hold it.
pub(crate) type Account = [u8; 32];

macro_rules! items {
    ($($constant:ident: $value:ty = $pallet:ident.$item:ident;)*) => {
        $(pub(crate) const $constant: Item<$value> = Item {
            name: (stringify!($pallet), stringify!($item)),
            value: PhantomData,
        };)*

        /// Every item with the SCALE form of some value, for the test that the metadata agrees.
        #[cfg(test)]
        fn samples() -> Vec<((&'static str, &'static str), Vec<u8>)> {
            vec![$(($constant.name, <$value as tests::Sample>::sample().encode())),*]
        }
    };
}

items! {
    ACCOUNT: AccountInfo = System.Account;
    BLOCK_HASH: [u8; 32] = System.BlockHash;
    BLOCK_NUMBER: u32 = System.Number;
    PARENT_HASH: [u8; 32] = System.ParentHash;
    LAST_RUNTIME_UPGRADE: RuntimeUpgrade = System.LastRuntimeUpgrade;
    NOW: u64 = Timestamp.Now;
    STAKE_THRESHOLD: u64 = SubtensorModule.StakeThreshold;
    MAX_EPOCHS_PER_BLOCK: u8 = SubtensorModule.MaxEpochsPerBlock;
    NETWORKS_ADDED: bool = SubtensorModule.NetworksAdded;
    SUBNETWORK_N: u16 = SubtensorModule.SubnetworkN;
    MAX_ALLOWED_UIDS: u16 = SubtensorModule.MaxAllowedUids;
    MECHANISM_COUNT: u8 = SubtensorModule.MechanismCountCurrent;
    SUBNET_OWNER: Account = SubtensorModule.SubnetOwner;
    SUBNET_OWNER_HOTKEY: Account = SubtensorModule.SubnetOwnerHotkey;
    TEMPO: u16 = SubtensorModule.Tempo;
    LAST_EPOCH_BLOCK: u64 = SubtensorModule.LastEpochBlock;
    PENDING_EPOCH_AT: u64 = SubtensorModule.PendingEpochAt;
    SUBNET_EPOCH_INDEX: u64 = SubtensorModule.SubnetEpochIndex;
    BLOCKS_SINCE_LAST_STEP: u64 = SubtensorModule.BlocksSinceLastStep;
    WEIGHTS_RATE_LIMIT: u64 = SubtensorModule.WeightsSetRateLimit;
    WEIGHTS_VERSION: u64 = SubtensorModule.WeightsVersionKey;
    MIN_ALLOWED_WEIGHTS: u16 = SubtensorModule.MinAllowedWeights;
    MAX_WEIGHTS_LIMIT: u16 = SubtensorModule.MaxWeightsLimit;
    COMMIT_REVEAL: bool = SubtensorModule.CommitRevealWeightsEnabled;
    REVEAL_PERIOD: u64 = SubtensorModule.RevealPeriodEpochs;
    COMMIT_REVEAL_VERSION: u16 = SubtensorModule.CommitRevealWeightsVersion;
    TIMELOCKED_COMMITS: Vec<Commit> = SubtensorModule.TimelockedWeightCommits;
    BEACON_CONFIG: StoredBeacon = Drand.BeaconConfig;
    PULSES: StoredPulse = Drand.Pulses;
    OLDEST_STORED_ROUND: u64 = Drand.OldestStoredRound;
    LAST_STORED_ROUND: u64 = Drand.LastStoredRound;
    SAFE_MODE_UNTIL: u32 = SafeMode.EnteredUntil;
    PROXIES: Delegations = Proxy.Proxies;
    UIDS: u16 = SubtensorModule.Uids;
    KEYS: Account = SubtensorModule.Keys;
    IS_NETWORK_MEMBER: bool = SubtensorModule.IsNetworkMember;
    OWNER: Account = SubtensorModule.Owner;
    TOTAL_HOTKEY_ALPHA: u64 = SubtensorModule.TotalHotkeyAlpha;
    BLOCK_AT_REGISTRATION: u64 = SubtensorModule.BlockAtRegistration;
    VALIDATOR_PERMIT: Vec<bool> = SubtensorModule.ValidatorPermit;
    ACTIVE: Vec<bool> = SubtensorModule.Active;
    LAST_UPDATE: Vec<u64> = SubtensorModule.LastUpdate;
    WEIGHTS: Vec<(u16, u16)> = SubtensorModule.Weights;
}

/// `System.Events`: a list of records that are encoded one by one, so it has no Rust type.
pub(crate) const EVENTS: (&str, &str) = ("System", "Events");

impl Reader<'_> {
    /// What is stored, without defaults.
    pub(crate) fn stored<V: Decode>(
        &self,
        item: &Item<V>,
        key: impl IntoEncodableValues,
    ) -> Result<Option<V>, MetadataError> {
        let key = self.metadata.key(item.name, key)?;
        let bytes = self.state.get(&key);
        Ok(bytes.map(|mut bytes| V::decode(&mut bytes)).transpose()?)
    }

    /// The stored value, else the runtime's default, else `None`.
    pub(crate) fn find<V: Decode>(
        &self,
        item: &Item<V>,
        key: impl IntoEncodableValues,
    ) -> Result<Option<V>, MetadataError> {
        if let Some(stored) = self.stored(item, key)? {
            return Ok(Some(stored));
        }
        let default = self.metadata.default_value(item.name)?;
        Ok(default
            .map(|bytes| V::decode(&mut bytes.as_slice()))
            .transpose()?)
    }

    /// The stored value or the default of an item that has one.
    pub(crate) fn get<V: Decode>(
        &self,
        item: &Item<V>,
        key: impl IntoEncodableValues,
    ) -> Result<V, MetadataError> {
        let found = self.find(item, key)?;
        found.ok_or_else(|| MetadataError::Missing(item.name.1.to_owned()))
    }

    /// The version of the runtime whose state this is: the metadata's until there was an upgrade.
    pub(crate) fn runtime_version(&self) -> Result<RuntimeVersion, MetadataError> {
        let mut version = self.metadata.version().clone();
        if let Some((Compact(upgraded), _)) = self.stored(&LAST_RUNTIME_UPGRADE, ())? {
            version.spec_version = upgraded;
        }
        Ok(version)
    }

    /// The subnets that exist, in order.
    pub(crate) fn netuids(&self) -> Result<Vec<u16>, MetadataError> {
        let prefix = crate::metadata::item_prefix(NETWORKS_ADDED.name);
        let keys = self.state.keys(&prefix, None, usize::MAX);
        let netuid = |key: &Vec<u8>| Some(u16::from_le_bytes(*key.last_chunk()?));
        let mut netuids: Vec<u16> = keys.iter().filter_map(netuid).collect();
        netuids.sort_unstable();
        Ok(netuids)
    }
}

impl Storage<'_> {
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            metadata: self.metadata,
            state: self.state,
        }
    }

    pub(crate) fn put<V: Encode>(
        &mut self,
        item: &Item<V>,
        key: impl IntoEncodableValues,
        value: &V,
    ) -> Result<(), MetadataError> {
        let key = self.metadata.key(item.name, key)?;
        self.state.put(&key, value.encode());
        Ok(())
    }

    pub(crate) fn remove<V>(
        &mut self,
        item: &Item<V>,
        key: impl IntoEncodableValues,
    ) -> Result<(), MetadataError> {
        let key = self.metadata.key(item.name, key)?;
        self.state.remove(&key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some value of each type above.
    pub(super) trait Sample: Encode {
        fn sample() -> Self;
    }

    macro_rules! sample {
        ($($value:ty = $sample:expr),* $(,)?) => {
            $(impl Sample for $value { fn sample() -> Self { $sample } })*
        };
    }

    sample! {
        bool = true, u8 = 1, u16 = 2, u32 = 3, u64 = 4, [u8; 32] = [5; 32],
        Vec<bool> = vec![true, false], Vec<u64> = vec![1, 2], Vec<(u16, u16)> = vec![(1, 2)],
        RuntimeUpgrade = (Compact(461), "node-subtensor".to_owned()),
        StoredBeacon = (vec![1; 96], 3, 4, vec![5; 32], vec![6; 32], vec![7; 9], vec![8; 9]),
        StoredPulse = (1, vec![2; 32], vec![3; 48]),
        Delegations = (vec![([1; 32], 3, 4)], 5),
        Vec<Commit> = vec![([1; 32], 2, vec![3; 4], 5)],
        AccountInfo = AccountInfo {
            nonce: 1, consumers: 0, providers: 1, sufficients: 0,
            data: AccountData { free: 999_998_999_833_753, reserved: 0, frozen: 0, flags: 1 << 127 },
        },
    }

    #[test]
    fn every_item_has_the_type_that_the_metadata_says() {
        let metadata = Metadata::load().unwrap();
        for (name, bytes) in samples() {
            let mut rest = bytes.as_slice();
            let decoded =
                scale_value::scale::decode_as_type(&mut rest, metadata.value_type(name), metadata.types());
            assert!(
                decoded.is_ok() && rest.is_empty(),
                "{name:?}: {decoded:?}, left {rest:?}"
            );
        }
    }

    #[test]
    fn an_account_encodes_as_recorded_from_a_node() {
        let recorded = concat!(
            "01000000000000000100000000000000992c29697e8d03000000000000000000000000000000000000",
            "000000000000000000000000000080"
        );
        assert_eq!(hex::encode(AccountInfo::sample().encode()), recorded);
    }
}

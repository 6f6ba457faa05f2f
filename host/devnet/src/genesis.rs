//! The state of block 0.

use std::collections::BTreeSet;

use parity_scale_codec::Compact;
use platform_domain::Netuid;
use platform_timelock::limits::MAX_REVEAL_PERIOD;

use crate::{
    config::{Genesis, SubnetGenesis},
    error::{DevnetError, GenesisError, MetadataError},
    items::*,
    metadata::Metadata,
    proxies,
    state::State,
    weights::storage_index,
};

/// The chain's default of `MaxAllowedUids`.
const DEFAULT_MAX_UIDS: u16 = 256;
/// See [`storage_index`].
const NETUIDS: u16 = 4096;
const MAX_MECHANISMS: u8 = 16;

/// Checks a genesis and writes it down.
pub(crate) fn build(metadata: &Metadata, genesis: &Genesis) -> Result<State, DevnetError> {
    check(genesis)?;
    let mut state = State::default();
    let mut storage = Storage {
        metadata,
        state: &mut state,
    };
    storage.put(&BLOCK_NUMBER, (), &0)?;
    let version = metadata.version();
    let upgrade = (Compact(version.spec_version), version.spec_name.clone());
    storage.put(&LAST_RUNTIME_UPGRADE, (), &upgrade)?;
    storage.put(&STAKE_THRESHOLD, (), &genesis.stake_threshold)?;
    storage.put(&COMMIT_REVEAL_VERSION, (), &genesis.commit_reveal_version)?;
    if let Some(until) = genesis.safe_mode_until {
        storage.put(&SAFE_MODE_UNTIL, (), &u32::try_from(until.0).unwrap_or(u32::MAX))?;
    }
    proxies::put(&mut storage, &genesis.proxies)?;
    for subnet in &genesis.subnets {
        put_subnet(&mut storage, subnet)?;
        put_neurons(&mut storage, subnet)?;
    }
    Ok(state)
}

fn check(genesis: &Genesis) -> Result<(), GenesisError> {
    let mut seen = BTreeSet::new();
    for subnet in &genesis.subnets {
        let netuid = subnet.netuid;
        if netuid >= Netuid(NETUIDS) {
            return Err(GenesisError::Netuid(netuid));
        }
        if !seen.insert(netuid) {
            return Err(GenesisError::DuplicateSubnet(netuid));
        }
        if subnet.neurons.len() > usize::from(u16::MAX) {
            return Err(GenesisError::TooManyNeurons(netuid));
        }
        if !(1..=MAX_MECHANISMS).contains(&subnet.mechanisms) {
            return Err(GenesisError::Mechanisms(netuid));
        }
        if !(1..=MAX_REVEAL_PERIOD).contains(&subnet.reveal_period) {
            return Err(GenesisError::RevealPeriod(netuid));
        }
        let mut hotkeys = BTreeSet::new();
        let mut repeated = subnet
            .neurons
            .iter()
            .filter(|neuron| !hotkeys.insert(neuron.hotkey));
        if let Some(neuron) = repeated.next() {
            return Err(GenesisError::DuplicateHotkey(netuid, neuron.hotkey));
        }
    }
    Ok(())
}

fn put_subnet(storage: &mut Storage<'_>, subnet: &SubnetGenesis) -> Result<(), MetadataError> {
    let key = (subnet.netuid.0,);
    let count = u16::try_from(subnet.neurons.len()).unwrap_or(u16::MAX);
    storage.put(&NETWORKS_ADDED, key, &true)?;
    storage.put(&SUBNETWORK_N, key, &count)?;
    storage.put(&MAX_ALLOWED_UIDS, key, &count.max(DEFAULT_MAX_UIDS))?;
    storage.put(&MECHANISM_COUNT, key, &subnet.mechanisms)?;
    storage.put(&SUBNET_OWNER, key, subnet.owner.as_bytes())?;
    storage.put(&SUBNET_OWNER_HOTKEY, key, subnet.owner.as_bytes())?;
    storage.put(&TEMPO, key, &subnet.tempo)?;
    storage.put(&LAST_EPOCH_BLOCK, key, &0)?;
    storage.put(&SUBNET_EPOCH_INDEX, key, &0)?;
    storage.put(&PENDING_EPOCH_AT, key, &subnet.pending_epoch_at.0)?;
    storage.put(&BLOCKS_SINCE_LAST_STEP, key, &0)?;
    storage.put(&REVEAL_PERIOD, key, &subnet.reveal_period)?;
    storage.put(&WEIGHTS_RATE_LIMIT, key, &subnet.weights_rate_limit)?;
    storage.put(&WEIGHTS_VERSION, key, &subnet.weights_version)?;
    storage.put(&MIN_ALLOWED_WEIGHTS, key, &subnet.min_allowed_weights)?;
    storage.put(&MAX_WEIGHTS_LIMIT, key, &u16::MAX)?;
    storage.put(&COMMIT_REVEAL, key, &subnet.commit_reveal)
}

/// A neuron's coldkey is its hotkey. Nobody has updated yet, so everybody may at once.
fn put_neurons(storage: &mut Storage<'_>, subnet: &SubnetGenesis) -> Result<(), MetadataError> {
    let netuid = subnet.netuid.0;
    for (uid, neuron) in (0_u16..).zip(&subnet.neurons) {
        let hotkey = *neuron.hotkey.as_bytes();
        storage.put(&UIDS, (netuid, hotkey), &uid)?;
        storage.put(&KEYS, (netuid, uid), &hotkey)?;
        storage.put(&IS_NETWORK_MEMBER, (hotkey, netuid), &true)?;
        storage.put(&OWNER, (hotkey,), &hotkey)?;
        storage.put(&TOTAL_HOTKEY_ALPHA, (hotkey, netuid), &neuron.stake)?;
        storage.put(&BLOCK_AT_REGISTRATION, (netuid, uid), &0)?;
    }
    let permits = subnet
        .neurons
        .iter()
        .map(|neuron| neuron.validator_permit)
        .collect();
    storage.put(&VALIDATOR_PERMIT, (netuid,), &permits)?;
    storage.put(&ACTIVE, (netuid,), &vec![true; subnet.neurons.len()])?;
    for mechanism in 0..subnet.mechanisms {
        let index = storage_index(netuid, mechanism);
        storage.put(&LAST_UPDATE, (index,), &vec![0; subnet.neurons.len()])?;
    }
    Ok(())
}

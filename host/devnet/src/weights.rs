//! `set_weights` as the chain runs it: the checks in its order, its errors by name, and what it writes.

use std::collections::BTreeSet;

use platform_domain::Hotkey;

use crate::{
    calls::SetWeights,
    error::MetadataError,
    items::{
        COMMIT_REVEAL, IS_NETWORK_MEMBER, LAST_UPDATE, MECHANISM_COUNT, MIN_ALLOWED_WEIGHTS, NETWORKS_ADDED,
        Reader, STAKE_THRESHOLD, SUBNET_OWNER_HOTKEY, SUBNETWORK_N, Storage, TOTAL_HOTKEY_ALPHA, UIDS,
        VALIDATOR_PERMIT, WEIGHTS, WEIGHTS_RATE_LIMIT, WEIGHTS_VERSION,
    },
};

/// Why a dispatched call fails.
#[derive(Debug)]
pub(crate) enum DispatchError {
    /// A pallet's error, by name.
    Module(&'static str, &'static str),
    /// A defect of this crate.
    Metadata(MetadataError),
}

/// What the event `WeightsSet` says: the storage index and the UID.
pub(crate) type WeightsSet = (u16, u16);

/// `NetUidStorageIndex`: mechanisms are this far apart.
const MECHANISM_STRIDE: u16 = 4096;

impl From<MetadataError> for DispatchError {
    fn from(error: MetadataError) -> Self {
        Self::Metadata(error)
    }
}

/// The index of a mechanism's rows in `Weights` and `LastUpdate`.
pub(crate) fn storage_index(netuid: u16, mechanism: u8) -> u16 {
    u16::from(mechanism)
        .saturating_mul(MECHANISM_STRIDE)
        .saturating_add(netuid)
}

/// Whether a hotkey's stake reaches the threshold. The subnet owner's hotkey needs none.
pub(crate) fn has_enough_stake(state: Reader<'_>, who: &Hotkey, netuid: u16) -> Result<bool, MetadataError> {
    if uid_of(state, netuid, who)?.is_some() && is_owner(state, netuid, who)? {
        return Ok(true);
    }
    let stake: u64 = state.get(&TOTAL_HOTKEY_ALPHA, (*who.as_bytes(), netuid))?;
    Ok(stake >= state.get(&STAKE_THRESHOLD, ())?)
}

/// Whether the last update is long enough ago in block `block`. Who has none yet may.
pub(crate) fn is_rate_ok(
    state: Reader<'_>,
    (netuid, mechanism): (u16, u8),
    uid: u16,
    block: u64,
) -> Result<bool, MetadataError> {
    let updates: Vec<u64> = state.get(&LAST_UPDATE, (storage_index(netuid, mechanism),))?;
    let last = updates.get(usize::from(uid)).copied().unwrap_or_default();
    let limit: u64 = state.get(&WEIGHTS_RATE_LIMIT, (netuid,))?;
    Ok(last == 0 || block.saturating_sub(last) >= limit)
}

/// A hotkey's UID.
pub(crate) fn uid_of(state: Reader<'_>, netuid: u16, who: &Hotkey) -> Result<Option<u16>, MetadataError> {
    state.find(&UIDS, (netuid, *who.as_bytes()))
}

fn is_owner(state: Reader<'_>, netuid: u16, who: &Hotkey) -> Result<bool, MetadataError> {
    Ok(state.get(&SUBNET_OWNER_HOTKEY, (netuid,))? == *who.as_bytes())
}

/// Whether a subnet has a mechanism.
pub(crate) fn mechanism_exists(state: Reader<'_>, netuid: u16, mechanism: u8) -> Result<bool, MetadataError> {
    let exists: bool = state.get(&NETWORKS_ADDED, (netuid,))?;
    Ok(exists && mechanism < state.get(&MECHANISM_COUNT, (netuid,))?)
}

/// A hotkey's UID, if it is registered in the subnet.
pub(crate) fn member(state: Reader<'_>, netuid: u16, who: &Hotkey) -> Result<u16, DispatchError> {
    let member: bool = state.get(&IS_NETWORK_MEMBER, (*who.as_bytes(), netuid))?;
    let uid = uid_of(state, netuid, who)?.filter(|_| member);
    let unknown = DispatchError::Module("SubtensorModule", "HotKeyNotRegisteredInSubNet");
    uid.ok_or(unknown)
}

/// Notes that a UID has updated in block `block`.
pub(crate) fn set_last_update(
    storage: &mut Storage<'_>,
    index: u16,
    uid: u16,
    block: u64,
) -> Result<(), MetadataError> {
    let mut updates: Vec<u64> = storage.reader().get(&LAST_UPDATE, (index,))?;
    if let Some(update) = updates.get_mut(usize::from(uid)) {
        *update = block;
    }
    storage.put(&LAST_UPDATE, (index,), &updates)
}

pub(crate) fn ensure(condition: bool, error: &'static str) -> Result<(), DispatchError> {
    match condition {
        true => Ok(()),
        false => Err(DispatchError::Module("SubtensorModule", error)),
    }
}

/// Runs the call in block `block`. Nothing is written unless every check passes.
pub(crate) fn set_weights(
    storage: &mut Storage<'_>,
    who: &Hotkey,
    block: u64,
    call: &SetWeights,
) -> Result<WeightsSet, DispatchError> {
    let commit_reveal: bool = storage.reader().get(&COMMIT_REVEAL, (call.netuid,))?;
    ensure(!commit_reveal, "CommitRevealEnabled")?;
    apply(storage, who, block, call)
}

/// What the call and a reveal have in common (`internal_set_weights`). With commit-reveal the commit has been limited and noted,
/// so that the reveal is not.
pub(crate) fn apply(
    storage: &mut Storage<'_>,
    who: &Hotkey,
    block: u64,
    call: &SetWeights,
) -> Result<WeightsSet, DispatchError> {
    let uid = check(storage.reader(), who, block, call)?;
    let index = storage_index(call.netuid, call.mechanism);
    let row: Vec<(u16, u16)> = call
        .dests
        .iter()
        .copied()
        .zip(max_upscale(&call.weights))
        .collect();
    storage.put(&WEIGHTS, (index, uid), &row)?;
    if !storage.reader().get(&COMMIT_REVEAL, (call.netuid,))? {
        set_last_update(storage, index, uid, block)?;
    }
    Ok((index, uid))
}

fn check(state: Reader<'_>, who: &Hotkey, block: u64, call: &SetWeights) -> Result<u16, DispatchError> {
    let netuid = call.netuid;
    ensure(netuid != 0, "CanNotSetRootNetworkWeights")?;
    ensure(call.dests.len() == call.weights.len(), "WeightVecNotEqualSize")?;
    let exists = mechanism_exists(state, netuid, call.mechanism)?;
    ensure(exists, "MechanismDoesNotExist")?;
    let neurons: u16 = state.get(&SUBNETWORK_N, (netuid,))?;
    ensure(
        call.dests.len() <= usize::from(neurons),
        "UidsLengthExceedUidsInSubNet",
    )?;
    let uid = member(state, netuid, who)?;
    ensure(
        has_enough_stake(state, who, netuid)?,
        "NotEnoughStakeToSetWeights",
    )?;
    let version: u64 = state.get(&WEIGHTS_VERSION, (netuid,))?;
    ensure(
        version == 0 || call.version_key >= version,
        "IncorrectWeightVersionKey",
    )?;
    let commit_reveal: bool = state.get(&COMMIT_REVEAL, (netuid,))?;
    let rate_ok = commit_reveal || is_rate_ok(state, (netuid, call.mechanism), uid, block)?;
    ensure(rate_ok, "SettingWeightsTooFast")?;

    let for_itself = call.dests == [uid];
    let permits: Vec<bool> = state.get(&VALIDATOR_PERMIT, (netuid,))?;
    let permit = permits.get(usize::from(uid)).copied().unwrap_or_default();
    let permit = permit || for_itself || is_owner(state, netuid, who)?;
    ensure(permit, "NeuronNoValidatorPermit")?;
    let distinct: BTreeSet<&u16> = call.dests.iter().collect();
    ensure(distinct.len() == call.dests.len(), "DuplicateUids")?;
    ensure(
        call.dests.iter().all(|dest| *dest < neurons),
        "UidVecContainInvalidOne",
    )?;
    let minimum: u16 = state.get(&MIN_ALLOWED_WEIGHTS, (netuid,))?;
    let enough = call.dests.len() >= usize::from(minimum.min(neurons));
    ensure(enough || for_itself, "WeightVecLengthIsLow")?;
    Ok(uid)
}

/// Scales so that the largest becomes 65535, with the rounding of the chain's fixed point of 32 fractional
/// bits: above 32768 the factor is rounded down first, else the product is divided.
pub(crate) fn max_upscale(weights: &[u16]) -> Vec<u16> {
    const FRACTION: u32 = 32;
    const HALF: u64 = 1 << (FRACTION - 1);
    const FACTOR_FIRST_ABOVE: u64 = 32_768;
    const MAX: u64 = 65_535;

    let max = weights.iter().copied().max().map_or(0, u64::from);
    if max == 0 {
        return weights.to_vec();
    }
    let scale = |weight: &u16| {
        let weight = u64::from(*weight);
        let scaled = if max > FACTOR_FIRST_ABOVE {
            weight * ((MAX << FRACTION) / max)
        } else {
            ((weight * MAX) << FRACTION) / max
        };
        u16::try_from((scaled + HALF) >> FRACTION).unwrap_or(u16::MAX)
    };
    weights.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Genesis, NeuronGenesis, SubnetGenesis, genesis, metadata::Metadata};

    /// The pool refuses both before a block is reached, so they show only here.
    #[test]
    fn stake_and_rate_are_checked_in_the_block_too() {
        let neuron = |seed, stake| NeuronGenesis {
            hotkey: Hotkey::from_bytes([seed; 32]),
            stake,
            validator_permit: true,
        };
        let genesis = Genesis {
            subnets: vec![SubnetGenesis {
                neurons: vec![neuron(1, 100), neuron(2, 99)],
                ..SubnetGenesis::default()
            }],
            stake_threshold: 100,
            ..Genesis::default()
        };
        let metadata = Metadata::load().unwrap();
        let mut state = genesis::build(&metadata, &genesis).unwrap();
        let mut storage = Storage {
            metadata: &metadata,
            state: &mut state,
        };
        let call = SetWeights {
            netuid: 1,
            mechanism: 0,
            dests: vec![0, 1],
            weights: vec![1, 1],
            version_key: 0,
            by_mechanism: true,
        };
        for (seed, block, expected) in [
            (2, 5, Err("NotEnoughStakeToSetWeights")),
            (1, 5, Ok((1, 0))),
            (1, 104, Err("SettingWeightsTooFast")),
            (1, 105, Ok((1, 0))),
        ] {
            let outcome = set_weights(&mut storage, &Hotkey::from_bytes([seed; 32]), block, &call);
            let outcome = outcome.map_err(|error| match error {
                DispatchError::Module(_, name) => name,
                DispatchError::Metadata(error) => panic!("{error}"),
            });
            assert_eq!(outcome, expected, "key {seed} in block {block}");
        }
    }

    #[test]
    fn the_chains_published_vectors_scale_as_published() {
        let cases: [(&[u16], &[u16]); 6] = [
            (&[], &[]),
            (&[0, 0], &[0, 0]),
            (&[1], &[65535]),
            (&[65534], &[65535]),
            (&[0, 1, 65534], &[0, 1, 65535]),
            (&[0, 1, 2, 3, 4, 65533, 65535], &[0, 1, 2, 3, 4, 65533, 65535]),
        ];
        for (weights, expected) in cases {
            assert_eq!(max_upscale(weights), expected, "{weights:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn scaling_again_changes_nothing(weights: Vec<u16>) {
            let once = max_upscale(&weights);
            proptest::prop_assert_eq!(&max_upscale(&once), &once);
        }
    }
}

//! What is read of a subnet: its neurons, its rules, and the weights that one of them has set. Each answer
//! is of one block.

use platform_domain::{BlockHash, BlockNumber, Hotkey, MechanismId, Metagraph, Netuid, Neuron, Uid};
use subxt::ext::scale_decode::DecodeAsType;

use crate::{Chain, ChainError, runtime::Runtime, view::entry};

/// The rules of a subnet for setting weights, at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism whose weights `last_update` is about.
    pub mechanism: MechanismId,
    /// How many neurons there are; UIDs are below it.
    pub neurons: u16,
    /// Blocks between the chain's epochs.
    pub tempo: u16,
    /// A vector has at least this many entries, or as many as there are neurons.
    pub min_allowed_weights: u16,
    /// The most that one entry may be of the sum, in 65535ths. The chain does not enforce it at present.
    pub max_weight_limit: u16,
    /// The least `version_key` that is taken; 0 takes any.
    pub weights_version: u64,
    /// Blocks between two settings of one UID.
    pub weights_rate_limit: u64,
    /// Whether weights are taken as commits only.
    pub commit_reveal: bool,
    /// When each UID last set weights, in UID order; zero is never. Registration counts as a setting.
    pub last_update: Vec<BlockNumber>,
}

/// The fields of `SelectiveMetagraph` that this host asks for, each absent unless asked for.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct Selection {
    pub(crate) owner_hotkey: Option<[u8; 32]>,
    pub(crate) tempo: Option<u16>,
    pub(crate) min_allowed_weights: Option<u16>,
    pub(crate) max_weights_limit: Option<u16>,
    pub(crate) weights_version: Option<u64>,
    pub(crate) weights_rate_limit: Option<u64>,
    pub(crate) num_uids: Option<u16>,
    pub(crate) commit_reveal_weights_enabled: Option<bool>,
    pub(crate) hotkeys: Option<Vec<[u8; 32]>>,
    pub(crate) validator_permit: Option<Vec<bool>>,
    pub(crate) last_update: Option<Vec<u64>>,
    pub(crate) total_stake: Option<Vec<u64>>,
}

/// The methods of the runtime API that describe subnets.
const METAGRAPH: (&str, &str) = ("SubnetInfoRuntimeApi", "get_selective_metagraph");
const MECHAGRAPH: (&str, &str) = ("SubnetInfoRuntimeApi", "get_selective_mechagraph");

/// The numbers by which the runtime API selects fields: subtensor's `SelectiveMetagraphIndex`. The enum
/// is not in the metadata; it has only ever grown at its end.
mod field {
    pub(super) const NETUID: u16 = 0;
    pub(super) const OWNER_HOTKEY: u16 = 5;
    pub(super) const TEMPO: u16 = 8;
    pub(super) const MIN_ALLOWED_WEIGHTS: u16 = 24;
    pub(super) const MAX_WEIGHTS_LIMIT: u16 = 25;
    pub(super) const WEIGHTS_VERSION: u16 = 26;
    pub(super) const WEIGHTS_RATE_LIMIT: u16 = 27;
    pub(super) const NUM_UIDS: u16 = 30;
    pub(super) const COMMIT_REVEAL: u16 = 46;
    pub(super) const HOTKEYS: u16 = 52;
    pub(super) const VALIDATOR_PERMIT: u16 = 57;
    pub(super) const LAST_UPDATE: u16 = 59;
    pub(super) const TOTAL_STAKE: u16 = 69;
}

/// Subtensor keeps the mechanisms of all subnets in one map: the key is the mechanism times this number
/// (`GLOBAL_MAX_SUBNET_COUNT`) plus the subnet.
const SUBNETS_MAX: u16 = 4096;

impl Chain {
    /// Reads who is registered with how much stake, and the owner's hotkey, at the best block.
    pub async fn metagraph(&self, netuid: Netuid) -> Result<Metagraph, ChainError> {
        let (number, hash) = self.best_block().await?;
        let runtime = self.runtime_at(hash).await?;
        let fields = vec![
            field::NETUID,
            field::OWNER_HOTKEY,
            field::HOTKEYS,
            field::VALIDATOR_PERMIT,
            field::TOTAL_STAKE,
        ];
        let selection = self.selection(&runtime, netuid, fields, hash).await?;
        let owner = selection.owner_hotkey.map(Hotkey::from_bytes);
        Ok(Metagraph::new(netuid, (number, hash), owner, neurons(selection)?))
    }

    /// Reads the rules for setting weights at a block.
    pub async fn subnet(
        &self,
        netuid: Netuid,
        mechanism: MechanismId,
        at: BlockHash,
    ) -> Result<Subnet, ChainError> {
        let runtime = self.runtime_at(at).await?;
        let fields = vec![
            field::NETUID,
            field::TEMPO,
            field::MIN_ALLOWED_WEIGHTS,
            field::MAX_WEIGHTS_LIMIT,
            field::WEIGHTS_VERSION,
            field::WEIGHTS_RATE_LIMIT,
            field::NUM_UIDS,
            field::COMMIT_REVEAL,
            field::LAST_UPDATE,
        ];
        let main = self.selection(&runtime, netuid, fields, at).await?;
        let last_update = match mechanism {
            MechanismId(0) => asked(METAGRAPH, "last_update", main.last_update)?,
            _ => self.last_update(&runtime, netuid, mechanism, at).await?,
        };
        Ok(Subnet {
            netuid,
            mechanism,
            neurons: asked(METAGRAPH, "num_uids", main.num_uids)?,
            tempo: asked(METAGRAPH, "tempo", main.tempo)?,
            min_allowed_weights: asked(METAGRAPH, "min_allowed_weights", main.min_allowed_weights)?,
            max_weight_limit: asked(METAGRAPH, "max_weights_limit", main.max_weights_limit)?,
            weights_version: asked(METAGRAPH, "weights_version", main.weights_version)?,
            weights_rate_limit: asked(METAGRAPH, "weights_rate_limit", main.weights_rate_limit)?,
            commit_reveal: asked(METAGRAPH, "commit_reveal", main.commit_reveal_weights_enabled)?,
            last_update: last_update.into_iter().map(BlockNumber).collect(),
        })
    }

    /// Reads the weights that a UID has set, as the chain holds them; empty when it has set none.
    pub async fn weights(
        &self,
        netuid: Netuid,
        mechanism: MechanismId,
        uid: Uid,
        at: BlockHash,
    ) -> Result<Vec<(Uid, u16)>, ChainError> {
        let runtime = self.runtime_at(at).await?;
        let index = storage_index(netuid, mechanism)?;
        let key = runtime.storage_key(entry::WEIGHTS, (index, uid.0))?;
        let bytes = self.rpc().storage(&key, at).await?;
        let weights: Vec<(u16, u16)> = runtime.storage_value(entry::WEIGHTS, bytes.as_deref())?;
        Ok(weights
            .into_iter()
            .map(|(uid, weight)| (Uid(uid), weight))
            .collect())
    }

    /// What the chain compares with `StakeThreshold`, by UID: the stake weight of alpha and TAO, inherited stake included
    /// (`get_stake_weights_for_hotkey_on_subnet`, spec 425).
    pub(crate) async fn stakes(
        &self,
        runtime: &Runtime,
        netuid: Netuid,
        at: BlockHash,
    ) -> Result<Vec<u64>, ChainError> {
        let fields = vec![field::NETUID, field::TOTAL_STAKE];
        let selection = self.selection(runtime, netuid, fields, at).await?;
        asked(METAGRAPH, "total_stake", selection.total_stake)
    }

    async fn selection(
        &self,
        runtime: &Runtime,
        netuid: Netuid,
        fields: Vec<u16>,
        at: BlockHash,
    ) -> Result<Selection, ChainError> {
        let (function, arguments) = runtime.api_call(METAGRAPH, (netuid.0, fields))?;
        let bytes = self.rpc().call(&function, &arguments, at).await?;
        let found: Option<Selection> = runtime.api_answer(METAGRAPH, &bytes)?;
        found.ok_or(ChainError::NoSubnet(netuid))
    }

    /// The one field of the metagraph that each mechanism has of its own.
    async fn last_update(
        &self,
        runtime: &Runtime,
        netuid: Netuid,
        mechanism: MechanismId,
        at: BlockHash,
    ) -> Result<Vec<u64>, ChainError> {
        let arguments = (netuid.0, mechanism.0, vec![field::NETUID, field::LAST_UPDATE]);
        let (function, arguments) = runtime.api_call(MECHAGRAPH, arguments)?;
        let bytes = self.rpc().call(&function, &arguments, at).await?;
        let found: Option<Selection> = runtime.api_answer(MECHAGRAPH, &bytes)?;
        // The runtime answers for a mechanism that does not exist as well, with an empty list.
        let last_update = found
            .and_then(|found| found.last_update)
            .filter(|list| !list.is_empty());
        last_update.ok_or(ChainError::NoMechanism { netuid, mechanism })
    }
}

/// Puts the lists together, which have one entry for each UID.
fn neurons(selection: Selection) -> Result<Vec<Neuron>, ChainError> {
    let hotkeys = asked(METAGRAPH, "hotkeys", selection.hotkeys)?;
    let permits = asked(METAGRAPH, "validator_permit", selection.validator_permit)?;
    let stakes = asked(METAGRAPH, "total_stake", selection.total_stake)?;
    if permits.len() != hotkeys.len() || stakes.len() != hotkeys.len() {
        let lengths = format!(
            "{} hotkeys, {} permits, {} stakes",
            hotkeys.len(),
            permits.len(),
            stakes.len()
        );
        return Err(ChainError::runtime(METAGRAPH.1, lengths));
    }
    let neurons = hotkeys.into_iter().zip(stakes).zip(permits);
    Ok(neurons
        .map(|((hotkey, stake), validator_permit)| Neuron {
            hotkey: Hotkey::from_bytes(hotkey),
            stake,
            validator_permit,
        })
        .collect())
}

fn asked<T>((_, method): (&str, &str), field: &str, value: Option<T>) -> Result<T, ChainError> {
    value.ok_or_else(|| ChainError::runtime(method, format!("{field} was asked for but not given")))
}

/// The subnet's key in the maps that are kept per mechanism.
pub(crate) fn storage_index(netuid: Netuid, mechanism: MechanismId) -> Result<u16, ChainError> {
    if netuid.0 >= SUBNETS_MAX {
        return Err(ChainError::NoSubnet(netuid));
    }
    u16::from(mechanism.0)
        .checked_mul(SUBNETS_MAX)
        .and_then(|base| base.checked_add(netuid.0))
        .ok_or(ChainError::NoMechanism { netuid, mechanism })
}

//! Weights under commit-reveal, version 4: the payload, sealed to the round whose pulse the chain should have when it reveals,
//! after a rehearsal with a pulse that it has already.

use std::time::SystemTime;

use platform_domain::{BlockHash, BlockNumber, Hotkey};
use platform_timelock::{Payload, Pulse, SealError};
use serde::{Deserialize, Serialize};
use subxt::{
    ext::{scale_decode::DecodeAsType, scale_encode::EncodeAsType},
    transactions::DynamicPayload,
};

use crate::{
    ChainError, WeightsCall,
    extrinsic::blake2_256,
    runtime::{PALLET, Runtime},
    view::{View, entry},
    weights::by_mechanism,
};

/// What is to be remembered of a commit until it is revealed. The weights are beside it, in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The round of the beacon whose pulse opens it.
    pub round: u64,
    /// The chain's epoch it is filed under if it gets into the next block; it may be a later one.
    pub committed_in: u64,
    /// The first block that may reveal it then.
    pub first_block: BlockNumber,
    /// Blake2-256 of the sealed bytes: what tells this commit from others.
    pub commit_hash: BlockHash,
}

/// The arguments of both calls, by the runtime's names; the older one has no `mecid`.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(crate) struct CommitArguments {
    netuid: u16,
    mecid: u8,
    commit: Vec<u8>,
    reveal_round: u64,
    commit_reveal_version: u16,
}

/// A value of `Drand.Pulses`.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct StoredPulse {
    round: u64,
    randomness: Vec<u8>,
    signature: Vec<u8>,
}

/// The only version this host speaks: the payload and ciphertext of `platform-timelock`.
pub(crate) const COMMIT_REVEAL_VERSION: u16 = 4;
const COMMIT_MECHANISM: &str = "commit_timelocked_mechanism_weights";
const COMMIT: &str = "commit_timelocked_weights";

/// What is sealed for a hotkey.
pub(crate) fn payload(hotkey: Hotkey, call: &WeightsCall) -> Vec<u8> {
    let weights = call.uids.iter().copied().zip(call.values.iter().copied());
    Payload {
        hotkey,
        weights: weights.collect(),
        version_key: call.version_key,
    }
    .encode()
}

/// The call for commits that this runtime has.
pub(crate) fn commit_name(runtime: &Runtime, call: &WeightsCall) -> Result<&'static str, ChainError> {
    by_mechanism(runtime, call, COMMIT_MECHANISM, COMMIT)
}

/// The call that commits sealed bytes.
pub(crate) fn commit_call(
    runtime: &Runtime,
    call: &WeightsCall,
    commit: Vec<u8>,
    reveal_round: u64,
) -> Result<(&'static str, DynamicPayload<CommitArguments>), ChainError> {
    let name = commit_name(runtime, call)?;
    let arguments = CommitArguments {
        netuid: call.netuid.0,
        mecid: call.mechanism.0,
        commit,
        reveal_round,
        commit_reveal_version: COMMIT_REVEAL_VERSION,
    };
    Ok((name, subxt::transactions::dynamic(PALLET, name, arguments)))
}

impl View<'_> {
    /// Seals a hotkey's weights for a commit in the next block: the call, and what to remember of it.
    pub(crate) async fn seal(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
    ) -> Result<(&'static str, DynamicPayload<CommitArguments>, Sealed), ChainError> {
        let version: u16 = self.get(entry::COMMIT_REVEAL_VERSION, ()).await?;
        if version != COMMIT_REVEAL_VERSION {
            return Err(ChainError::CommitRevealVersion(version));
        }
        let timing = self.timing(call.netuid).await?;
        let content = payload(hotkey, call);
        self.rehearse(&content).await?;
        let reveal = timing.reveal(SystemTime::now()).map_err(ChainError::Schedule)?;
        let sealed = timing.beacon.seal(&content, reveal.round);
        let commit = sealed.and_then(|sealed| sealed.encode().map_err(SealError::from));
        let commit = commit.map_err(ChainError::Seal)?;
        let sealed = Sealed {
            round: reveal.round.get(),
            committed_in: reveal.committed_in.0,
            first_block: reveal.first_block,
            commit_hash: BlockHash(blake2_256(&commit)),
        };
        let (name, payload) = commit_call(&self.runtime, call, commit, sealed.round)?;
        Ok((name, payload, sealed))
    }

    /// Seals the content to the newest round that the chain has and opens it with the chain's own pulse: afterwards it does not
    /// say that it could not. The round, or `None` when it has no pulse yet.
    pub(crate) async fn rehearse(&self, content: &[u8]) -> Result<Option<u64>, ChainError> {
        let Some(pulse) = self.newest_pulse().await? else {
            return Ok(None);
        };
        let beacon = self.chain().beacon();
        beacon.rehearse(content, &pulse).map_err(ChainError::Rehearsal)?;
        Ok(Some(pulse.round.get()))
    }

    async fn newest_pulse(&self) -> Result<Option<Pulse>, ChainError> {
        let last: u64 = self.get(entry::LAST_ROUND, ()).await?;
        let stored: Option<StoredPulse> = self.find(entry::PULSES, (last,)).await?;
        let pulse = stored.map(|stored| {
            Pulse::from_parts(stored.round, &stored.randomness, &stored.signature)
                .map_err(|error| ChainError::runtime(entry::PULSES.1, error))
        });
        pulse.transpose()
    }

    /// Whether the chain has a round's pulse.
    pub(crate) async fn has_pulse(&self, round: u64) -> Result<bool, ChainError> {
        let stored: Option<StoredPulse> = self.find(entry::PULSES, (round,)).await?;
        Ok(stored.is_some())
    }
}

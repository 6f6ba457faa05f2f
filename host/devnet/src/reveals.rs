//! Commit-reveal, version 4: what comes of commits. At the start of each block, before its epochs
//! (`reveal_crv3_commits`, pallets/subtensor/src/coinbase/reveal_commits.rs, spec 425).
//!
//! The chain says nothing of a commit that it cannot open or whose weights it refuses: no event, and the commit is gone. So does
//! this node; the reason is in its log.

use parity_scale_codec::Error as ScaleError;
use platform_domain::Hotkey;
use platform_timelock::{
    Ciphertext, CiphertextError, OpenError, Payload, PayloadError, Signature, SignatureError,
};

use crate::{
    calls::SetWeights,
    commits::Commit,
    epochs,
    error::MetadataError,
    events::{Events, Phase},
    items::{MECHANISM_COUNT, PULSES, REVEAL_PERIOD, Storage, TIMELOCKED_COMMITS},
    weights::{self, DispatchError, storage_index},
};

/// Why a commit came to nothing.
#[derive(Debug, thiserror::Error)]
enum Dropped {
    #[error("the commit is no ciphertext")]
    Ciphertext(#[from] CiphertextError),
    #[error("the stored pulse has no signature")]
    Pulse(#[from] SignatureError),
    #[error("the pulse does not open the commit")]
    Open(#[from] OpenError),
    #[error("the commit holds no weights of its hotkey")]
    Payload(#[from] PayloadError),
    #[error("the weights are refused: {0}")]
    Refused(&'static str),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl From<DispatchError> for Dropped {
    fn from(error: DispatchError) -> Self {
        match error {
            DispatchError::Module(_, name) => Self::Refused(name),
            DispatchError::Metadata(error) => Self::Metadata(error),
        }
    }
}

/// Reveals what is due in block `number`, of every subnet but the root and those whose epoch has to wait.
pub(crate) fn reveal(
    storage: &mut Storage<'_>,
    events: &mut Events,
    number: u64,
) -> Result<(), MetadataError> {
    let deferred = epochs::deferred(storage.reader(), number)?;
    for netuid in storage.reader().netuids()? {
        if netuid != 0 && !deferred.contains(&netuid) {
            of_subnet(storage, events, (netuid, number))?;
        }
    }
    Ok(())
}

fn of_subnet(
    storage: &mut Storage<'_>,
    events: &mut Events,
    (netuid, number): (u16, u64),
) -> Result<(), MetadataError> {
    let period: u64 = storage.reader().get(&REVEAL_PERIOD, (netuid,))?;
    let current = epochs::current(storage.reader(), netuid, number)?;
    let due = current.saturating_sub(period);
    let mechanisms: u8 = storage.reader().get(&MECHANISM_COUNT, (netuid,))?;
    for mechanism in 0..mechanisms {
        let index = storage_index(netuid, mechanism);
        forget_before(storage, index, due)?;
        if current < period {
            return Ok(());
        }
        let Some(queue) = storage.reader().stored(&TIMELOCKED_COMMITS, (index, due))? else {
            continue;
        };
        storage.remove(&TIMELOCKED_COMMITS, (index, due))?;
        let mut waiting = Vec::new();
        for commit in queue {
            let pulse = storage.reader().stored(&PULSES, (commit.3,))?;
            let Some((_, _, signature)) = pulse else {
                // Tried again in every block of this epoch.
                waiting.push(commit);
                continue;
            };
            let place = (netuid, mechanism, number);
            match of_commit(storage, &commit, &signature, place) {
                Ok(set) => {
                    events.weights_set(storage.metadata, Phase::Initialization, set)?;
                    events.timelocked_weights_revealed(storage.metadata, (index, commit.0))?;
                }
                Err(Dropped::Metadata(error)) => return Err(error),
                Err(dropped) => {
                    let error: &dyn std::error::Error = &dropped;
                    tracing::debug!(
                        netuid,
                        mechanism,
                        commit.block = commit.1,
                        error,
                        "A commit came to nothing"
                    );
                }
            }
        }
        if !waiting.is_empty() {
            storage.put(&TIMELOCKED_COMMITS, (index, due), &waiting)?;
        }
    }
    Ok(())
}

fn of_commit(
    storage: &mut Storage<'_>,
    (who, _, sealed, _): &Commit,
    signature: &[u8],
    (netuid, mechanism, number): (u16, u8, u64),
) -> Result<weights::WeightsSet, Dropped> {
    let who = Hotkey::from_bytes(*who);
    let opened = Ciphertext::decode(sealed)?.open(&Signature::from_bytes(signature)?)?;
    let payload = Payload::revealed(&opened, &who)?;
    let (dests, weights) = payload
        .weights
        .iter()
        .map(|(uid, weight)| (uid.0, *weight))
        .unzip();
    let call = SetWeights {
        netuid,
        mechanism,
        dests,
        weights,
        version_key: payload.version_key,
        by_mechanism: true,
    };
    Ok(weights::apply(storage, &who, number, &call)?)
}

/// Removes what was committed in epochs before `due`: its time is over, revealed or not.
fn forget_before(storage: &mut Storage<'_>, index: u16, due: u64) -> Result<(), MetadataError> {
    let prefix = storage.metadata.key(TIMELOCKED_COMMITS.name(), (index,))?;
    for key in storage.reader().state.keys(&prefix, None, usize::MAX) {
        // `Twox64Concat` ends with what it hashes.
        let epoch = key.last_chunk().copied().map(u64::from_le_bytes);
        let epoch = epoch.ok_or_else(|| MetadataError::Decode(ScaleError::from("a key without an epoch")))?;
        if epoch < due {
            storage.remove(&TIMELOCKED_COMMITS, (index, epoch))?;
        }
    }
    Ok(())
}

//! Commit-reveal, version 4: taking commits. The checks in the chain's order (`do_commit_timelocked_mechanism_weights`,
//! pallets/subtensor/src/subnets/weights.rs, spec 425), its errors by name, and what it writes.
//!
//! Whether the weights are any good is not looked at here, because nobody can: see the module `reveals`.

use platform_domain::Hotkey;

use crate::{
    block::{Hash, blake2_256},
    calls::CommitTimelocked,
    epochs,
    items::{Account, COMMIT_REVEAL, COMMIT_REVEAL_VERSION, Storage, TIMELOCKED_COMMITS},
    weights::{DispatchError, ensure, is_rate_ok, mechanism_exists, member, set_last_update, storage_index},
};

/// What waits in `TimelockedWeightCommits`: who, the block of the commit, the ciphertext, its round.
pub(crate) type Commit = (Account, u64, Vec<u8>, u64);

/// What the event `TimelockedWeightsCommitted` says: who, the storage index, blake2-256 of the ciphertext, its round.
pub(crate) type Committed = (Account, u16, Hash, u64);

/// Commits of one hotkey that may wait for the same epoch.
const MAX_UNREVEALED: usize = 10;

/// Runs the call in block `block`. Nothing is written unless every check passes.
pub(crate) fn commit(
    storage: &mut Storage<'_>,
    who: &Hotkey,
    block: u64,
    call: &CommitTimelocked,
) -> Result<Committed, DispatchError> {
    let (netuid, state) = (call.netuid, storage.reader());
    let exists = mechanism_exists(state, netuid, call.mechanism)?;
    ensure(exists, "MechanismDoesNotExist")?;
    let commit_reveal: bool = state.get(&COMMIT_REVEAL, (netuid,))?;
    ensure(commit_reveal, "CommitRevealDisabled")?;
    let version: u16 = state.get(&COMMIT_REVEAL_VERSION, ())?;
    ensure(call.version == version, "IncorrectCommitRevealVersion")?;
    let uid = member(state, netuid, who)?;
    let rate_ok = is_rate_ok(state, (netuid, call.mechanism), uid, block)?;
    ensure(rate_ok, "CommittingWeightsTooFast")?;

    let index = storage_index(netuid, call.mechanism);
    let key = (index, epochs::current(state, netuid, block)?);
    let mut queue = state.get(&TIMELOCKED_COMMITS, key)?;
    let own = queue.iter().filter(|commit| commit.0 == *who.as_bytes()).count();
    ensure(own < MAX_UNREVEALED, "TooManyUnrevealedCommits")?;
    queue.push((*who.as_bytes(), block, call.commit.clone(), call.reveal_round));
    storage.put(&TIMELOCKED_COMMITS, key, &queue)?;
    set_last_update(storage, index, uid, block)?;
    Ok((
        *who.as_bytes(),
        index,
        blake2_256(&[&call.commit]),
        call.reveal_round,
    ))
}

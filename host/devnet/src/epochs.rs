//! When epochs run: the stateful schedule of spec 423 and later (pallets/subtensor/src/coinbase/run_coinbase.rs). Running one
//! moves the schedule and nothing else; there is no consensus here to compute.
//!
//! At the start of a block the chain first reveals commits and then runs the epochs that are due. Both ask the same question of
//! the same state, which `platform_timelock::Epochs` answers; what the chain adds is that more than `MaxEpochsPerBlock` wait.

use platform_domain::BlockNumber;
use platform_timelock::Epochs;

use crate::{
    config::RuntimeAge,
    error::MetadataError,
    items::{
        BLOCKS_SINCE_LAST_STEP, LAST_EPOCH_BLOCK, MAX_EPOCHS_PER_BLOCK, PENDING_EPOCH_AT, Reader,
        SUBNET_EPOCH_INDEX, Storage, TEMPO,
    },
};

/// A subnet's schedule, as the block before `number` left it.
pub(crate) fn schedule(state: Reader<'_>, netuid: u16, number: u64) -> Result<Epochs, MetadataError> {
    let key = (netuid,);
    Ok(Epochs {
        head: BlockNumber(number.saturating_sub(1)),
        last_epoch_block: BlockNumber(state.get(&LAST_EPOCH_BLOCK, key)?),
        pending_epoch_at: BlockNumber(state.get(&PENDING_EPOCH_AT, key)?),
        epoch_index: state.get(&SUBNET_EPOCH_INDEX, key)?,
        tempo: state.get(&TEMPO, key)?,
        blocks_since_last_step: state.get(&BLOCKS_SINCE_LAST_STEP, key)?,
    })
}

/// `get_next_epoch_start_block`: a tempo after the last one, or sooner if one is pending. `None` if it never has one.
pub(crate) fn next_epoch(state: Reader<'_>, netuid: u16) -> Result<Option<u64>, MetadataError> {
    let tempo: u16 = state.get(&TEMPO, (netuid,))?;
    if tempo == 0 {
        return Ok(None);
    }
    let last: u64 = state.get(&LAST_EPOCH_BLOCK, (netuid,))?;
    let due = last.saturating_add(tempo.into());
    let pending: u64 = state.get(&PENDING_EPOCH_AT, (netuid,))?;
    Ok(Some(if pending > 0 { due.min(pending) } else { due }))
}

/// `current_epoch_with_lookahead`: the epoch that commits and reveals of block `number` go by. An epoch that is due in this block
/// counts already, so that a commit is filed under the same epoch before and after it has run.
pub(crate) fn current(state: Reader<'_>, netuid: u16, number: u64) -> Result<u64, MetadataError> {
    match state.metadata.age() {
        RuntimeAge::Present => Ok(schedule(state, netuid, number)?.epoch_in(BlockNumber(number))),
        RuntimeAge::Old => {
            let tempo: u16 = state.get(&TEMPO, (netuid,))?;
            Ok(grid(netuid, tempo, number).0)
        }
    }
}

/// `epochs_deferred_this_block`: the subnets, in order, whose epoch is due at the start of block `number` and has to wait.
pub(crate) fn deferred(state: Reader<'_>, number: u64) -> Result<Vec<u16>, MetadataError> {
    let mut left: u8 = state.get(&MAX_EPOCHS_PER_BLOCK, ())?;
    let mut deferred = Vec::new();
    if state.metadata.age() == RuntimeAge::Old {
        return Ok(deferred);
    }
    for netuid in state.netuids()? {
        let due = schedule(state, netuid, number)?.runs_in(BlockNumber(number));
        match (due, left.checked_sub(1)) {
            (true, Some(fewer)) => left = fewer,
            (true, None) => deferred.push(netuid),
            (false, _) => {}
        }
    }
    Ok(deferred)
}

/// Runs the epochs due at the start of block `number`; those beyond the limit wait for the next block.
pub(crate) fn step(storage: &mut Storage<'_>, number: u64) -> Result<(), MetadataError> {
    if storage.metadata.age() == RuntimeAge::Old {
        return step_on_grid(storage, number);
    }
    let mut left: u8 = storage.reader().get(&MAX_EPOCHS_PER_BLOCK, ())?;
    for netuid in storage.reader().netuids()? {
        let key = (netuid,);
        let before = schedule(storage.reader(), netuid, number)?;
        let after = before.after(BlockNumber(number));
        let ran = after.epoch_index != before.epoch_index;
        let fewer = left.checked_sub(1);
        let since = match fewer {
            Some(fewer) if ran => {
                left = fewer;
                storage.put(&SUBNET_EPOCH_INDEX, key, &after.epoch_index)?;
                storage.put(&LAST_EPOCH_BLOCK, key, &after.last_epoch_block.0)?;
                storage.put(&PENDING_EPOCH_AT, key, &after.pending_epoch_at.0)?;
                after.blocks_since_last_step
            }
            _ => before.blocks_since_last_step.saturating_add(1),
        };
        storage.put(&BLOCKS_SINCE_LAST_STEP, key, &since)?;
    }
    Ok(())
}

/// Up to spec 422 (`get_epoch_index` and `blocks_until_next_epoch`): the epoch of a block, and the blocks left to the one in which
/// it ends.
fn grid(netuid: u16, tempo: u16, number: u64) -> (u64, u64) {
    let (place, length) = (number.saturating_add(u64::from(netuid) + 1), u64::from(tempo) + 1);
    (place / length, u64::from(tempo) - place % length)
}

fn step_on_grid(storage: &mut Storage<'_>, number: u64) -> Result<(), MetadataError> {
    for netuid in storage.reader().netuids()? {
        let key = (netuid,);
        let tempo: u16 = storage.reader().get(&TEMPO, key)?;
        let since: u64 = storage.reader().get(&BLOCKS_SINCE_LAST_STEP, key)?;
        let runs = tempo != 0 && grid(netuid, tempo, number).1 == 0;
        let since = if runs { 0 } else { since.saturating_add(1) };
        storage.put(&BLOCKS_SINCE_LAST_STEP, key, &since)?;
    }
    Ok(())
}

//! When epochs run: the stateful schedule of spec 423 and later. Running one moves the schedule and nothing
//! else; there is no consensus here to compute.

use crate::{
    error::MetadataError,
    items::{
        BLOCKS_SINCE_LAST_STEP, LAST_EPOCH_BLOCK, MAX_EPOCHS_PER_BLOCK, PENDING_EPOCH_AT, Reader,
        SUBNET_EPOCH_INDEX, Storage, TEMPO,
    },
};

/// The block of a subnet's next epoch: a tempo after the last one, or sooner if one is pending. `None` if it
/// never has one.
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

/// Runs the epochs due at the start of block `number`; those beyond the limit wait for the next block.
pub(crate) fn step(storage: &mut Storage<'_>, number: u64) -> Result<(), MetadataError> {
    let mut left: u8 = storage.reader().get(&MAX_EPOCHS_PER_BLOCK, ())?;
    for netuid in storage.reader().netuids()? {
        let due = next_epoch(storage.reader(), netuid)?.is_some_and(|due| due <= number);
        let key = (netuid,);
        if due && left > 0 {
            left -= 1;
            let index: u64 = storage.reader().get(&SUBNET_EPOCH_INDEX, key)?;
            storage.put(&SUBNET_EPOCH_INDEX, key, &index.saturating_add(1))?;
            storage.put(&LAST_EPOCH_BLOCK, key, &number)?;
            storage.put(&PENDING_EPOCH_AT, key, &0)?;
            storage.put(&BLOCKS_SINCE_LAST_STEP, key, &0)?;
        } else {
            let since: u64 = storage.reader().get(&BLOCKS_SINCE_LAST_STEP, key)?;
            storage.put(&BLOCKS_SINCE_LAST_STEP, key, &since.saturating_add(1))?;
        }
    }
    Ok(())
}

//! Epochs on a grid of blocks, the same for ever: chains up to spec 422.

use platform_domain::{BlockNumber, Netuid};

use super::{RevealPeriod, ScheduleError};

/// Where a subnet is on its grid (`get_epoch_index`, pallets/subtensor, up to spec 422): the epoch of a block is
/// `floor((block + netuid + 1) / (tempo + 1))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The best block.
    pub head: BlockNumber,
    /// The subnet, also for its other mechanisms.
    pub netuid: Netuid,
    /// `Tempo`, blocks between two epochs without the one itself.
    pub tempo: u16,
}

impl Grid {
    /// The commit's epoch is the head's, and it is revealed from the first block of `epoch + period`:
    /// `(epoch + period) · (tempo + 1) − (netuid + 1)`.
    pub(super) fn first_reveal(&self, period: RevealPeriod) -> Result<(u64, BlockNumber), ScheduleError> {
        let (shift, step) = (self.shift(), self.step()?);
        let block = self.head.0.checked_add(shift);
        let epoch = block.and_then(|block| block.checked_div(step));
        let first = epoch.and_then(|epoch| {
            epoch
                .checked_add(period.get())?
                .checked_mul(step)?
                .checked_sub(shift)
        });
        epoch.zip(first.map(BlockNumber)).ok_or(ScheduleError::Overflow)
    }

    /// An epoch ends in the last block before the next one begins: where `(block + netuid + 1) mod (tempo + 1)` is `tempo`.
    pub(super) fn next_epoch(&self) -> Result<BlockNumber, ScheduleError> {
        let step = self.step()?;
        let next = self.head.0.checked_add(1);
        let place = next
            .and_then(|next| next.checked_add(self.shift())?.checked_rem(step))
            .ok_or(ScheduleError::Overflow)?;
        let left = u64::from(self.tempo).saturating_sub(place);
        let block = next.and_then(|next| next.checked_add(left));
        block.map(BlockNumber).ok_or(ScheduleError::Overflow)
    }

    fn shift(&self) -> u64 {
        u64::from(self.netuid.0) + 1
    }

    const fn step(&self) -> Result<u64, ScheduleError> {
        match self.tempo {
            0 => Err(ScheduleError::NoTempo),
            // Widening.
            tempo => Ok(tempo as u64 + 1),
        }
    }
}

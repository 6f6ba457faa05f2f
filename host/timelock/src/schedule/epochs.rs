//! Epochs that the chain counts: since spec 423, where an owner may move them.
//!
//! What the chain does block by block (`should_run_epoch`, `current_epoch_with_lookahead` and `run_coinbase`, pallets/subtensor,
//! spec 425; bittensor-drand 2.0.0, `epoch_schedule.rs`):
//!
//! ```text
//! runs(s, b)   = tempo ≠ 0 and (pending > 0 and b ≥ pending, or since > 50400, or b − last ≥ tempo)
//! epoch(s, b)  = index + (1 if runs(s, b))                          what commits and reveals of block b go by
//! after(s, b)  : since += 1; if runs(s, b): last = b, pending = 0, index += 1, since = 0
//! ```
//!
//! A commit is revealed in the first block whose epoch is exactly that of the commit and the period; here it is found in one
//! step for each epoch instead of one for each block. That the chain may put an epoch off by a block when more than
//! `MaxEpochsPerBlock` are due is not foreseen, as the chain's own client does not.

use platform_domain::BlockNumber;

use super::{RevealPeriod, ScheduleError};
use crate::limits::MAX_TEMPO;

/// What the chain keeps of a subnet's epochs, each field a value of `SubtensorModule` under the netuid, at one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// The best block, at which all others were read.
    pub head: BlockNumber,
    /// `LastEpochBlock`: when the last epoch ran.
    pub last_epoch_block: BlockNumber,
    /// `PendingEpochAt`: when the owner wants the next one; 0 for never.
    pub pending_epoch_at: BlockNumber,
    /// `SubnetEpochIndex`: how many have run.
    pub epoch_index: u64,
    /// `Tempo`: blocks between two epochs, the one itself among them.
    pub tempo: u16,
    /// `BlocksSinceLastStep`: against being put off for ever.
    pub blocks_since_last_step: u64,
}

impl Epochs {
    /// Whether an epoch runs in `block`, when this is the state after the block before.
    pub fn runs_in(&self, block: BlockNumber) -> bool {
        self.tempo != 0
            && ((self.pending_epoch_at.0 > 0 && block >= self.pending_epoch_at)
                || self.blocks_since_last_step > MAX_TEMPO
                || block.0.saturating_sub(self.last_epoch_block.0) >= u64::from(self.tempo))
    }

    /// The epoch that commits and reveals in `block` go by, when this is the state after the block before.
    pub fn epoch_in(&self, block: BlockNumber) -> u64 {
        self.epoch_index.saturating_add(self.runs_in(block).into())
    }

    /// The state after `block`, when this is the one before it. A test node does this in each block.
    #[must_use]
    pub fn after(mut self, block: BlockNumber) -> Self {
        self.head = block;
        self.blocks_since_last_step = self.blocks_since_last_step.saturating_add(1);
        if self.runs_in(block) {
            self.last_epoch_block = block;
            self.pending_epoch_at = BlockNumber(0);
            self.epoch_index = self.epoch_index.saturating_add(1);
            self.blocks_since_last_step = 0;
        }
        self
    }

    pub(super) fn next_epoch(&self) -> Result<BlockNumber, ScheduleError> {
        let next = self.next_block()?;
        self.runs_from(next, 1)
    }

    /// Epoch of a commit in the next block, and the first block that reveals it.
    pub(super) fn first_reveal(&self, period: RevealPeriod) -> Result<(u64, BlockNumber), ScheduleError> {
        let mut state = *self;
        let mut block = state.next_block()?;
        // Also tells that there is an epoch at all.
        let mut runs = state.runs_from(block, 1)?;
        let committed = state.epoch_in(block);
        let target = committed.checked_add(period.get());
        let target = target.ok_or(ScheduleError::Overflow)?;
        // In each turn an epoch runs, so the target is reached or passed.
        while state.epoch_in(block) < target {
            // What is looked up in a block does not count that block yet: of an epoch that runs because too many blocks went
            // by, it sees nothing until the next one.
            let seen = state.runs_from(block, 0)? == runs;
            if seen && state.epoch_index.checked_add(1) == Some(target) {
                return Ok((committed, runs));
            }
            state = state.without_epoch(block, runs).after(runs);
            block = state.next_block()?;
            runs = state.runs_from(block, 1)?;
        }
        if state.epoch_in(block) == target {
            Ok((committed, block))
        } else {
            Err(ScheduleError::NeverRevealed)
        }
    }

    fn next_block(&self) -> Result<BlockNumber, ScheduleError> {
        let next = self.head.0.checked_add(1);
        next.map(BlockNumber).ok_or(ScheduleError::Overflow)
    }

    /// The first block from `block` on in which an epoch runs, when this is the state before it and each block has counted
    /// itself (`itself` = 1) or not (0).
    fn runs_from(&self, block: BlockNumber, itself: u64) -> Result<BlockNumber, ScheduleError> {
        if self.tempo == 0 {
            return Err(ScheduleError::NoTempo);
        }
        let pending = (self.pending_epoch_at.0 > 0).then_some(self.pending_epoch_at.0);
        let due = self.last_epoch_block.0.checked_add(self.tempo.into());
        let counted = self.blocks_since_last_step.saturating_add(itself);
        let overdue = block.0.checked_add((MAX_TEMPO + 1).saturating_sub(counted));
        let first = [pending, due, overdue].into_iter().flatten().min();
        let first = first.ok_or(ScheduleError::Overflow)?;
        Ok(BlockNumber(first.max(block.0)))
    }

    /// The state before `to`, when this is the one before `from` and no epoch runs between.
    fn without_epoch(mut self, from: BlockNumber, to: BlockNumber) -> Self {
        let blocks = to.0.saturating_sub(from.0);
        self.blocks_since_last_step = self.blocks_since_last_step.saturating_add(blocks);
        self
    }
}

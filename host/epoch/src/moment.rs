//! Where the chain is: which epoch its best block is in, and how long that goes on.

use std::time::Duration;

use platform_chain::{Chain, ChainError, Timing};
use platform_domain::{BlockHash, BlockNumber, EpochId};
use platform_fallback::limits::MAX_LIFE;
use platform_store::{EpochKey, Lane, Numbering};

use crate::{EpochError, Schedule, limits::LAST_BLOCKS};

/// The chain at one block, as a schedule sees it.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The best block when it was looked at.
    pub(crate) block: (BlockNumber, BlockHash),
    /// The epoch.
    pub(crate) epoch: EpochKey,
    /// Blocks until another epoch's first one.
    pub(crate) left: u64,
    /// Blocks of a whole epoch.
    pub(crate) length: u64,
    /// When the chain's own epochs are.
    pub(crate) timing: Timing,
}

impl Moment {
    /// Reads it at a block.
    pub(crate) async fn at(
        chain: &Chain,
        schedule: Schedule,
        lane: Lane,
        block: (BlockNumber, BlockHash),
    ) -> Result<Self, EpochError> {
        let timing = chain.timing(lane.netuid, block.1).await?;
        let height = block.0.0;
        let numbering = schedule.numbering();
        let (number, ends, length) = match numbering {
            Numbering::Every(blocks) => {
                let number = height.checked_div(blocks).unwrap_or(height);
                let ends = number.saturating_add(1).saturating_mul(blocks);
                (EpochId(number), ends, blocks)
            }
            Numbering::Tempo | Numbering::Blocks => {
                let number = timing.epoch().map_err(ChainError::Schedule)?;
                let ends = timing.next_epoch().map_err(ChainError::Schedule)?;
                (number, ends.0, timing.length())
            }
        };
        let epoch = EpochKey {
            lane,
            numbering,
            epoch: number,
        };
        Ok(Self {
            block,
            epoch,
            left: ends.saturating_sub(height),
            length,
            timing,
        })
    }

    /// Whether an epoch may still begin: never in its last blocks, since asking, signing and a block for the weights take
    /// theirs. In an epoch of few blocks that is its last quarter.
    pub(crate) fn is_open(&self, collecting: Duration) -> bool {
        let collecting = collecting
            .as_millis()
            .checked_div(self.timing.block_time.as_millis());
        let collecting = u64::try_from(collecting.unwrap_or_default()).unwrap_or(u64::MAX);
        self.left > LAST_BLOCKS.saturating_add(collecting).min(self.length / 4)
    }

    /// For how long other hosts are told of weights of now: as long as two epochs take, so that one that fails here does not
    /// leave them without; and before that, as long as the chain keeps them sealed.
    pub(crate) fn told_for(&self, sealed: bool) -> Duration {
        let kept = if sealed {
            self.timing.reveal_period.get()
        } else {
            0
        };
        let kept = self.timing.length().saturating_mul(kept);
        let blocks = u32::try_from(self.length.saturating_mul(2).saturating_add(kept)).unwrap_or(u32::MAX);
        self.timing.block_time.saturating_mul(blocks).min(MAX_LIFE)
    }
}

//! When the chain reveals a commit, and thus to which round it is sealed.
//!
//! Since spec 423 the chain keeps when each subnet's last epoch was ([`Epochs`]); before that epochs lay on a grid of blocks
//! ([`Grid`]). Whether `SubtensorModule.LastEpochBlock` is in the metadata tells the two apart. All numbers come from a node,
//! read at one block: they may be any.

mod epochs;
mod grid;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_domain::BlockNumber;

use crate::{Beacon, MomentError, Round, limits::MAX_REVEAL_PERIOD};

pub use epochs::Epochs;
pub use grid::Grid;

/// When a subnet's epochs are, by what its chain keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Spec 423 and later.
    Epochs(Epochs),
    /// Up to spec 422.
    Grid(Grid),
}

/// The number of an epoch of a subnet on the chain, which is not one of this host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubnetEpoch(pub u64);

/// After how many epochs a commit is revealed: `RevealPeriodEpochs`, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevealPeriod(u64);

/// When a commit that is sent now will be revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// Under which the chain files a commit that is in the next block.
    pub committed_in: SubnetEpoch,
    /// The first block that may reveal it.
    pub first_block: BlockNumber,
    /// What it is sealed to.
    pub round: Round,
}

/// Why there is no reveal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// No epochs.
    #[error("the subnet's tempo is 0: it has no epochs, so nothing is ever revealed")]
    NoTempo,
    /// Outside of what the chain allows.
    #[error("a reveal period of {0} epochs is none that a chain has: from 1 to {MAX_REVEAL_PERIOD}")]
    Period(u64),
    /// Its epoch is passed over.
    #[error("no block is in the epoch that would reveal a commit of now; try again in the next block")]
    NeverRevealed,
    /// Beyond what there are numbers for.
    #[error("the schedule has numbers that no chain reaches; is the node sound?")]
    Overflow,
    /// Blocks take no time.
    #[error("the time between blocks is 0; it is `Aura.SlotDuration`, 12 s or 250 ms")]
    NoBlockTime,
    /// Beyond every round.
    #[error(transparent)]
    Moment(#[from] MomentError),
}

/// Blocks after the first that may reveal, until when the chain shall have the pulse (bittensor-drand 2.0.0,
/// `SECURITY_BLOCK_OFFSET`): blocks that come late must not make the weights readable before the epoch that reveals them.
const SECURITY_BLOCKS: u64 = 3;

impl RevealPeriod {
    /// Takes what the chain has.
    pub fn new(epochs: u64) -> Result<Self, ScheduleError> {
        if (1..=MAX_REVEAL_PERIOD).contains(&epochs) {
            Ok(Self(epochs))
        } else {
            Err(ScheduleError::Period(epochs))
        }
    }

    /// How many epochs.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Schedule {
    /// The block all this was read at, the best one.
    pub const fn head(&self) -> BlockNumber {
        match self {
            Self::Epochs(epochs) => epochs.head,
            Self::Grid(grid) => grid.head,
        }
    }

    /// The first block after the head in which an epoch ends, if everything stays as it is: what is revealed before counts.
    pub fn next_epoch(&self) -> Result<BlockNumber, ScheduleError> {
        match self {
            Self::Epochs(epochs) => epochs.next_epoch(),
            Self::Grid(grid) => grid.next_epoch(),
        }
    }

    /// When a commit that is sent now will be revealed, and the round to seal it to (bittensor-drand 2.0.0,
    /// `generate_commit_v2`, and before that `generate_commit`):
    ///
    /// `max(1, floor((now + (first_block + 3 − head) · block_time − genesis) / period))`
    ///
    /// A commit that gets into a later epoch than that of the next block is revealed that much later, and can be read before.
    ///
    /// `block_time` is `Aura.SlotDuration`. The netuid of a grid is the subnet's also for mechanisms other than the first.
    pub fn reveal(
        &self,
        period: RevealPeriod,
        beacon: &Beacon,
        now: SystemTime,
        block_time: Duration,
    ) -> Result<Reveal, ScheduleError> {
        if block_time.is_zero() {
            return Err(ScheduleError::NoBlockTime);
        }
        let (committed_in, first_block) = match self {
            Self::Epochs(epochs) => epochs.first_reveal(period)?,
            Self::Grid(grid) => grid.first_reveal(period)?,
        };
        let blocks = first_block
            .0
            .saturating_add(SECURITY_BLOCKS)
            .saturating_sub(self.head().0);
        let wait = u128::from(blocks).checked_mul(block_time.as_nanos());
        // A clock before 1970 stands at 1970; beyond genesis the formula has nothing to say anyway.
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let moment = wait.and_then(|wait| now.checked_add(wait)).ok_or(MomentError)?;
        Ok(Reveal {
            committed_in: SubnetEpoch(committed_in),
            first_block,
            round: beacon.round_for(moment)?,
        })
    }
}

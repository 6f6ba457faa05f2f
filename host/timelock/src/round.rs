//! The number of a pulse.

use std::{fmt, num::NonZeroU64};

/// The number of a pulse of a beacon. The first one is 1; on the chain it is a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(NonZeroU64);

/// There is no round 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rounds of a beacon begin at 1; 0 is none")]
pub struct RoundError;

impl Round {
    /// The one at the beacon's genesis.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// Takes a number as the chain has it.
    pub fn new(number: u64) -> Result<Self, RoundError> {
        NonZeroU64::new(number).map(Self).ok_or(RoundError)
    }

    /// The number as the chain has it.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The next one, unless this is the last that has a number.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u64> for Round {
    type Error = RoundError;

    fn try_from(number: u64) -> Result<Self, RoundError> {
        Self::new(number)
    }
}

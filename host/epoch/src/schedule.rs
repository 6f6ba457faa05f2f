//! When epochs begin and how they are counted: a choice of the operator.

use std::{fmt, str::FromStr};

use platform_domain::serde_as_text;
use platform_store::Numbering;

/// When epochs begin. The text forms are `tempo`, `every N blocks` and `manual`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// One in each epoch of the chain, at its beginning. Weights that are taken at once then count when it ends, and those
    /// that are committed are revealed in the next; a host that is late has the rest of the epoch.
    #[default]
    Tempo,
    /// One in every so many blocks, whatever the chain's epochs are: epoch `block / N` begins with its first block. At least 1.
    Every(u64),
    /// Only when the operator asks. Counted as the chain counts, so there is one in an epoch of the chain at most.
    Manual,
}

/// The text names no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schedule is \"tempo\", \"every N blocks\" with N from 1, or \"manual\"")]
pub struct UnknownSchedule;

impl Schedule {
    /// What the ledger files its epochs under.
    pub const fn numbering(self) -> Numbering {
        match self {
            Self::Tempo | Self::Manual => Numbering::Tempo,
            Self::Every(blocks) => Numbering::Every(blocks),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tempo => f.write_str("tempo"),
            Self::Every(blocks) => write!(f, "every {blocks} blocks"),
            Self::Manual => f.write_str("manual"),
        }
    }
}

impl FromStr for Schedule {
    type Err = UnknownSchedule;

    fn from_str(text: &str) -> Result<Self, UnknownSchedule> {
        match text {
            "tempo" => return Ok(Self::Tempo),
            "manual" => return Ok(Self::Manual),
            _ => {}
        }
        let number = text
            .strip_prefix("every ")
            .and_then(|rest| rest.strip_suffix(" blocks"));
        match number {
            // Digits that do not begin with 0: `+1` and `01` are typing errors.
            Some(digits) if digits.starts_with(|c: char| matches!(c, '1'..='9')) => {
                digits.parse().map(Self::Every).map_err(|_| UnknownSchedule)
            }
            _ => Err(UnknownSchedule),
        }
    }
}

serde_as_text!(Schedule);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_as_it_is_written() {
        for schedule in [
            Schedule::Tempo,
            Schedule::Manual,
            Schedule::Every(1),
            Schedule::Every(u64::MAX),
        ] {
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        for bad in [
            "",
            "Tempo",
            "every 0 blocks",
            "every 01 blocks",
            "every +1 blocks",
            "every 1 block",
            "every  1 blocks",
            "every 18446744073709551616 blocks",
            "100",
        ] {
            assert_eq!(bad.parse::<Schedule>(), Err(UnknownSchedule), "{bad}");
        }
    }
}

//! What was answered in the collection of an epoch, as it came.

use std::{fmt, str::FromStr};

use platform_domain::{Digest, EmissionPercent, EpochId, Hotkey, RawWeight, Slug};

/// Whose word an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The challenge's own, in this epoch.
    Live,
    /// What another host says of the challenge, by its hotkey.
    Primary(Hotkey),
    /// The challenge's own, in that epoch.
    LastGood(EpochId),
}

/// One answer for one challenge. A challenge whose own answer does not count may have several, in the order in which they
/// were tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The challenge.
    pub slug: Slug,
    /// Whose word it is.
    pub source: Source,
    /// Digest of the component that answered.
    pub component: Option<Digest>,
    /// Of the challenge's state that it answered from.
    pub state: Option<Digest>,
    /// The challenge's part of the emission at that time.
    pub emission_percent: EmissionPercent,
    /// What was said, unchecked; `None` when nothing was.
    pub weights: Option<Vec<RawWeight>>,
    /// Why it does not count; `None` when it does, and then there are weights.
    pub refused: Option<String>,
}

/// The text names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of an answer is live, primary/HOTKEY or last-good/EPOCH")]
pub struct UnknownSource;

impl Answer {
    /// What counts of it.
    pub fn counted(&self) -> Option<&[RawWeight]> {
        match self.refused {
            Some(_) => None,
            None => self.weights.as_deref(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::Primary(hotkey) => write!(f, "primary/{hotkey}"),
            Self::LastGood(epoch) => write!(f, "last-good/{epoch}"),
        }
    }
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        match text.split_once('/') {
            None if text == "live" => Ok(Self::Live),
            Some(("primary", hotkey)) => Ok(Self::Primary(hotkey.parse().map_err(|_| UnknownSource)?)),
            Some(("last-good", epoch)) => Ok(Self::LastGood(epoch.parse().map_err(|_| UnknownSource)?)),
            _ => Err(UnknownSource),
        }
    }
}

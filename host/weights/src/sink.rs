//! What the sink got and why, so that an operator sees when it got more than was planned.

use std::fmt;

use platform_domain::{Slug, Uid};
use serde::{Deserialize, Serialize};

use crate::Share;

/// What went to the sink instead of a miner, before limit and quantisation like every share. What the sink's
/// own hotkey earned from challenges is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkReport {
    /// The sink, if there is one; without one nothing goes there.
    pub uid: Option<Uid>,
    /// All of it, rounded down. Exactly the sum of the parts.
    pub share: Share,
    /// What the configuration itself leaves to the sink: the part for [`SinkReason::Unassigned`].
    pub expected: Share,
    /// Why: first what no challenge has, then by slug. Parts of zero are left out. Each is rounded down but for
    /// the units missing to `share`, one each to the largest remainders.
    pub parts: Vec<SinkPart>,
}

/// A part of the sink's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkPart {
    /// Why it reached no miner.
    pub reason: SinkReason,
    /// Whose emission it is, where it is one challenge's.
    pub slug: Option<Slug>,
    /// How much.
    pub share: Share,
}

/// Why emission reached no miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkReason {
    /// The percents of all challenges are less than 100 together.
    Unassigned,
    /// The challenge has no answer, or an invalid one.
    Failed,
    /// The challenge's answer has no positive score.
    Empty,
    /// The challenge gave it to hotkeys that are not registered.
    UnknownHotkeys,
    /// There was nothing to pay, and the fallback pays the sink.
    Fallback,
}

/// The word that reports have.
impl fmt::Display for SinkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unassigned => "unassigned",
            Self::Failed => "failed",
            Self::Empty => "empty",
            Self::UnknownHotkeys => "unknown_hotkeys",
            Self::Fallback => "fallback",
        })
    }
}

impl SinkReport {
    /// What the sink got beyond what the configuration leaves to it.
    pub fn excess(&self) -> Share {
        self.share.minus(self.expected)
    }
}

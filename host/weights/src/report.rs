//! Why the vector is what it is, for operators and miners.

use platform_domain::{EmissionPercent, Hotkey, Slug, Uid};
use serde::{Deserialize, Serialize};

use crate::Share;

/// How many unknown hotkeys are named per challenge, the heaviest first; the rest are counted.
pub const MAX_LISTED_UNKNOWN: usize = 32;
/// A reason is a sentence; what a challenge writes beyond this is cut off.
pub const MAX_REASON_CHARS: usize = 300;

/// The whole explanation. Equal for equal inputs, in whatever order they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The policy and its version, such as `normalized/1`.
    pub policy: String,
    /// Every challenge, ordered by slug.
    pub challenges: Vec<ChallengeReport>,
    /// Everyone who earned something, ordered by UID.
    pub uids: Vec<UidReport>,
    /// What the sink got, under the policy that has one.
    pub sink: Option<Share>,
    /// Whether `max_weight_limit` changed the vector.
    pub limited: bool,
    /// Why there is nothing to pay, when there is nothing.
    pub empty: Option<String>,
}

/// What became of one challenge's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeReport {
    /// The challenge.
    pub slug: Slug,
    /// As configured.
    pub emission_percent: EmissionPercent,
    /// Its part of the whole under the policy, before unknown hotkeys are taken out; rounded down.
    pub share: Share,
    /// What came of asking it.
    pub status: AnswerStatus,
    /// Why, unless it is answered.
    pub reason: Option<String>,
    /// Entries in the answer as it came.
    pub entries: usize,
    /// Entries with a positive score that count.
    pub scored: usize,
    /// Entries that do not count.
    pub dropped: Dropped,
    /// Entries that count but name nobody who is registered.
    pub unknown: UnknownHotkeys,
}

/// What came of asking a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerStatus {
    /// At least one positive score.
    Answered,
    /// A valid answer without a positive score. Counts like a failure: a challenge that has nothing to say of
    /// anyone must not withhold its part from the others.
    Empty,
    /// No answer, or an invalid one.
    Failed,
}

/// Entries that do not count, by reason; an entry counts under the first that applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The hotkey is not an SS58 address of this network.
    pub malformed_hotkey: usize,
    /// Infinite or not a number.
    pub non_finite: usize,
    /// Below zero.
    pub negative: usize,
    /// Zero: valid, and worth nothing.
    pub zero: usize,
}

/// Hotkeys that are not registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownHotkeys {
    /// How many.
    pub count: usize,
    /// Their part of the challenge's own scores; rounded down.
    pub mass: Share,
    /// The heaviest of them, at most [`MAX_LISTED_UNKNOWN`].
    pub heaviest: Vec<Hotkey>,
}

/// What became of one UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UidReport {
    /// The UID.
    pub uid: Uid,
    /// Its hotkey; a sink may have none in the inputs.
    pub hotkey: Option<Hotkey>,
    /// Its part of the whole before limit and quantisation; rounded down.
    pub share: Share,
    /// Its weight on the chain; zero when its share was too small for one.
    #[serde(rename = "u16")]
    pub weight: u16,
    /// Which challenge gave how much, ordered by slug. Parts of the whole before anything is rescaled;
    /// rounded down.
    pub from: Vec<Contribution>,
}

/// What one challenge gave to one UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// The challenge.
    pub slug: Slug,
    /// The challenge's share times the hotkey's part in it.
    pub share: Share,
}

/// One line of at most [`MAX_REASON_CHARS`], whatever a challenge wrote.
pub(crate) fn reason_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MAX_REASON_CHARS).collect()
}

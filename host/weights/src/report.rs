//! Why the vector is what it is, for operators and miners.

use std::fmt;

use platform_domain::{EmissionPercent, Hotkey, Slug, Uid};
use serde::{Deserialize, Serialize};

use crate::{AnswerSource, Share, SinkReport};

/// How many unknown hotkeys are named per challenge, the heaviest first; the rest are counted.
pub const MAX_LISTED_UNKNOWN: usize = 32;
/// A reason is a sentence; what a challenge writes beyond this is cut off.
pub const MAX_REASON_CHARS: usize = 300;
/// How many sources that did not count are told of: there are three kinds, and a primary may be asked again.
pub const MAX_EARLIER: usize = 8;

/// The whole explanation. Equal for equal inputs, in whatever order they came.
///
/// How a number comes about: a UID's `from` are the challenges' shares times the hotkey's part in each. Their
/// sum is its `share` under the policy `absolute`, where the sink has its own besides; under `normalized` the
/// `share` is that sum over `reached`. Cut to `max_weight_limit` and without what rounds to zero, the shares
/// are scaled to one again: that is `paid`, and over the largest of them times 65535 it is `u16`. Every
/// [`Share`] here is rounded down but for `paid` and the parts of the sink; the sums hold exactly before that,
/// and to a unit in the last place for each number after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The policy and its version, such as `normalized/1`.
    pub policy: String,
    /// Every challenge, ordered by slug.
    pub challenges: Vec<ChallengeReport>,
    /// What challenges gave to registered hotkeys, of the whole; rounded down.
    pub reached: Share,
    /// Everyone who earned something, ordered by UID.
    pub uids: Vec<UidReport>,
    /// What the sink got, under the policy that has one and when the fallback pays it.
    pub sink: Option<SinkReport>,
    /// Whether `max_weight_limit` changed the vector.
    pub limited: bool,
    /// Who earned something and is not in the vector, because it rounds to zero; ordered.
    pub rounded_to_zero: Vec<Uid>,
    /// Why there is nothing to pay, when challenges pay nobody.
    pub empty: Option<String>,
    /// What was done then.
    pub fallback: Option<FallbackReport>,
}

/// The fallback that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallbackReport {
    /// Which.
    pub used: FallbackKind,
    /// Hotkeys of the fixed vector that are not registered and get nothing, at most
    /// [`MAX_LISTED_UNKNOWN`] of them; ordered.
    pub unknown: Vec<Hotkey>,
    /// How many there are.
    pub unknown_count: usize,
}

/// A fallback without its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackKind {
    /// No vector.
    Skip,
    /// The sink alone.
    Sink,
    /// The operator's fixed vector.
    Vector,
}

/// The word that configurations have.
impl fmt::Display for FallbackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Sink => "sink",
            Self::Vector => "vector",
        })
    }
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
    /// Whose answer counts; nobody's when it failed.
    pub source: Option<AnswerSource>,
    /// Why the other sources that were asked did not count, in the order of asking; at most [`MAX_EARLIER`].
    pub earlier: Vec<String>,
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
    /// Its part of the vector; zero when its share was too small for one.
    pub paid: Share,
    /// Whether `max_weight_limit` cut its share.
    pub clipped: bool,
    /// Which challenge gave how much, ordered by slug. Parts of the whole before anything is rescaled;
    /// rounded down.
    pub from: Vec<Contribution>,
}

impl FallbackReport {
    pub(crate) const fn of(used: FallbackKind) -> Self {
        Self {
            used,
            unknown: Vec::new(),
            unknown_count: 0,
        }
    }
}

impl Report {
    /// What the sink got beyond what the configuration itself leaves to it; zero without a sink.
    pub fn sink_excess(&self) -> Share {
        self.sink.as_ref().map_or_else(Share::default, SinkReport::excess)
    }
}

/// What one challenge gave to one UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// The challenge.
    pub slug: Slug,
    /// Whose answer it was; left out of the JSON when it is the challenge's own.
    #[serde(default, skip_serializing_if = "AnswerSource::is_live")]
    pub source: AnswerSource,
    /// The challenge's share times the hotkey's part in it.
    pub share: Share,
}

/// One line of at most [`MAX_REASON_CHARS`], whatever a challenge wrote.
pub(crate) fn reason_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MAX_REASON_CHARS).collect()
}

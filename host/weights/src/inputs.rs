//! What an epoch knows when it makes its vector.

use platform_domain::{EmissionPercent, RawWeight, Slug, Uid};

#[cfg(doc)]
use crate::Payout;
use crate::{AnswerSource, Fallback, Policy, Uids};

/// Each challenge may lengthen the common denominator by some 2,100 bits when it tries to, so this bounds
/// time and memory. Subnets have a dozen challenges at most.
pub const MAX_CHALLENGES: usize = 128;

/// The `max_weight_limit` that limits nothing: the whole of a chain weight.
pub const NO_LIMIT: u16 = u16::MAX;

/// One challenge's part in the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct ChallengeAnswer {
    /// The challenge.
    pub slug: Slug,
    /// Its part of the emission.
    pub emission_percent: EmissionPercent,
    /// What was answered, unchecked, or the reason why there is no answer.
    pub answer: Result<Vec<RawWeight>, String>,
    /// Who answered. Means nothing when there is no answer.
    pub source: AnswerSource,
    /// Why the other sources that were asked did not count, a sentence each, in the order of asking. For the
    /// report alone.
    pub earlier: Vec<String>,
}

impl ChallengeAnswer {
    /// What the challenge itself answered in this epoch.
    pub const fn live(
        slug: Slug,
        emission_percent: EmissionPercent,
        answer: Result<Vec<RawWeight>, String>,
    ) -> Self {
        Self {
            slug,
            emission_percent,
            answer,
            source: AnswerSource::Live,
            earlier: Vec::new(),
        }
    }
}

/// Everything that a vector depends on. The order of challenges and of their entries does not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// How shares are made.
    pub policy: Policy,
    /// Every challenge that takes part, failed or not.
    pub challenges: Vec<ChallengeAnswer>,
    /// Who is registered.
    pub uids: Uids,
    /// Who gets what reaches no miner; used by [`Policy::Absolute`] and [`Fallback::Sink`] alone. Need not be
    /// in `uids`.
    pub sink: Option<Uid>,
    /// The fewest entries that the subnet accepts. The chain accepts fewer in a subnet that is smaller than
    /// this: then the caller passes the subnet's size.
    pub min_allowed_weights: u16,
    /// The most that one UID may get, in 65535ths of the whole; [`NO_LIMIT`] for no limit.
    pub max_weight_limit: u16,
    /// Whom to pay when the challenges pay nobody; [`Fallback::Skip`] makes that [`Payout::Empty`].
    pub fallback: Fallback,
}

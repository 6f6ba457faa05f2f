//! What an epoch comes to: a vector, a reason why there is none, or an error.

use platform_domain::{Slug, Uid};

#[cfg(doc)]
use crate::{Fallback, Policy};
use crate::{MAX_CHALLENGES, Report, Share};

/// What the chain is told: three lists of one length, ordered by UID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Whom.
    pub uids: Vec<Uid>,
    /// How much; sums to exactly one.
    pub weights: Vec<Share>,
    /// How much in the chain's own unit: 1 to 65535, the largest is 65535.
    pub u16: Vec<u16>,
}

/// What an epoch comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The vector, or nothing.
    pub payout: Payout,
    /// Why.
    pub report: Report,
}

/// Whom to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payout {
    /// These.
    Vector(Vector),
    /// Nobody: the fallback is [`Fallback::Skip`]. Only under [`Policy::Normalized`]; the other pays the sink.
    Empty(Empty),
}

/// Why there is nobody to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Empty {
    /// No challenge takes part.
    #[error("no challenge takes part")]
    NoChallenges,
    /// All failed or gave no positive score.
    #[error("no challenge answered with a positive score")]
    NoAnswers,
    /// The percents of those that answered are all zero.
    #[error("every challenge that answered has an emission of zero percent")]
    NoEmission,
    /// Every hotkey that counts is unknown to the subnet.
    #[error("no hotkey that was given a score is registered")]
    NoKnownHotkey,
}

/// Why these inputs have no valid vector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// More than [`MAX_CHALLENGES`].
    #[error("challenges: {0} take part, {MAX_CHALLENGES} are allowed")]
    TooManyChallenges(usize),
    /// Two challenges of one name.
    #[error("challenges: the slug {0} is listed twice")]
    DuplicateSlug(Slug),
    /// Part of the emission reaches no miner and there is nobody to give it to.
    #[error("sink_uid: {unpaid} of the emission reaches no miner, and the policy absolute has no sink")]
    NoSink {
        /// How much; rounded down.
        unpaid: Share,
    },
    /// The fallback is the sink, and there is none.
    #[error(
        "fallback: {0}, and the fallback sink has no UID to pay; register the sink's hotkey in the subnet, or \
         choose skip or a table of hotkeys"
    )]
    NoFallbackSink(Empty),
    /// The fallback names nobody who is registered.
    #[error(
        "fallback: {0}, and none of the fallback's hotkeys is registered in the subnet; name one that is, or \
         choose skip or sink"
    )]
    NoFallbackHotkey(Empty),
    /// The chain would refuse so short a vector.
    #[error("min_allowed_weights: the vector has {got} non-zero entries, the subnet accepts {min} or more")]
    TooFewWeights {
        /// What there is.
        got: usize,
        /// What the subnet wants.
        min: u16,
    },
    /// So few entries cannot each stay below the limit.
    #[error("max_weight_limit: {limit} needs a vector of at least {needed} entries, this one has {got}")]
    LimitUnreachable {
        /// In 65535ths.
        limit: u16,
        /// How many entries would do.
        needed: u32,
        /// What there is.
        got: usize,
    },
    /// A limit of zero forbids every vector.
    #[error("max_weight_limit: zero forbids every vector")]
    ZeroLimit,
}

//! What challenges answered, turned into the weights vector of a subnet.
//!
//! clean → share per challenge → combine by emission → UIDs → limit → quantise, with a [`Report`] that explains
//! every step. Pure: no clock, no I/O, no order of arrival, and no floating-point arithmetic. A score is a
//! double, hence a whole number times a power of two, and is taken exactly as that; every share is then a
//! whole number over a denominator common to the epoch, so nothing is rounded before the last step.
//!
//! Whom to ask and when to submit is the caller's decision; whom to pay when there is nothing to pay is an input,
//! the [`Fallback`].

mod aggregate;
mod by_uid;
mod clean;
mod combine;
mod compute;
mod explain;
mod fallback;
mod finish;
mod inputs;
mod judge;
mod limit;
mod multiply;
mod names;
mod outcome;
mod pairs;
mod policy;
mod proportion;
mod quantise;
mod report;
mod score;
mod share;
mod sink;
mod source;
mod uids;
mod wire;

pub use aggregate::aggregate;
pub use clean::{InvalidAnswer, MAX_ENTRIES, check_answer};
pub use compute::{ComputeRequest, ComputeResponse, compute};
pub use fallback::{Fallback, FixedWeights, FixedWeightsError};
pub use inputs::{ChallengeAnswer, Inputs, MAX_CHALLENGES, NO_LIMIT};
pub use outcome::{Empty, Outcome, Payout, Vector, WeightsError};
pub use policy::{Policy, UnknownPolicy};
pub use report::{
    AnswerStatus, ChallengeReport, Contribution, Dropped, FallbackKind, FallbackReport, MAX_EARLIER,
    MAX_LISTED_UNKNOWN, MAX_REASON_CHARS, Report, UidReport, UnknownHotkeys,
};
pub use share::{Share, ShareError};
pub use sink::{SinkPart, SinkReason, SinkReport};
pub use source::AnswerSource;
pub use uids::{Uids, UidsError};

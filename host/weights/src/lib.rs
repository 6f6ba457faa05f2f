//! What challenges answered, turned into the weights vector of a subnet.
//!
//! clean → share per challenge → combine by emission → UIDs → limit → quantise, with a [`Report`] that explains
//! every step. Pure: no clock, no I/O, no order of arrival, and no floating-point arithmetic. A score is a
//! double, hence a whole number times a power of two, and is taken exactly as that; every share is then a
//! whole number over a denominator common to the epoch, so nothing is rounded before the last step.
//!
//! What to do with [`Payout::Empty`], and when to submit, is the caller's decision.

mod aggregate;
mod clean;
mod combine;
mod compute;
mod inputs;
mod limit;
mod outcome;
mod policy;
mod quantise;
mod report;
mod score;
mod share;
mod uids;

pub use aggregate::aggregate;
pub use clean::MAX_ENTRIES;
pub use compute::{ComputeRequest, ComputeResponse, compute};
pub use inputs::{ChallengeAnswer, Inputs, MAX_CHALLENGES, NO_LIMIT};
pub use outcome::{Empty, Outcome, Payout, Vector, WeightsError};
pub use policy::{Policy, UnknownPolicy};
pub use report::{
    AnswerStatus, ChallengeReport, Contribution, Dropped, MAX_LISTED_UNKNOWN, MAX_REASON_CHARS, Report,
    UidReport, UnknownHotkeys,
};
pub use share::{Share, ShareError};
pub use uids::{Uids, UidsError};

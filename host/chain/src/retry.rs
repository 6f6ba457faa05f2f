//! What to do after each way of failing: one table for all of them.

#[cfg(test)]
mod tests;

use crate::{ChainError, DispatchFailure, Missed, Rejection};

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Ask the same again at once. After a submission look first, with [`crate::Chain::inclusion`]: it may have arrived.
    Now,
    /// The same again in the next block.
    NextBlock,
    /// Compose and sign anew, once the old bytes certainly can no longer be included ([`crate::Chain::is_dead`]).
    Resign,
    /// Compose and sign anew when the rate limit is over: [`crate::Chain::held`] tells in how many blocks.
    WhenLimitIsOver,
    /// Not with this vector in this epoch; a vector computed anew from a fresh look at the subnet may do.
    NextEpoch,
    /// Not before a person has changed something: the hotkey's standing, the configuration, the host's version.
    Never,
}

/// A failure of any kind.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// The chain could not be asked, or said no.
    Error(&'a ChainError),
    /// The pool said no.
    Rejected(&'a Rejection),
    /// The call failed in its block.
    Dispatched(&'a DispatchFailure),
    /// The commit came to nothing.
    Missed(Missed),
}

impl Retry {
    /// What to do after a failure.
    ///
    /// | failure | what to do |
    /// |---|---|
    /// | no connection, no answer in time | [`Now`](Self::Now) |
    /// | the node does not know a block, or answered with an error of its own | [`NextBlock`](Self::NextBlock) |
    /// | the runtime was upgraded after composing; no reveal from this very block | [`Resign`](Self::Resign) |
    /// | the pool: nonce in the future, banned for a while, pool full, another extrinsic with the nonce | [`NextBlock`](Self::NextBlock) |
    /// | the pool: nonce used up, signature of an older runtime, birth forgotten, reveal round out already | [`Resign`](Self::Resign) |
    /// | too soon after the last update, in the pool or in the block | [`WhenLimitIsOver`](Self::WhenLimitIsOver) |
    /// | commit-reveal switched meanwhile, ten commits wait, another version key | [`Resign`](Self::Resign), ten: [`NextEpoch`](Self::NextEpoch) |
    /// | the subnet has changed under the vector: UIDs, lengths | [`NextEpoch`](Self::NextEpoch) |
    /// | safe mode | [`NextEpoch`](Self::NextEpoch) |
    /// | not registered, no permit, too little stake, no proxy, another chain, another beacon, everything unknown | [`Never`](Self::Never) |
    /// | a commit whose pulse came too late | [`Resign`](Self::Resign) |
    pub fn after<'a>(failure: impl Into<Failure<'a>>) -> Self {
        match failure.into() {
            Failure::Error(error) => after_error(error),
            Failure::Rejected(rejection) => after_rejection(rejection),
            Failure::Dispatched(failure) => after_dispatch(failure),
            Failure::Missed(why) => match why {
                Missed::Late | Missed::Unknown => Self::Resign,
                Missed::Refused => Self::NextEpoch,
                Missed::Replaced | Missed::Deregistered => Self::Never,
            },
        }
    }
}

fn after_error(error: &ChainError) -> Retry {
    match error {
        ChainError::Connection(_) | ChainError::Timeout { .. } => Retry::Now,
        ChainError::Rpc { .. } | ChainError::Answer { .. } | ChainError::BlockUnavailable(_) => {
            Retry::NextBlock
        }
        ChainError::Upgraded { .. } => Retry::Resign,
        ChainError::Schedule(platform_timelock::ScheduleError::NeverRevealed) => Retry::Resign,
        ChainError::Seal(platform_timelock::SealError::Entropy(_)) => Retry::Now,
        ChainError::Seal(platform_timelock::SealError::Size(_)) | ChainError::Unequal { .. } => {
            Retry::NextEpoch
        }
        ChainError::Rejected(rejection) => after_rejection(rejection),
        ChainError::Endpoint
        | ChainError::NoEndpoint
        | ChainError::Genesis { .. }
        | ChainError::Prefix(_)
        | ChainError::NotSubtensor(_)
        | ChainError::EventsDiscarded { .. }
        | ChainError::Runtime { .. }
        | ChainError::NoSubnet(_)
        | ChainError::NoMechanism { .. }
        | ChainError::CommitRevealVersion(_)
        | ChainError::Rehearsal(_)
        | ChainError::Seal(_)
        | ChainError::Schedule(_) => Retry::Never,
    }
}

fn after_rejection(rejection: &Rejection) -> Retry {
    match rejection {
        // What has no name says more of the node than of the extrinsic: that it could not check it, or has no room.
        Rejection::Future
        | Rejection::PriorityTooLow
        | Rejection::Banned
        | Rejection::PoolFull
        | Rejection::Other { .. } => Retry::NextBlock,
        Rejection::Outdated | Rejection::BadProof | Rejection::Expired | &Rejection::INVALID_REVEAL_ROUND => {
            Retry::Resign
        }
        &Rejection::RATE_LIMITED => Retry::WhenLimitIsOver,
        Rejection::Payment | Rejection::Custom(_) => Retry::Never,
    }
}

fn after_dispatch(failure: &DispatchFailure) -> Retry {
    let pallet = failure.pallet.as_deref();
    match (pallet, failure.name.as_str()) {
        (Some("SubtensorModule"), "SettingWeightsTooFast" | "CommittingWeightsTooFast") => {
            Retry::WhenLimitIsOver
        }
        (
            Some("SubtensorModule"),
            "CommitRevealEnabled"
            | "CommitRevealDisabled"
            | "IncorrectWeightVersionKey"
            | "InvalidRevealRound",
        ) => Retry::Resign,
        (
            Some("SubtensorModule"),
            "TooManyUnrevealedCommits"
            | "UidsLengthExceedUidsInSubNet"
            | "UidVecContainInvalidOne"
            | "DuplicateUids"
            | "WeightVecLengthIsLow"
            | "WeightVecNotEqualSize"
            | "InputLengthsUnequal"
            | "MaxWeightExceeded",
        ) => Retry::NextEpoch,
        // Safe mode, or a runtime in the middle of its migrations: it passes, and the nonce is spent.
        (Some("System"), "CallFiltered" | "MultiBlockMigrationsOngoing") => Retry::NextEpoch,
        _ => Retry::Never,
    }
}

impl<'a> From<&'a ChainError> for Failure<'a> {
    fn from(error: &'a ChainError) -> Self {
        Self::Error(error)
    }
}

impl<'a> From<&'a Rejection> for Failure<'a> {
    fn from(rejection: &'a Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl<'a> From<&'a DispatchFailure> for Failure<'a> {
    fn from(failure: &'a DispatchFailure) -> Self {
        Self::Dispatched(failure)
    }
}

impl From<Missed> for Failure<'_> {
    fn from(why: Missed) -> Self {
        Self::Missed(why)
    }
}

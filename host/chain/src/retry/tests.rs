//! The table, row by row.

use std::time::Duration;

use platform_domain::{BlockHash, BlockNumber, MechanismId, Netuid};
use platform_timelock::{RehearsalError, ScheduleError, SealError};

use super::*;

const LIMIT: Retry = Retry::WhenLimitIsOver;

#[test]
fn every_refusal_of_the_pool_has_its_row() {
    for (rejection, expected) in [
        (Rejection::Outdated, Retry::Resign),
        (Rejection::Future, Retry::NextBlock),
        (Rejection::PriorityTooLow, Retry::NextBlock),
        (Rejection::BadProof, Retry::Resign),
        (Rejection::Expired, Retry::Resign),
        (Rejection::Banned, Retry::NextBlock),
        (Rejection::PoolFull, Retry::NextBlock),
        (Rejection::Payment, Retry::Never),
        (Rejection::STAKE_TOO_LOW, Retry::Never),
        (Rejection::RATE_LIMITED, LIMIT),
        (Rejection::INVALID_REVEAL_ROUND, Retry::Resign),
        (Rejection::NOT_REGISTERED, Retry::Never),
        (Rejection::Custom(0), Retry::Never),
        (Rejection::Custom(255), Retry::Never),
        (
            Rejection::Other {
                code: 1002,
                text: String::new(),
            },
            Retry::NextBlock,
        ),
    ] {
        assert_eq!(Retry::after(&rejection), expected, "{rejection:?}");
        let error = ChainError::Rejected(rejection);
        assert_eq!(Retry::after(&error), expected, "{error:?}");
    }
}

#[test]
fn every_failed_dispatch_has_its_row_by_name_and_unknown_ones_are_for_people() {
    for (pallet, name, expected) in [
        ("SubtensorModule", "SettingWeightsTooFast", LIMIT),
        ("SubtensorModule", "CommittingWeightsTooFast", LIMIT),
        ("SubtensorModule", "CommitRevealEnabled", Retry::Resign),
        ("SubtensorModule", "CommitRevealDisabled", Retry::Resign),
        ("SubtensorModule", "IncorrectWeightVersionKey", Retry::Resign),
        ("SubtensorModule", "InvalidRevealRound", Retry::Resign),
        ("SubtensorModule", "TooManyUnrevealedCommits", Retry::NextEpoch),
        ("SubtensorModule", "UidVecContainInvalidOne", Retry::NextEpoch),
        ("SubtensorModule", "WeightVecLengthIsLow", Retry::NextEpoch),
        ("SubtensorModule", "HotKeyNotRegisteredInSubNet", Retry::Never),
        ("SubtensorModule", "NeuronNoValidatorPermit", Retry::Never),
        ("SubtensorModule", "NotEnoughStakeToSetWeights", Retry::Never),
        ("SubtensorModule", "MechanismDoesNotExist", Retry::Never),
        ("SubtensorModule", "IncorrectCommitRevealVersion", Retry::Never),
        ("SubtensorModule", "SomethingOfTomorrow", Retry::Never),
        ("Proxy", "NotProxy", Retry::Never),
        ("Proxy", "Unannounced", Retry::Never),
        ("System", "CallFiltered", Retry::NextEpoch),
        // The name alone is not enough.
        ("Proxy", "SettingWeightsTooFast", Retry::Never),
    ] {
        let failure = DispatchFailure {
            pallet: Some(pallet.to_owned()),
            name: name.to_owned(),
        };
        assert_eq!(Retry::after(&failure), expected, "{failure}");
    }
    let failure = DispatchFailure {
        pallet: None,
        name: "BadOrigin".to_owned(),
    };
    assert_eq!(Retry::after(&failure), Retry::Never);
}

#[test]
fn every_other_failure_has_its_row() {
    let hash = BlockHash([0; 32]);
    let timeout = ChainError::Timeout {
        method: String::new(),
        after: Duration::ZERO,
    };
    for (error, expected) in [
        (ChainError::Connection("".into()), Retry::Now),
        (timeout, Retry::Now),
        (ChainError::BlockUnavailable(hash), Retry::NextBlock),
        (
            ChainError::Upgraded {
                composed: 1,
                current: 2,
            },
            Retry::Resign,
        ),
        (ChainError::Schedule(ScheduleError::NeverRevealed), Retry::Resign),
        (ChainError::Schedule(ScheduleError::NoTempo), Retry::Never),
        (ChainError::Seal(SealError::Size(9)), Retry::NextEpoch),
        (ChainError::Rehearsal(RehearsalError::Different), Retry::Never),
        (ChainError::CommitRevealVersion(5), Retry::Never),
        (ChainError::Unequal { uids: 1, values: 2 }, Retry::NextEpoch),
        (ChainError::NoSubnet(Netuid(1)), Retry::Never),
        (
            ChainError::NoMechanism {
                netuid: Netuid(1),
                mechanism: MechanismId(1),
            },
            Retry::Never,
        ),
        (ChainError::Prefix(0), Retry::Never),
        (ChainError::NotSubtensor(String::new()), Retry::Never),
        (
            ChainError::Genesis {
                expected: hash,
                found: hash,
            },
            Retry::Never,
        ),
        (ChainError::NoEndpoint, Retry::Never),
        (
            ChainError::EventsDiscarded {
                block: BlockNumber(1),
                hash,
            },
            Retry::Never,
        ),
    ] {
        assert_eq!(Retry::after(&error), expected, "{error:?}");
    }
    for (why, expected) in [
        (Missed::Late, Retry::Resign),
        (Missed::Unknown, Retry::Resign),
        (Missed::Refused, Retry::NextEpoch),
        (Missed::Replaced, Retry::Never),
        (Missed::Deregistered, Retry::Never),
    ] {
        assert_eq!(Retry::after(why), expected, "{why:?}");
    }
}

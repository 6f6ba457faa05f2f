//! Both policies against tables computed by hand.

use platform_weights::{AnswerStatus, Empty, Payout, Policy, WeightsError};

use crate::given::*;

fn check(policy: Policy, challenges: Vec<platform_weights::ChallengeAnswer>, expected: &[(u16, &str, u16)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(uid, weight, u16)| (*uid, (*weight).to_owned(), *u16))
        .collect();
    assert_eq!(rows(&vector(&epoch(policy, challenges))), expected);
}

#[test]
fn two_challenges_share_by_their_percents() {
    let challenges = || {
        vec![
            answered("one", "30", &[(at(1), 1.0), (at(2), 3.0)]),
            answered("two", "10", &[(at(2), 0.5), (at(3), 0.5)]),
        ]
    };
    // 3/4 · (1/4, 3/4) and 1/4 · (1/2, 1/2): 3/16, 9/16 + 2/16, 2/16.
    let normalized = [(1, "0.1875", 17873), (2, "0.6875", 65535), (3, "0.125", 11915)];
    check(Policy::Normalized, challenges(), &normalized);
    // 0.3 · (1/4, 3/4) and 0.1 · (1/2, 1/2); 0.6 is given to no challenge.
    let absolute = [
        (1, "0.075", 8192),
        (2, "0.275", 30037),
        (3, "0.05", 5461),
        (9, "0.6", 65535),
    ];
    check(Policy::Absolute, challenges(), &absolute);
}

#[test]
fn the_part_of_a_failed_or_empty_challenge_goes_to_the_others_or_to_the_sink() {
    for silent in [
        failed("two", "50", "trapped"),
        answered("two", "50", &[]),
        answered("two", "50", &[(at(1), 0.0), (at(2), -1.0), (at(3), f64::NAN)]),
    ] {
        let challenges = || vec![answered("one", "25", &[(at(4), 7.0)]), silent.clone()];
        check(Policy::Normalized, challenges(), &[(4, "1.", 65535)]);
        check(
            Policy::Absolute,
            challenges(),
            &[(4, "0.25", 21845), (9, "0.75", 65535)],
        );
    }
}

#[test]
fn what_unknown_hotkeys_earned_is_dropped_or_goes_to_the_sink() {
    let challenges = || {
        vec![
            answered("one", "50", &[(at(1), 1.0), (key(99), 3.0)]),
            answered("two", "50", &[(at(2), 1.0)]),
        ]
    };
    // 1/8 and 4/8 remain, scaled to one.
    check(
        Policy::Normalized,
        challenges(),
        &[(1, "0.2", 16384), (2, "0.8", 65535)],
    );
    check(
        Policy::Absolute,
        challenges(),
        &[(1, "0.125", 16384), (2, "0.5", 65535), (9, "0.375", 49151)],
    );
    let report = aggregate(&epoch(Policy::Normalized, challenges())).report;
    let unknown = &report.challenges[0].unknown;
    assert_eq!(
        (unknown.count, unknown.mass.to_string().as_str()),
        (1, "0.750000000000000000")
    );
    assert_eq!(unknown.heaviest, [key(99)]);
}

#[test]
fn percents_above_a_hundred_are_scaled_down_and_failures_still_keep_their_part_from_the_others() {
    let challenges = || {
        vec![
            answered("one", "100", &[(at(1), 1.0)]),
            answered("two", "60", &[(at(2), 1.0)]),
            failed("three", "40", "too late"),
        ]
    };
    check(
        Policy::Absolute,
        challenges(),
        &[(1, "0.5", 65535), (2, "0.3", 39321), (9, "0.2", 26214)],
    );
    check(
        Policy::Normalized,
        challenges(),
        &[(1, "0.625", 65535), (2, "0.375", 39321)],
    );
}

#[test]
fn the_sink_keeps_what_it_earns_as_a_miner() {
    let challenges = vec![answered("one", "50", &[(at(9), 1.0), (at(1), 1.0)])];
    check(
        Policy::Absolute,
        challenges,
        &[(1, "0.25", 21845), (9, "0.75", 65535)],
    );
}

#[test]
fn a_challenge_without_emission_moves_nothing() {
    let challenges = vec![
        answered("one", "10", &[(at(1), 1.0)]),
        answered("two", "0", &[(at(2), 1e300)]),
    ];
    check(Policy::Normalized, challenges, &[(1, "1.", 65535)]);
}

#[test]
fn nothing_to_pay_has_a_reason_and_under_absolute_goes_to_the_sink() {
    let table = [
        (vec![], Empty::NoChallenges),
        (
            vec![failed("one", "50", "down"), answered("two", "50", &[])],
            Empty::NoAnswers,
        ),
        (
            vec![answered("one", "0", &[(at(1), 1.0)]), failed("two", "9", "x")],
            Empty::NoEmission,
        ),
        (
            vec![answered("one", "50", &[(key(99), 1.0)])],
            Empty::NoKnownHotkey,
        ),
    ];
    for (challenges, reason) in table {
        let outcome = aggregate(&epoch(Policy::Normalized, challenges.clone()));
        assert_eq!(outcome.payout, Payout::Empty(reason));
        assert_eq!(outcome.report.empty, Some(reason.to_string()));
        check(Policy::Absolute, challenges, &[(9, "1.", 65535)]);
    }
}

#[test]
fn absolute_without_a_sink_is_refused_only_when_something_is_left_for_it() {
    let without = |challenges| {
        let mut inputs = epoch(Policy::Absolute, challenges);
        inputs.sink = None;
        platform_weights::aggregate(&inputs)
    };
    assert!(without(vec![answered("one", "100", &[(at(1), 0.1), (at(2), 0.7)])]).is_ok());
    let error = without(vec![answered("one", "99.9999", &[(at(1), 1.0)])]).unwrap_err();
    assert!(
        matches!(&error, WeightsError::NoSink { unpaid } if unpaid.units() == 10u64.pow(12)),
        "{error}"
    );
}

#[test]
fn the_report_explains_each_challenge_and_each_uid() {
    let challenges = vec![
        failed("zeta", "20", &format!("guest said\n{}", "x".repeat(1000))),
        answered(
            "echo",
            "30",
            &[(at(1), 1.0), (at(2), 0.0), (at(3), -1.0), (key(77), 1.0)],
        ),
        answered("base", "10", &[(at(1), 1.0), (at(1), 1.0)]),
    ];
    let report = aggregate(&epoch(Policy::Absolute, challenges)).report;
    assert_eq!(
        (report.policy.as_str(), report.limited, report.empty.as_ref()),
        ("absolute/1", false, None)
    );
    let [base, echo, zeta] = report.challenges.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(
        (base.status, base.entries, base.scored),
        (AnswerStatus::Failed, 2, 0)
    );
    assert!(base.reason.as_ref().unwrap().contains(&at(1).to_string()));
    assert_eq!(
        (echo.status, echo.entries, echo.scored),
        (AnswerStatus::Answered, 4, 2)
    );
    assert_eq!(
        (echo.dropped.zero, echo.dropped.negative, echo.dropped.non_finite),
        (1, 1, 0)
    );
    assert_eq!(echo.share.to_string(), "0.300000000000000000");
    let reason = zeta.reason.as_ref().unwrap();
    assert!(reason.starts_with("guest said x") && reason.chars().count() == 300);
    let [miner, sink] = report.uids.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(
        (miner.uid, miner.hotkey, miner.from.len()),
        (uid(1), Some(at(1)), 1)
    );
    assert_eq!(miner.from[0].share, miner.share);
    assert_eq!(
        (sink.uid, sink.from.len(), Some(sink.share)),
        (uid(9), 0, report.sink.map(|sink| sink.share))
    );
    assert_eq!((miner.weight, sink.weight), (11565, 65535));
}

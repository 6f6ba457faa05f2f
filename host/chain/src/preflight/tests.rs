//! Each check at its boundary, from facts that are made up.

use std::time::Duration;

use platform_domain::{BlockNumber, Hotkey, MechanismId, Netuid, Uid};

use super::*;

/// UID 1 of four, in block 1000, with a permit and just enough of everything.
fn facts() -> Facts {
    Facts {
        head: BlockNumber(1000),
        hotkey: Hotkey::from_bytes([1; 32]),
        exists: Ok(true),
        mechanisms: Ok(1),
        neurons: Ok(4),
        member: Ok(true),
        uid: Ok(Some(1)),
        owner: Ok(false),
        permits: Ok(vec![false, true, false, false]),
        stakes: Ok(vec![0, 100, 0, 0]),
        threshold: Ok(100),
        last_updates: Ok(vec![0, 901, 0, 0]),
        rate_limit: Ok(100),
        version_key: Ok(7),
        min_weights: Ok(2),
        max_weight: Ok(u16::MAX),
        commit_reveal: Ok(false),
        call: Ok("set_mechanism_weights"),
        safe_mode_until: Ok(None),
        sealed: None,
        delegation: None,
    }
}

fn sealed() -> SealedFacts {
    SealedFacts {
        version: Ok(4),
        waiting: Ok(9),
        payload: 5000 - 244,
        reveal: Ok((500, 3, BlockNumber(1100))),
        last_stored_round: Ok(500),
        rehearsal: Ok(Some(500)),
        clock: Ok((Duration::from_secs(60), true)),
    }
}

fn vector() -> WeightsCall {
    WeightsCall {
        netuid: Netuid(1),
        mechanism: MechanismId(0),
        uids: vec![Uid(0), Uid(3)],
        values: vec![1, 2],
        version_key: 7,
    }
}

/// What fails, by name.
fn failures(facts: &Facts, call: &WeightsCall) -> Vec<&'static str> {
    let checks = judge(facts, call);
    let failed = checks.iter().filter(|check| check.verdict == Verdict::Failed);
    failed
        .map(|check| {
            assert!(!check.hint.is_empty(), "{} gives no hint", check.name);
            check.name
        })
        .collect()
}

fn verdict(facts: &Facts, call: &WeightsCall, name: &str) -> Verdict {
    let checks = judge(facts, call);
    checks.iter().find(|check| check.name == name).unwrap().verdict
}

#[test]
fn what_is_just_enough_passes_every_check() {
    let plain = facts();
    assert!(
        judge(&plain, &vector())
            .iter()
            .all(|check| check.verdict == Verdict::Passed)
    );
    let full = Facts {
        commit_reveal: Ok(true),
        sealed: Some(sealed()),
        delegation: Some(Ok(Some(Delegation {
            kind: "NonTransfer".to_owned(),
            delay: 0,
        }))),
        ..facts()
    };
    let checks = judge(&full, &vector());
    assert!(
        checks.iter().all(|check| check.verdict == Verdict::Passed),
        "{checks:?}"
    );
    let mut names: Vec<_> = checks.iter().map(|check| check.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), count), (27, 27), "each name is there once");
}

#[test]
fn one_step_beyond_each_boundary_fails_that_check_and_no_other() {
    type Change = fn(&mut Facts, &mut WeightsCall);
    let cases: [(&str, Change); 16] = [
        ("MechanismDoesNotExist", |_, call| call.mechanism = MechanismId(1)),
        ("Call", |facts, _| facts.call = Err("gone".to_owned())),
        ("WeightVecNotEqualSize", |_, call| call.values.push(1)),
        ("HotKeyNotRegisteredInSubNet", |facts, _| facts.uid = Ok(None)),
        ("HotKeyNotRegisteredInSubNet", |facts, _| facts.member = Ok(false)),
        ("NotEnoughStakeToSetWeights", |facts, _| facts.threshold = Ok(101)),
        ("IncorrectWeightVersionKey", |_, call| call.version_key = 6),
        ("NeuronNoValidatorPermit", |facts, _| {
            facts.permits = Ok(vec![true, false])
        }),
        ("DuplicateUids", |_, call| call.uids = vec![Uid(0), Uid(0)]),
        ("UidVecContainInvalidOne", |_, call| {
            call.uids = vec![Uid(0), Uid(4)]
        }),
        ("WeightVecLengthIsLow", |facts, _| facts.min_weights = Ok(3)),
        // Two thirds of 65535 are 43690; one unit of the vector is let through.
        ("MaxWeightExceeded", |facts, call| {
            facts.max_weight = Ok(43_690);
            call.values = vec![100, 204];
        }),
        ("NoWeights", |_, call| call.values = vec![0, 0]),
        ("CallFiltered", |facts, _| facts.safe_mode_until = Ok(Some(1001))),
        ("SettingWeightsTooFast", |facts, _| {
            facts.last_updates = Ok(vec![0, 902])
        }),
        ("UidsLengthExceedUidsInSubNet", |facts, call| {
            facts.neurons = Ok(2);
            facts.min_weights = Ok(1);
            call.uids = vec![Uid(0), Uid(1), Uid(1)];
            call.values = vec![1; 3];
        }),
    ];
    for (name, change) in cases {
        let (mut facts, mut call) = (facts(), vector());
        change(&mut facts, &mut call);
        let failed = failures(&facts, &call);
        // More entries than there are UIDs cannot all be different.
        let expected = match name {
            "UidsLengthExceedUidsInSubNet" => vec![name, "DuplicateUids"],
            _ => vec![name],
        };
        assert_eq!(failed, expected);
    }
}

#[test]
fn one_step_before_each_boundary_passes() {
    type Change = fn(&mut Facts, &mut WeightsCall);
    let cases: [Change; 9] = [
        |facts, call| {
            facts.version_key = Ok(0);
            call.version_key = 0;
        },
        |facts, _| facts.safe_mode_until = Ok(Some(1000)),
        |facts, _| facts.last_updates = Ok(vec![0, 0]),
        |facts, _| facts.last_updates = Ok(Vec::new()),
        // The owner needs neither.
        |facts, _| {
            facts.owner = Ok(true);
            facts.threshold = Ok(u64::MAX);
            facts.permits = Ok(Vec::new());
        },
        // A single weight for oneself needs neither permit, nor length, nor a limit.
        |facts, call| {
            facts.permits = Ok(Vec::new());
            facts.max_weight = Ok(1);
            (call.uids, call.values) = (vec![Uid(1)], vec![1]);
        },
        // Never more entries than there are neurons.
        |facts, call| {
            facts.min_weights = Ok(9);
            call.uids = (0..4).map(Uid).collect();
            call.values = vec![1; 4];
        },
        |facts, call| {
            facts.max_weight = Ok(43_690);
            call.values = vec![100, 203];
        },
        |facts, _| {
            facts.safe_mode_until = Ok(Some(u64::MAX));
            facts.call = Ok("set_weights");
        },
    ];
    for (number, change) in cases.into_iter().enumerate() {
        let (mut facts, mut call) = (facts(), vector());
        change(&mut facts, &mut call);
        assert_eq!(failures(&facts, &call), [""; 0], "case {number}");
    }
}

#[test]
fn the_checks_of_a_commit_fail_at_their_boundaries() {
    type Change = fn(&mut SealedFacts);
    let cases: [(&str, Change); 6] = [
        ("IncorrectCommitRevealVersion", |sealed| sealed.version = Ok(5)),
        ("TooManyUnrevealedCommits", |sealed| sealed.waiting = Ok(10)),
        ("CommitSize", |sealed| sealed.payload += 1),
        ("Schedule", |sealed| sealed.reveal = Err("tempo 0".to_owned())),
        ("InvalidRevealRound", |sealed| sealed.last_stored_round = Ok(501)),
        ("Beacon", |sealed| sealed.rehearsal = Err("forged".to_owned())),
    ];
    for (name, change) in cases {
        let mut sealed = sealed();
        change(&mut sealed);
        let facts = Facts {
            sealed: Some(sealed),
            ..facts()
        };
        assert_eq!(failures(&facts, &vector()), [name]);
    }
    let late = Facts {
        last_updates: Ok(vec![0, 902]),
        sealed: Some(sealed()),
        ..facts()
    };
    assert_eq!(failures(&late, &vector()), ["CommittingWeightsTooFast"]);
}

#[test]
fn a_clock_that_is_off_and_a_chain_without_pulses_are_pointed_out_and_not_failed() {
    let off = |clock, rehearsal| Facts {
        sealed: Some(SealedFacts {
            clock,
            rehearsal,
            ..sealed()
        }),
        ..facts()
    };
    let second = Duration::from_secs(61);
    for is_older in [true, false] {
        let facts = off(Ok((second, is_older)), Ok(None));
        assert_eq!(failures(&facts, &vector()), [""; 0]);
        assert_eq!(verdict(&facts, &vector(), "Clock"), Verdict::Unknown);
        assert_eq!(verdict(&facts, &vector(), "Beacon"), Verdict::Unknown);
    }
}

#[test]
fn a_proxy_needs_a_delegation_without_delay_of_a_type_that_may() {
    let with = |delegation: Option<(&str, u64)>| Facts {
        delegation: Some(Ok(delegation.map(|(kind, delay)| Delegation {
            kind: kind.to_owned(),
            delay,
        }))),
        call: Ok("set_weights"),
        ..facts()
    };
    assert_eq!(failures(&with(None), &vector()), ["NotProxy"]);
    assert_eq!(failures(&with(Some(("Any", 1))), &vector()), ["Unannounced"]);
    assert_eq!(failures(&with(Some(("Staking", 0))), &vector()), ["ProxyType"]);
    for kind in ["Any", "NonTransfer", "NonFungible", "NonCritical"] {
        assert_eq!(failures(&with(Some((kind, 0))), &vector()), [""; 0]);
    }
    // What goes on in safe mode goes on only when it is not inside a proxy's call.
    let safe = Facts {
        safe_mode_until: Ok(Some(5000)),
        ..with(Some(("Any", 0)))
    };
    assert_eq!(failures(&safe, &vector()), ["CallFiltered"]);
}

#[test]
fn everything_that_fails_is_said_and_what_cannot_be_told_is_unknown() {
    let broken = Facts {
        owner: Err("no such entry".to_owned()),
        threshold: Ok(u64::MAX),
        last_updates: Ok(vec![0, 1000]),
        version_key: Ok(99),
        ..facts()
    };
    let call = WeightsCall {
        netuid: Netuid(0),
        uids: vec![Uid(9), Uid(9)],
        values: vec![0, 0],
        ..vector()
    };
    assert_eq!(
        failures(&broken, &call),
        [
            "CanNotSetRootNetworkWeights",
            "IncorrectWeightVersionKey",
            "DuplicateUids",
            "UidVecContainInvalidOne",
            "NoWeights",
            "SettingWeightsTooFast"
        ]
    );
    assert_eq!(
        verdict(&broken, &call, "NotEnoughStakeToSetWeights"),
        Verdict::Unknown
    );

    let nowhere = Facts {
        exists: Ok(false),
        ..facts()
    };
    assert_eq!(failures(&nowhere, &vector()), ["SubnetNotExists"]);
    let unknown = judge(&nowhere, &vector());
    let unknown = unknown.iter().filter(|check| check.verdict == Verdict::Unknown);
    assert!(unknown.count() > 5);
}

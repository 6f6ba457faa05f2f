//! Laws that hold for all inputs, and an oracle that computes with fractions.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, Zero};
use platform_weights::{ChallengeAnswer, Inputs, Payout, Policy, Share};
use proptest::prelude::*;

use crate::given::*;

/// Scores from the whole range of doubles, bad ones among them.
fn score() -> impl Strategy<Value = f64> {
    let nice = prop_oneof![
        Just(0.0),
        Just(1.0),
        Just(0.1),
        Just(5e-324),
        Just(f64::MAX),
        0.0..100.0
    ];
    prop_oneof![4 => nice, 1 => any::<f64>()]
}

/// Up to 16 miners, of which the first ten are registered.
fn challenge(n: usize) -> impl Strategy<Value = ChallengeAnswer> {
    let scores = proptest::collection::btree_map(1..=16u8, score(), 0..16);
    (0..=1_000_000u64, scores, 0..10u8).prop_map(move |(units, scores, dice)| {
        let percent = format!("{}.{:04}", units / 10_000, units % 10_000);
        let scores: Vec<_> = scores.into_iter().map(|(n, score)| (key(n), score)).collect();
        match dice {
            0 => failed(&format!("c{n}"), &percent, "down"),
            _ => answered(&format!("c{n}"), &percent, &scores),
        }
    })
}

fn inputs() -> impl Strategy<Value = Inputs> {
    let challenges = (0..5usize).prop_flat_map(|n| (0..n).map(challenge).collect::<Vec<_>>());
    let policy = prop_oneof![Just(Policy::Normalized), Just(Policy::Absolute)];
    let limit = prop_oneof![3 => Just(u16::MAX), 1 => 1u16..];
    (challenges, policy, limit).prop_map(|(challenges, policy, limit)| Inputs {
        max_weight_limit: limit,
        ..epoch(policy, challenges)
    })
}

/// The exact shares by UID, straight from the definition of the policy.
fn oracle(inputs: &Inputs) -> BTreeMap<u16, BigRational> {
    let ratio = |n: u64, d: u64| BigRational::new(n.into(), d.into());
    let mut vector: BTreeMap<u16, BigRational> = BTreeMap::new();
    let mut scored = Vec::new();
    for challenge in &inputs.challenges {
        let Ok(answer) = &challenge.answer else { continue };
        let positive = answer
            .iter()
            .filter(|entry| entry.score > 0.0 && entry.score.is_finite());
        let exact: Vec<_> = positive
            .map(|e| (e.hotkey.clone(), BigRational::from_f64(e.score).unwrap()))
            .collect();
        if !exact.is_empty() {
            scored.push((challenge.emission_percent.ten_thousandths(), exact));
        }
    }
    let whole = match inputs.policy {
        Policy::Normalized => scored.iter().map(|(emission, _)| emission).sum::<u64>(),
        Policy::Absolute => {
            let all = inputs
                .challenges
                .iter()
                .map(|c| c.emission_percent.ten_thousandths());
            all.sum::<u64>().max(1_000_000)
        }
    };
    for (emission, exact) in scored.iter().filter(|(emission, _)| *emission > 0) {
        let sum: BigRational = exact.iter().map(|(_, score)| score).sum();
        for (hotkey, score) in exact {
            if let Some(uid) = inputs.uids.get(&hotkey.parse().unwrap()) {
                *vector.entry(uid.0).or_default() += ratio(*emission, whole) * score / &sum;
            }
        }
    }
    let paid: BigRational = vector.values().sum();
    match inputs.policy {
        Policy::Normalized => vector.values_mut().for_each(|share| *share /= &paid),
        Policy::Absolute => *vector.entry(inputs.sink.unwrap().0).or_default() += ratio(1, 1) - paid,
    }
    vector.retain(|_, share| !share.is_zero());
    vector
}

fn rounded_half_even(value: &BigRational) -> BigInt {
    let floor = value.floor().to_integer();
    let twice = (value - BigRational::from(floor.clone())) * BigInt::from(2);
    let odd = &floor % 2 != BigInt::zero();
    let one = BigRational::from(BigInt::from(1));
    if twice > one || (twice == one && odd) {
        floor + 1
    } else {
        floor
    }
}

proptest! {
    #[test]
    fn the_vector_is_what_fractions_give(mut inputs in inputs()) {
        inputs.max_weight_limit = u16::MAX;
        let expected = oracle(&inputs);
        let outcome = aggregate(&inputs);
        let shares: Vec<_> = outcome.report.uids.iter().map(|u| (u.uid.0, u.share.units())).collect();
        let one = BigRational::from(BigInt::from(Share::ONE));
        let floors: Vec<_> = expected
            .iter()
            .map(|(uid, share)| (*uid, u64::try_from((share * &one).floor().to_integer()).unwrap()))
            .collect();
        prop_assert_eq!(shares, floors);
        let Some(max) = expected.values().max() else {
            prop_assert!(matches!(outcome.payout, Payout::Empty(_)));
            return Ok(());
        };
        let top = BigRational::from(BigInt::from(65535));
        for (uid, (_, share)) in outcome.report.uids.iter().zip(&expected) {
            prop_assert_eq!(BigInt::from(uid.weight), rounded_half_even(&(share / max * &top)));
        }
    }

    #[test]
    fn a_vector_is_sorted_sums_to_one_and_stays_in_bounds(inputs in inputs()) {
        let Ok(outcome) = platform_weights::aggregate(&inputs) else { return Ok(()) };
        let Payout::Vector(vector) = outcome.payout else { return Ok(()) };
        prop_assert!(vector.uids.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(vector.uids.len(), vector.u16.len());
        prop_assert_eq!(vector.uids.len(), vector.weights.len());
        prop_assert_eq!(vector.weights.iter().map(|w| w.units()).sum::<u64>(), Share::ONE);
        prop_assert!(vector.u16.iter().all(|w| *w >= 1));
        prop_assert_eq!(vector.u16.iter().max(), Some(&65535));
        let sum: u64 = vector.u16.iter().map(|w| u64::from(*w)).sum();
        prop_assert!(65535 * 65535 <= sum * u64::from(inputs.max_weight_limit), "the limit holds");
        let exact: BTreeMap<_, _> = outcome.report.uids.iter().map(|u| (u.uid, u.share)).collect();
        // Those cut to one level differ by the one unit in the last place that makes the sum exact.
        let slack = u64::from(outcome.report.limited);
        for (a, wa) in vector.uids.iter().zip(&vector.weights) {
            for (b, wb) in vector.uids.iter().zip(&vector.weights) {
                let fair = exact[a] <= exact[b] || wa.units() + slack >= wb.units();
                prop_assert!(fair, "who earned more is not paid less");
            }
        }
    }

    #[test]
    fn the_order_of_challenges_and_entries_does_not_count(
        (inputs, shuffled) in inputs().prop_flat_map(|inputs| {
            let entries: Vec<_> = inputs.challenges.iter().map(|c| Just(c.answer.clone().unwrap_or_default()).prop_shuffle()).collect();
            let order = Just((0..inputs.challenges.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(inputs), entries, order)
        }).prop_map(|(inputs, entries, order)| {
            let mut shuffled = inputs.clone();
            for (challenge, entries) in shuffled.challenges.iter_mut().zip(entries) {
                challenge.answer = challenge.answer.clone().map(|_| entries);
            }
            shuffled.challenges = order.iter().map(|at| shuffled.challenges[*at].clone()).collect();
            (inputs, shuffled)
        })
    ) {
        prop_assert_eq!(platform_weights::aggregate(&inputs), platform_weights::aggregate(&shuffled));
    }

    #[test]
    fn a_challenge_that_scales_all_its_scores_by_a_power_of_two_changes_nothing(
        scores in proptest::collection::vec(1e-9..1e9f64, 1..10), exponent in -900..900i32,
    ) {
        let scaled = |factor: f64| {
            let one: Vec<_> = scores.iter().zip(1..).map(|(s, n)| (key(n), s * factor)).collect();
            let two = [(at(0), 0.3), (at(1), 0.1)];
            aggregate(&epoch(Policy::Absolute, vec![answered("one", "30", &one), answered("two", "50", &two)]))
        };
        prop_assert_eq!(scaled(1.0), scaled(2f64.powi(exponent)));
    }

    #[test]
    fn a_higher_score_never_lowers_the_own_weight(
        scores in proptest::collection::vec(0.0..1.0f64, 3..10), more in 0.0..1.0f64,
    ) {
        let share = |bonus: f64| {
            let boost = |(n, score): (u8, &f64)| (at(n), if n == 0 { score + bonus } else { *score });
            let one: Vec<_> = (0..).zip(&scores).map(boost).collect();
            let report = aggregate(&epoch(Policy::Normalized, vec![answered("one", "100", &one)])).report;
            let own = report.uids.into_iter().find(|entry| entry.uid.0 == 0);
            own.map_or((Share::default(), 0), |own| (own.share, own.weight))
        };
        prop_assert!(share(more).0 >= share(0.0).0);
        prop_assert!(share(more).1 >= share(0.0).1);
    }
}

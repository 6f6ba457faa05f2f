//! Laws that hold for all inputs.

use std::collections::BTreeMap;

use platform_weights::{Payout, Policy, Share};
use proptest::prelude::*;

use crate::{given::*, random::inputs};

proptest! {
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

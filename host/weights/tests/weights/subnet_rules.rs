//! What the subnet itself demands of a vector.

use platform_weights::{Payout, Policy, WeightsError};

use crate::given::*;

fn three(values: [f64; 3]) -> platform_weights::Inputs {
    let scores = [(at(1), values[0]), (at(2), values[1]), (at(3), values[2])];
    epoch(Policy::Normalized, vec![answered("one", "100", &scores)])
}

#[test]
fn what_rounds_to_zero_is_dropped_from_all_three_lists_and_stays_in_the_report() {
    let outcome = aggregate(&three([0.0, 1e-6, 1.0]));
    let Payout::Vector(vector) = outcome.payout else {
        panic!("{outcome:?}")
    };
    assert_eq!(rows(&vector), [(3, "1.".to_owned(), 65535)]);
    let weights: Vec<_> = outcome
        .report
        .uids
        .iter()
        .map(|uid| (uid.uid.0, uid.weight))
        .collect();
    assert_eq!(weights, [(2, 0), (3, 65535)]);
}

#[test]
fn a_weight_of_one_is_kept_and_half_of_one_is_not() {
    let weights = |values| {
        rows(&vector(&three(values)))
            .iter()
            .map(|row| (row.0, row.2))
            .collect::<Vec<_>>()
    };
    assert_eq!(weights([1.0, 3.0, 131_070.0]), [(2, 2), (3, 65535)]);
    assert_eq!(weights([1.0, 2.0, 65_535.0]), [(1, 1), (2, 2), (3, 65535)]);
}

#[test]
fn fewer_entries_than_the_subnet_accepts_are_an_error_and_never_filled_up() {
    let mut inputs = three([0.0, 1e-6, 1.0]);
    inputs.min_allowed_weights = 2;
    let error = platform_weights::aggregate(&inputs).unwrap_err();
    assert_eq!(error, WeightsError::TooFewWeights { got: 1, min: 2 });
    inputs = three([0.0, 1e-4, 1.0]);
    inputs.min_allowed_weights = 2;
    assert_eq!(rows(&vector(&inputs)).len(), 2);
}

#[test]
fn the_largest_share_is_cut_to_the_limit_and_the_report_says_so() {
    let mut inputs = three([0.7, 0.2, 0.1]);
    inputs.max_weight_limit = 32768;
    let outcome = aggregate(&inputs);
    assert!(outcome.report.limited);
    let Payout::Vector(vector) = outcome.payout else {
        panic!("{:?}", outcome.report)
    };
    let got = rows(&vector);
    assert!(got[0].1.starts_with("0.50000762"), "32768/65535: {got:?}");
    // 43688.67 and 21844.33; one more on the last, for 65535 may be 32768/65535 of the sum and no more.
    let weights: Vec<_> = got.iter().map(|row| row.2).collect();
    assert_eq!(weights, [65535, 43689, 21845]);
    inputs.max_weight_limit = 45875;
    assert!(!aggregate(&inputs).report.limited, "0.7 is allowed");
}

#[test]
fn a_limit_that_so_few_entries_cannot_meet_is_an_error() {
    let mut inputs = three([1.0, 1.0, 0.0]);
    inputs.max_weight_limit = 20000;
    let error = platform_weights::aggregate(&inputs).unwrap_err();
    let expected = WeightsError::LimitUnreachable {
        limit: 20000,
        needed: 4,
        got: 2,
    };
    assert_eq!(error, expected);
    inputs.max_weight_limit = 0;
    assert_eq!(platform_weights::aggregate(&inputs), Err(WeightsError::ZeroLimit));
}

#[test]
fn inputs_that_contradict_themselves_are_refused_by_field() {
    let twice = vec![
        answered("one", "1", &[]),
        failed("two", "1", "x"),
        failed("one", "2", "x"),
    ];
    let error = platform_weights::aggregate(&epoch(Policy::Normalized, twice)).unwrap_err();
    assert_eq!(error.to_string(), "challenges: the slug one is listed twice");
    let many = (0..129).map(|n| failed(&format!("c{n}"), "1", "x")).collect();
    let error = platform_weights::aggregate(&epoch(Policy::Absolute, many)).unwrap_err();
    assert_eq!(error, WeightsError::TooManyChallenges(129));
}

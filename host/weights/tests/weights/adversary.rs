//! What an enemy may send, and what it costs.

use std::time::{Duration, Instant};

use platform_domain::{Hotkey, Uid};
use platform_weights::{AnswerStatus, MAX_CHALLENGES, MAX_ENTRIES, Payout, Policy, Uids};

use crate::given::*;

/// Twice what a subnet has. Ample for an unoptimised build on a busy machine; what must not happen is hours.
const NEURONS: u16 = 512;
const PATIENCE: Duration = Duration::from_secs(60);

fn neuron(n: u16) -> Hotkey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    Hotkey::from_bytes(bytes)
}

#[test]
fn every_challenge_at_the_limit_with_the_widest_range_of_scores_is_computed_in_bounded_time() {
    // Odd mantissas over the whole range of exponents make every sum as long as it can be.
    let score = |n: u16, c: usize| match n % 4 {
        0 => f64::MAX,
        1 => 5e-324,
        2 => f64::from_bits(0x0010_0000_0000_0001 + u64::from(n) * 7 + c as u64),
        _ => f64::from_bits(0x3ff0_0000_0000_0001 + u64::from(n) * 13 + c as u64),
    };
    let entries = MAX_ENTRIES as u16;
    let challenge = |c: usize| {
        let scores: Vec<_> = (0..entries).map(|n| (neuron(n), score(n, c))).collect();
        answered(&format!("c{c}"), "100", &scores)
    };
    let mut inputs = epoch(Policy::Absolute, (0..MAX_CHALLENGES).map(challenge).collect());
    inputs.uids = Uids::new((0..NEURONS).map(|n| (neuron(n), Uid(n)))).unwrap();
    let start = Instant::now();
    let weights = vector(&inputs);
    let took = start.elapsed();
    println!("{MAX_CHALLENGES} challenges, {entries} entries, {NEURONS} neurons: {took:?}");
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(
        weights.u16.iter().filter(|weight| **weight == 65535).count(),
        1,
        "the sink"
    );
}

#[test]
fn the_smallest_score_beside_the_largest_neither_overflows_nor_disappears_from_the_report() {
    let scores = [(at(1), 1e308), (at(2), 1e308), (at(3), 5e-324)];
    let outcome = aggregate(&epoch(Policy::Normalized, vec![answered("one", "1", &scores)]));
    let Payout::Vector(vector) = &outcome.payout else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        rows(vector),
        [(1, "0.5".to_owned(), 65535), (2, "0.5".to_owned(), 65535)]
    );
    assert_eq!(outcome.report.uids.len(), 3);
    assert_eq!(outcome.report.uids[2].weight, 0);
}

#[test]
fn an_invalid_answer_fails_its_own_challenge_only() {
    let crowd: Vec<_> = (0..4097).map(|n| (neuron(n), 1.0)).collect();
    let challenges = vec![
        answered("crowd", "40", &crowd),
        answered("twice", "40", &[(at(1), 1.0), (at(1), 0.0)]),
        answered("good", "20", &[(at(2), 1.0)]),
    ];
    let outcome = aggregate(&epoch(Policy::Normalized, challenges));
    let Payout::Vector(vector) = &outcome.payout else {
        panic!("{outcome:?}")
    };
    assert_eq!(vector.uids, [uid(2)]);
    let status: Vec<_> = outcome.report.challenges.iter().map(|c| c.status).collect();
    assert_eq!(
        status,
        [AnswerStatus::Failed, AnswerStatus::Answered, AnswerStatus::Failed]
    );
}

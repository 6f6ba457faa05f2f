//! Epochs of any kind: good and bad answers, ties, and limits that can and cannot be met.

use std::num::NonZeroU32;

use platform_domain::{EpochId, RawWeight, Uid};
use platform_weights::{AnswerSource, ChallengeAnswer, Fallback, FixedWeights, Inputs, Policy};
use proptest::{collection, prelude::*};

use crate::given::*;

/// Scores from the whole range of doubles, bad ones among them, and small whole ones, which make ties.
fn score() -> impl Strategy<Value = f64> {
    let nice = prop_oneof![
        Just(0.0),
        Just(0.1),
        Just(5e-324),
        Just(f64::MAX),
        // Beside these, small whole scores come to a weight of one, and to halves.
        Just(65_535.0),
        Just(131_070.0),
        0.0..100.0,
    ];
    prop_oneof![4 => (0..6u8).prop_map(f64::from), 4 => nice, 1 => any::<f64>()]
}

fn source() -> impl Strategy<Value = AnswerSource> {
    prop_oneof![
        Just(AnswerSource::Live),
        any::<u64>().prop_map(|epoch| AnswerSource::LastGood {
            epoch: EpochId(epoch)
        }),
        (1..=16u8).prop_map(|n| AnswerSource::Primary { hotkey: key(n) }),
    ]
}

/// Up to 16 miners, of which the first ten are registered.
fn challenge(n: usize) -> impl Strategy<Value = ChallengeAnswer> {
    let scores = collection::btree_map(1..=16u8, score(), 0..16);
    let percents = prop_oneof![0..=1_000_000u64, (0..=40u64).prop_map(|percent| percent * 10_000)];
    let earlier = collection::vec("[ -~]{0,20}", 0..2);
    (percents, scores, 0..20u8, source(), earlier).prop_map(move |(units, scores, dice, source, earlier)| {
        let (slug, percent) = (
            format!("c{n}"),
            format!("{}.{:04}", units / 10_000, units % 10_000),
        );
        let mut scores: Vec<_> = scores.into_iter().map(|(n, score)| (key(n), score)).collect();
        let mut challenge = match dice {
            0..2 => failed(&slug, &percent, "down"),
            2 => {
                scores.extend(scores.first().copied());
                answered(&slug, &percent, &scores)
            }
            _ => answered(&slug, &percent, &scores),
        };
        if let (3, Ok(answer)) = (dice, &mut challenge.answer) {
            let hotkey = "\u{1f98a}\"\\5Grw".to_owned();
            answer.push(RawWeight { hotkey, score: 1.0 });
        }
        (challenge.source, challenge.earlier) = (source, earlier);
        challenge
    })
}

fn fallback() -> impl Strategy<Value = Fallback> {
    let weight = prop_oneof![1..4u32, 1u32..];
    let weights = collection::btree_map(1..=16u8, weight, 1..16);
    let vector = weights.prop_map(|weights| {
        let pairs = weights
            .into_iter()
            .map(|(n, weight)| (key(n), NonZeroU32::new(weight).unwrap()));
        Fallback::Vector(FixedWeights::new(pairs).unwrap())
    });
    prop_oneof![Just(Fallback::Skip), Just(Fallback::Sink), vector]
}

pub(crate) fn inputs() -> impl Strategy<Value = Inputs> {
    let challenges = (0..5usize).prop_flat_map(|n| (0..n).map(challenge).collect::<Vec<_>>());
    let policy = prop_oneof![Just(Policy::Normalized), Just(Policy::Absolute)];
    let limit = prop_oneof![3 => Just(u16::MAX), 1 => 6_000..60_000u16, 1 => 1u16..];
    let sink = prop_oneof![4 => Just(Some(Uid(9))), 1 => Just(Some(Uid(700))), 1 => Just(None)];
    let min = prop_oneof![3 => Just(1), 1 => 0..12u16];
    (challenges, policy, limit, sink, min, fallback()).prop_map(
        |(challenges, policy, max_weight_limit, sink, min_allowed_weights, fallback)| Inputs {
            policy,
            challenges,
            uids: uids(),
            sink,
            min_allowed_weights,
            max_weight_limit,
            fallback,
        },
    )
}

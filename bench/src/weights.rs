//! An epoch's arithmetic: answers to a vector with its report. Beside the largest epoch the same sums in plain
//! doubles, without a check and without a report; and what an entry costs there beside what it costs in the
//! smallest.

use std::{collections::HashMap, hint::black_box, time::Instant};

use anyhow::{Context as _, Result};
use platform_domain::{Hotkey, RawWeight, Uid};
use platform_weights::{ChallengeAnswer, Fallback, Inputs, NO_LIMIT, Policy, Uids, aggregate};

use crate::{
    numbers::{Samples, micros, millis},
    plan::Plan,
    progress,
    report::Measure,
};

pub(crate) const MEASURES: [&str; 3] = [
    "aggregate_10x256_us",
    "aggregate_64x4096_ms",
    "aggregate_entry_ns",
];
const SMALLEST: Size = Size {
    challenges: 1,
    hotkeys: 256,
};
const USUAL: Size = Size {
    challenges: 10,
    hotkeys: 256,
};
const LARGEST: Size = Size {
    challenges: 64,
    hotkeys: 4096,
};

/// Every challenge weighs every hotkey, and all are registered.
#[derive(Clone, Copy)]
struct Size {
    challenges: u16,
    hotkeys: u16,
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    progress("an epoch's arithmetic");
    let [smallest, usual, largest] = [epoch(SMALLEST)?, epoch(USUAL)?, epoch(LARGEST)?];
    let plain = Plain::new(&largest);
    let (mut small, mut middle) = (Samples::default(), Samples::default());
    for _ in 0..plan.of(50, 5) {
        small.push(micros(timed(|| aggregate(&smallest))));
        middle.push(micros(timed(|| aggregate(&usual))));
    }
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..plan.of(20, 2) {
        ours.push(millis(timed(|| aggregate(&largest))));
        theirs.push(millis(timed(|| plain.vector(&largest))));
    }
    let per_entry = |size: Size, nanos: f64| nanos / (f64::from(size.challenges) * f64::from(size.hotkeys));
    let entry = per_entry(LARGEST, ours.median() * 1e6);
    Ok(vec![
        Measure::new("aggregate_10x256_us", middle.median(), "us"),
        Measure::new("aggregate_64x4096_ms", ours.median(), "ms").over(theirs.median()),
        Measure::new("aggregate_entry_ns", entry, "ns").over(per_entry(SMALLEST, small.median() * 1e3)),
    ])
}

fn timed<T>(work: impl FnOnce() -> T) -> std::time::Duration {
    let started = Instant::now();
    // What is made is thrown away again in the same time.
    drop(black_box(work()));
    started.elapsed()
}

fn epoch(size: Size) -> Result<Inputs> {
    let hotkeys = || {
        (0..size.hotkeys).map(|n| {
            let [high, low] = n.to_be_bytes();
            let mut key = [7; 32];
            (key[0], key[1]) = (high, low);
            (Hotkey::from_bytes(key), Uid(n))
        })
    };
    let answer = |challenge: u16| -> Result<ChallengeAnswer> {
        let weight = |(hotkey, uid): (Hotkey, Uid)| RawWeight {
            hotkey: hotkey.to_string(),
            score: score(challenge, uid),
        };
        let slug = format!("challenge-{challenge}").parse()?;
        Ok(ChallengeAnswer::live(
            slug,
            "1.5".parse()?,
            Ok(hotkeys().map(weight).collect()),
        ))
    };
    Ok(Inputs {
        policy: Policy::Normalized,
        challenges: (0..size.challenges).map(answer).collect::<Result<_>>()?,
        uids: Uids::new(hotkeys())?,
        sink: None,
        min_allowed_weights: 1,
        max_weight_limit: NO_LIMIT,
        fallback: Fallback::Skip,
    })
}

/// Between zero and one, with all 53 bits that a double has, always the same.
fn score(challenge: u16, uid: Uid) -> f64 {
    let mut bits = (u64::from(challenge) << 16 | u64::from(uid.0)).wrapping_add(1);
    // The finaliser of SplitMix64.
    bits = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// What one writes who trusts answers and doubles.
struct Plain(HashMap<String, u16>);

impl Plain {
    fn new(inputs: &Inputs) -> Self {
        let text = |(hotkey, uid): (&Hotkey, Uid)| (hotkey.to_string(), uid.0);
        Self(inputs.uids.iter().map(text).collect())
    }

    fn vector(&self, inputs: &Inputs) -> Result<Vec<u16>> {
        let percents = inputs
            .challenges
            .iter()
            .map(|challenge| challenge.emission_percent.ten_thousandths());
        let all = percents.sum::<u64>() as f64;
        let mut earned = vec![0.0; self.0.len()];
        for challenge in &inputs.challenges {
            let answer = challenge
                .answer
                .as_ref()
                .ok()
                .context("every challenge answers")?;
            let sum: f64 = answer.iter().map(|entry| entry.score).sum();
            let part = challenge.emission_percent.ten_thousandths() as f64 / all / sum;
            for RawWeight { hotkey, score } in answer {
                let uid = self.0.get(hotkey).copied().map(usize::from);
                if let Some(earned) = uid.and_then(|uid| earned.get_mut(uid)) {
                    *earned += part * score;
                }
            }
        }
        let max = earned.iter().copied().fold(0.0, f64::max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from zero to the largest weight"
        )]
        let weight = |earned: f64| (earned / max * f64::from(u16::MAX)).round_ties_even() as u16;
        Ok(earned.into_iter().map(weight).collect())
    }
}

#[cfg(test)]
mod tests {
    use platform_weights::Payout;

    use super::*;

    #[test]
    fn doubles_come_to_nearly_the_same_vector() {
        let inputs = epoch(USUAL).unwrap();
        let Payout::Vector(vector) = aggregate(&inputs).unwrap().payout else {
            panic!("everybody has a score")
        };
        let plain = Plain::new(&inputs).vector(&inputs).unwrap();
        assert_eq!((vector.u16.len(), plain.len()), (256, 256));
        assert!(
            vector
                .u16
                .iter()
                .zip(&plain)
                .all(|(ours, theirs)| ours.abs_diff(*theirs) <= 1)
        );
    }
}

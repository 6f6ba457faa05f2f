//! The pipeline: from answers to a vector, with its report.

use std::{collections::BTreeMap, num::NonZeroU16};

use num_bigint::BigUint;
use platform_domain::Uid;

use crate::{
    Empty, Fallback, FallbackKind, FallbackReport, FixedWeights, Inputs, MAX_LISTED_UNKNOWN, Outcome, Payout,
    Policy, Report, Share, SinkReason, WeightsError,
    combine::{Part, combine},
    explain,
    finish::finish,
    judge::{Judged, judge},
};

/// Makes the vector of an epoch.
pub fn aggregate(inputs: &Inputs) -> Result<Outcome, WeightsError> {
    let limit = NonZeroU16::new(inputs.max_weight_limit).ok_or(WeightsError::ZeroLimit)?;
    let judged = judge(inputs)?;
    let parts: Vec<Part<'_>> = judged.iter().filter_map(Judged::part).collect();
    let whole = whole(inputs, &parts);
    let mut combined = combine(&parts);
    let paid: BigUint = combined.earned.values().sum();
    let one = &combined.one * whole;
    let mut report = Report {
        policy: inputs.policy.version().to_owned(),
        challenges: judged.iter().map(|judged| judged.report(whole)).collect(),
        reached: Share::floor(&paid, &one),
        uids: Vec::new(),
        sink: None,
        limited: false,
        rounded_to_zero: Vec::new(),
        empty: None,
        fallback: None,
    };
    let mut all = match inputs.policy {
        Policy::Normalized => paid,
        Policy::Absolute => {
            let unpaid = &one - paid;
            report.sink = Some(explain::sink(
                inputs.sink,
                explain::unpaid(&judged, &combined, whole),
                &one,
            ));
            if unpaid != BigUint::ZERO {
                let sink = inputs.sink.ok_or_else(|| WeightsError::NoSink {
                    unpaid: Share::floor(&unpaid, &one),
                })?;
                *combined.earned.entry(sink).or_default() += unpaid;
            }
            one
        }
    };
    if combined.earned.is_empty() {
        let empty = why_empty(&judged, &parts);
        report.empty = Some(empty.to_string());
        combined.earned = match &inputs.fallback {
            Fallback::Skip => {
                report.fallback = Some(FallbackReport::of(FallbackKind::Skip));
                let payout = Payout::Empty(empty);
                return Ok(Outcome { payout, report });
            }
            Fallback::Sink => all_to_sink(inputs, empty, &mut report)?,
            Fallback::Vector(weights) => fixed(inputs, weights, empty, &mut report)?,
        };
        all = combined.earned.values().sum();
    }
    report.uids = explain::uids(inputs, &parts, whole, &combined.earned, &all);
    let vector = finish(inputs, limit, combined.earned, &mut report)?;
    let payout = Payout::Vector(vector);
    Ok(Outcome { payout, report })
}

/// What the emissions are parts of, in ten-thousandths of a percent. At most 128 times a million.
fn whole(inputs: &Inputs, parts: &[Part<'_>]) -> u64 {
    const HUNDRED_PERCENT: u64 = 1_000_000;
    match inputs.policy {
        Policy::Normalized => parts.iter().map(|part| part.emission).sum(),
        // The percents of challenges that failed count too: their parts go to the sink, not to the others.
        Policy::Absolute => {
            let percents = inputs
                .challenges
                .iter()
                .map(|c| c.emission_percent.ten_thousandths());
            percents.sum::<u64>().max(HUNDRED_PERCENT)
        }
    }
}

fn why_empty(judged: &[Judged<'_>], parts: &[Part<'_>]) -> Empty {
    if judged.is_empty() {
        Empty::NoChallenges
    } else if judged.iter().all(Judged::is_silent) {
        Empty::NoAnswers
    } else if parts.is_empty() {
        Empty::NoEmission
    } else {
        Empty::NoKnownHotkey
    }
}

fn all_to_sink(
    inputs: &Inputs,
    empty: Empty,
    report: &mut Report,
) -> Result<BTreeMap<Uid, BigUint>, WeightsError> {
    let sink = inputs.sink.ok_or(WeightsError::NoFallbackSink(empty))?;
    let one = BigUint::from(1u8);
    let all = vec![(SinkReason::Fallback, None, one.clone())];
    report.fallback = Some(FallbackReport::of(FallbackKind::Sink));
    report.sink = Some(explain::sink(Some(sink), all, &one));
    Ok(BTreeMap::from([(sink, one)]))
}

fn fixed(
    inputs: &Inputs,
    weights: &FixedWeights,
    empty: Empty,
    report: &mut Report,
) -> Result<BTreeMap<Uid, BigUint>, WeightsError> {
    let mut used = FallbackReport::of(FallbackKind::Vector);
    let mut earned = BTreeMap::new();
    for (hotkey, weight) in weights.iter() {
        match inputs.uids.get(hotkey) {
            Some(uid) => drop(earned.insert(uid, BigUint::from(weight.get()))),
            None => {
                used.unknown_count += 1;
                if used.unknown.len() < MAX_LISTED_UNKNOWN {
                    used.unknown.push(*hotkey);
                }
            }
        }
    }
    if earned.is_empty() {
        return Err(WeightsError::NoFallbackHotkey(empty));
    }
    report.fallback = Some(used);
    Ok(earned)
}

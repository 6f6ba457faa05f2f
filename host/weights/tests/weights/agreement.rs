//! For any epoch the vector and the report are what the model in fractions comes to.

use std::collections::BTreeMap;

use num_rational::BigRational as Ratio;
use num_traits::{One, Zero};
use platform_weights::{Fallback, Payout, Policy, Report, Share, SinkReason, Vector, WeightsError};
use proptest::prelude::*;

use crate::{
    model::{Emission, Shares, emission, floor, ratio, split, vector},
    random::inputs,
};

fn rows(vector: &Vector) -> Vec<(u16, u64, u16)> {
    let entries = vector.uids.iter().zip(&vector.weights).zip(&vector.u16);
    entries
        .map(|((uid, share), weight)| (uid.0, share.units(), *weight))
        .collect()
}

fn sink_parts(report: &Report) -> Vec<(SinkReason, Option<String>, u64)> {
    let parts = report.sink.iter().flat_map(|sink| &sink.parts);
    parts
        .map(|part| {
            (
                part.reason,
                part.slug.as_ref().map(ToString::to_string),
                part.share.units(),
            )
        })
        .collect()
}

/// Everything of the report that is a number must follow from the fractions and the vector.
fn check_report(
    report: &Report,
    inputs: &platform_weights::Inputs,
    got: &Emission,
    shares: &Shares,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(report.reached.units(), floor(&got.earned.values().sum()));
    let exact: Vec<_> = shares.iter().map(|(uid, share)| (*uid, floor(share))).collect();
    let told: Vec<_> = report
        .uids
        .iter()
        .map(|uid| (uid.uid.0, uid.share.units()))
        .collect();
    prop_assert_eq!(told, exact);
    for entry in &report.uids {
        let from = got.from.get(&entry.uid.0).cloned().unwrap_or_default();
        let from: Vec<_> = from
            .into_iter()
            .map(|(slug, share)| (slug, floor(&share)))
            .collect();
        let told: Vec<_> = entry
            .from
            .iter()
            .map(|from| (from.slug.to_string(), from.share.units()))
            .collect();
        prop_assert_eq!(told, from);
        for from in &entry.from {
            let challenge = inputs
                .challenges
                .iter()
                .find(|challenge| challenge.slug == from.slug);
            prop_assert_eq!(Some(from.source), challenge.map(|challenge| challenge.source));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_vector_and_the_report_are_what_fractions_give(inputs in inputs()) {
        let got = emission(&inputs);
        let outcome = platform_weights::aggregate(&inputs);
        let lost: Ratio = got.lost.iter().map(|(.., share)| share).sum();
        let mut shares = got.earned.clone();
        let mut parts = Vec::new();
        if inputs.policy == Policy::Absolute {
            parts.clone_from(&got.lost);
            match inputs.sink {
                None if !lost.is_zero() => {
                    let no_sink = matches!(outcome, Err(WeightsError::NoSink { unpaid }) if unpaid.units() == floor(&lost));
                    prop_assert!(no_sink, "{:?}", outcome);
                    return Ok(());
                }
                Some(sink) if !lost.is_zero() => *shares.entry(sink.0).or_default() += &lost,
                _ => (),
            }
        } else {
            let paid: Ratio = shares.values().sum();
            shares.values_mut().for_each(|share| *share /= &paid);
        }
        let empty = shares.is_empty();
        if empty {
            match &inputs.fallback {
                Fallback::Skip => {
                    prop_assert!(matches!(outcome.unwrap().payout, Payout::Empty(_)));
                    return Ok(());
                }
                Fallback::Sink => {
                    let Some(sink) = inputs.sink else {
                        prop_assert!(matches!(outcome, Err(WeightsError::NoFallbackSink(_))));
                        return Ok(());
                    };
                    shares.insert(sink.0, Ratio::one());
                    parts = vec![(SinkReason::Fallback, None, Ratio::one())];
                }
                Fallback::Vector(weights) => {
                    let known = weights.iter().filter_map(|(hotkey, weight)| Some((inputs.uids.get(hotkey)?, weight)));
                    let known: Vec<_> = known.collect();
                    let sum: u64 = known.iter().map(|(_, weight)| u64::from(weight.get())).sum();
                    if known.is_empty() {
                        prop_assert!(matches!(outcome, Err(WeightsError::NoFallbackHotkey(_))));
                        return Ok(());
                    }
                    shares.extend(known.iter().map(|(uid, weight)| (uid.0, ratio(weight.get(), sum))));
                }
            }
        }
        let (expected, cut) = match vector(&inputs, &shares) {
            Ok(expected) => expected,
            Err(field) => {
                let error = outcome.unwrap_err().to_string();
                prop_assert!(error.starts_with(field), "{}", error);
                return Ok(());
            }
        };
        let outcome = outcome.unwrap();
        let Payout::Vector(vector) = &outcome.payout else { panic!("{outcome:?}") };
        let report = &outcome.report;
        prop_assert_eq!(rows(vector), expected.clone());
        prop_assert_eq!(report.fallback.is_some(), empty);
        prop_assert_eq!(report.empty.is_some(), empty);
        check_report(report, &inputs, &got, &shares)?;

        let weights: BTreeMap<_, _> = expected.iter().map(|(uid, units, weight)| (*uid, (*units, *weight))).collect();
        for entry in &report.uids {
            let paid = weights.get(&entry.uid.0).copied().unwrap_or_default();
            prop_assert_eq!((entry.paid.units(), entry.weight), paid);
            prop_assert_eq!(entry.clipped, cut.contains(&entry.uid.0));
        }
        prop_assert_eq!(report.limited, !cut.is_empty());
        let zeros: Vec<_> = shares.keys().copied().filter(|uid| !weights.contains_key(uid)).collect();
        prop_assert_eq!(report.rounded_to_zero.iter().map(|uid| uid.0).collect::<Vec<_>>(), zeros);

        let total = floor(&parts.iter().map(|(.., share)| share).sum());
        let units = split(&parts.iter().map(|(.., share)| share.clone()).collect::<Vec<_>>(), total);
        let parts: Vec<_> = parts.into_iter().zip(units).map(|((reason, slug, _), units)| (reason, slug, units)).collect();
        let planned = parts.iter().filter(|(reason, ..)| *reason == SinkReason::Unassigned).map(|part| part.2).sum::<u64>();
        prop_assert_eq!(sink_parts(report), parts);
        if let Some(sink) = &report.sink {
            prop_assert_eq!((sink.uid, sink.share.units()), (inputs.sink, total));
            prop_assert_eq!(sink.expected.units(), planned);
            prop_assert_eq!(report.sink_excess().units(), total - planned);
        } else {
            prop_assert_eq!(report.sink_excess(), Share::default());
        }
    }
}

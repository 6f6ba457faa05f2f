//! The pipeline: from answers to a vector, with its report.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use num_bigint::BigUint;
use platform_domain::{Hotkey, Slug, Uid};

use crate::{
    AnswerStatus, ChallengeAnswer, ChallengeReport, Contribution, Dropped, Empty, Inputs, MAX_CHALLENGES,
    Outcome, Payout, Policy, Report, Share, UidReport, UnknownHotkeys, Vector, WeightsError,
    clean::clean,
    combine::{Part, Scores, combine},
    limit::clip,
    quantise::quantise_within,
    report::reason_line,
};

/// Makes the vector of an epoch.
pub fn aggregate(inputs: &Inputs) -> Result<Outcome, WeightsError> {
    let limit = NonZeroU16::new(inputs.max_weight_limit).ok_or(WeightsError::ZeroLimit)?;
    let judged = judge(inputs)?;
    let parts: Vec<(&Slug, Part<'_>)> = judged.iter().filter_map(Judged::part).collect();
    let whole = whole(inputs, &parts);
    let combined = combine(&parts.iter().map(|(_, part)| *part).collect::<Vec<_>>());
    let mut earned = combined.earned;
    let paid: BigUint = earned.values().sum();
    let mut sink_part = None;
    let all = match inputs.policy {
        Policy::Normalized => paid,
        Policy::Absolute => {
            let all = combined.one * whole;
            let unpaid = &all - paid;
            let share = Share::floor(&unpaid, &all);
            if unpaid != BigUint::ZERO {
                let sink = inputs.sink.ok_or(WeightsError::NoSink { unpaid: share })?;
                *earned.entry(sink).or_default() += unpaid;
            }
            sink_part = Some(share);
            all
        }
    };
    let mut report = Report {
        policy: inputs.policy.version().to_owned(),
        challenges: judged.iter().map(|judged| judged.report(whole)).collect(),
        uids: Vec::new(),
        sink: sink_part,
        limited: false,
        empty: None,
    };
    if earned.is_empty() {
        let empty = why_empty(&judged, &parts);
        report.empty = Some(empty.to_string());
        let payout = Payout::Empty(empty);
        return Ok(Outcome { payout, report });
    }
    report.uids = explain(inputs, &parts, whole, &earned, &all);
    let (uids, values): (Vec<Uid>, Vec<BigUint>) = earned.into_iter().unzip();
    let (vector, weights) = finish(inputs, limit, uids, values, &mut report.limited)?;
    for (uid, weight) in report.uids.iter_mut().zip(weights) {
        uid.weight = weight;
    }
    let payout = Payout::Vector(vector);
    Ok(Outcome { payout, report })
}

/// A challenge after its answer was checked.
struct Judged<'a> {
    challenge: &'a ChallengeAnswer,
    entries: usize,
    dropped: Dropped,
    /// `None` when the challenge counts as having answered nothing.
    scores: Option<Scores>,
    reason: Option<(AnswerStatus, String)>,
}

/// Checks every answer, ordered by slug.
fn judge(inputs: &Inputs) -> Result<Vec<Judged<'_>>, WeightsError> {
    if inputs.challenges.len() > MAX_CHALLENGES {
        return Err(WeightsError::TooManyChallenges(inputs.challenges.len()));
    }
    let mut by_slug: BTreeMap<&Slug, Judged<'_>> = BTreeMap::new();
    let mut twice: BTreeSet<&Slug> = BTreeSet::new();
    for challenge in &inputs.challenges {
        if by_slug
            .insert(&challenge.slug, Judged::new(challenge, inputs))
            .is_some()
        {
            twice.insert(&challenge.slug);
        }
    }
    match twice.first() {
        Some(slug) => Err(WeightsError::DuplicateSlug((*slug).clone())),
        None => Ok(by_slug.into_values().collect()),
    }
}

impl<'a> Judged<'a> {
    fn new(challenge: &'a ChallengeAnswer, inputs: &Inputs) -> Self {
        let mut judged = Self {
            challenge,
            entries: challenge.answer.as_ref().map_or(0, Vec::len),
            dropped: Dropped::default(),
            scores: None,
            reason: None,
        };
        match challenge.answer.as_ref().map(|answer| clean(answer)) {
            Err(reason) => judged.reason = Some((AnswerStatus::Failed, reason_line(reason))),
            Ok(Err(invalid)) => judged.reason = Some((AnswerStatus::Failed, invalid.to_string())),
            Ok(Ok(cleaned)) => {
                judged.dropped = cleaned.dropped;
                if cleaned.scores.is_empty() {
                    let reason = "the answer has no positive score".to_owned();
                    judged.reason = Some((AnswerStatus::Empty, reason));
                } else {
                    judged.scores = Some(Scores::new(&cleaned, &inputs.uids));
                }
            }
        }
        judged
    }

    fn part(&self) -> Option<(&'a Slug, Part<'_>)> {
        let emission = self.challenge.emission_percent.ten_thousandths();
        let scores = self.scores.as_ref().filter(|_| emission > 0)?;
        Some((&self.challenge.slug, Part { emission, scores }))
    }

    fn report(&self, whole: u64) -> ChallengeReport {
        let emission = self.part().map_or(0, |(_, part)| part.emission);
        ChallengeReport {
            slug: self.challenge.slug.clone(),
            emission_percent: self.challenge.emission_percent,
            share: Share::floor(&emission.into(), &whole.into()),
            status: self
                .reason
                .as_ref()
                .map_or(AnswerStatus::Answered, |(status, _)| *status),
            reason: self.reason.as_ref().map(|(_, reason)| reason.clone()),
            entries: self.entries,
            scored: self
                .scores
                .as_ref()
                .map_or(0, |scores| scores.known.len() + scores.unknown.count),
            dropped: self.dropped,
            unknown: self
                .scores
                .as_ref()
                .map_or_else(UnknownHotkeys::default, |s| s.unknown.clone()),
        }
    }
}

/// What the emissions are parts of, in ten-thousandths of a percent. At most 128 times a million.
fn whole(inputs: &Inputs, parts: &[(&Slug, Part<'_>)]) -> u64 {
    const HUNDRED_PERCENT: u64 = 1_000_000;
    match inputs.policy {
        Policy::Normalized => parts.iter().map(|(_, part)| part.emission).sum(),
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

fn why_empty(judged: &[Judged<'_>], parts: &[(&Slug, Part<'_>)]) -> Empty {
    if judged.is_empty() {
        Empty::NoChallenges
    } else if judged.iter().all(|judged| judged.scores.is_none()) {
        Empty::NoAnswers
    } else if parts.is_empty() {
        Empty::NoEmission
    } else {
        Empty::NoKnownHotkey
    }
}

/// One entry per UID that earned something, its weight still to be filled in.
fn explain(
    inputs: &Inputs,
    parts: &[(&Slug, Part<'_>)],
    whole: u64,
    earned: &BTreeMap<Uid, BigUint>,
    all: &BigUint,
) -> Vec<UidReport> {
    let hotkeys: BTreeMap<Uid, &Hotkey> = inputs.uids.iter().map(|(hotkey, uid)| (uid, hotkey)).collect();
    let mut from: BTreeMap<Uid, Vec<Contribution>> = BTreeMap::new();
    for (slug, Part { emission, scores }) in parts {
        let (factor, all) = (BigUint::from(*emission), &scores.sum * whole);
        for (uid, score) in &scores.known {
            let (slug, share) = ((*slug).clone(), Share::floor(&score.times(&factor), &all));
            from.entry(*uid).or_default().push(Contribution { slug, share });
        }
    }
    let report = |(uid, value): (&Uid, &BigUint)| UidReport {
        uid: *uid,
        hotkey: hotkeys.get(uid).map(|hotkey| **hotkey),
        share: Share::floor(value, all),
        weight: 0,
        from: from.remove(uid).unwrap_or_default(),
    };
    earned.iter().map(report).collect()
}

/// Limit, quantise, drop what became zero, check. Also gives the 16-bit weights with their zeros.
fn finish(
    inputs: &Inputs,
    limit: NonZeroU16,
    uids: Vec<Uid>,
    values: Vec<BigUint>,
    limited: &mut bool,
) -> Result<(Vector, Vec<u16>), WeightsError> {
    let got = values.len();
    let clipped = clip(values.clone(), limit);
    let clipped = clipped.map_err(|needed| WeightsError::LimitUnreachable {
        limit: limit.get(),
        needed,
        got,
    })?;
    *limited = clipped != values;
    let weights = quantise_within(&clipped, limit.get());
    let entries = uids.into_iter().zip(clipped).zip(weights.iter().copied());
    let kept: Vec<_> = entries.filter(|(_, weight)| *weight > 0).collect();
    if kept.len() < usize::from(inputs.min_allowed_weights) {
        return Err(WeightsError::TooFewWeights {
            got: kept.len(),
            min: inputs.min_allowed_weights,
        });
    }
    let (pairs, u16): (Vec<_>, Vec<u16>) = kept.into_iter().unzip();
    let (uids, values): (Vec<Uid>, Vec<BigUint>) = pairs.into_iter().unzip();
    let vector = Vector {
        uids,
        weights: Share::split(&values),
        u16,
    };
    Ok((vector, weights))
}

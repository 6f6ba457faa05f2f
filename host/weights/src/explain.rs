//! The parts of the report that follow from the shares: who got what from whom, and why the sink got something.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use platform_domain::{Hotkey, Slug, Uid};

use crate::{
    AnswerStatus, Contribution, Inputs, Share, SinkPart, SinkReason, SinkReport, UidReport,
    by_uid::ByUid,
    combine::{Combined, Part},
    judge::Judged,
    proportion::Proportion,
    score::Score,
};

/// One entry per UID that earned something; what the vector comes to is still to be filled in.
pub(crate) fn uids(
    inputs: &Inputs,
    parts: &[Part<'_>],
    whole: u64,
    earned: &BTreeMap<Uid, BigUint>,
    all: &BigUint,
) -> Vec<UidReport> {
    let hotkeys: BTreeMap<Uid, &Hotkey> = inputs.uids.iter().map(|(hotkey, uid)| (uid, hotkey)).collect();
    let proportions: Vec<Proportion> = parts
        .iter()
        .map(|part| Proportion::new(part.emission, &part.scores.sum * whole))
        .collect();
    let mut by_uid = ByUid::new(parts);
    let mut scored = by_uid.next();
    let mut reports = Vec::with_capacity(earned.len());
    for (uid, value) in earned {
        // Both are ordered, and who has a score has earned something.
        let from = scored
            .filter(|(scored, _)| scored == uid)
            .map_or_else(Vec::new, |(_, scores)| contributions(parts, &proportions, scores));
        if !from.is_empty() {
            scored = by_uid.next();
        }
        reports.push(UidReport {
            uid: *uid,
            hotkey: hotkeys.get(uid).map(|hotkey| **hotkey),
            share: Share::floor(value, all),
            weight: 0,
            paid: Share::default(),
            clipped: false,
            from,
        });
    }
    reports
}

fn contributions(
    parts: &[Part<'_>],
    proportions: &[Proportion],
    scores: &[Option<Score>],
) -> Vec<Contribution> {
    let mut from = Vec::with_capacity(scores.iter().flatten().count());
    for ((part, proportion), score) in parts.iter().zip(proportions).zip(scores) {
        if let Some(score) = score {
            from.push(Contribution {
                slug: part.challenge.slug.clone(),
                source: part.challenge.source,
                share: proportion.of(*score),
            });
        }
    }
    from
}

/// Everything that reaches no miner under the policy `absolute`, in the units of `combined`, and why.
pub(crate) fn unpaid<'a>(
    judged: &[Judged<'a>],
    combined: &Combined,
    whole: u64,
) -> Vec<(SinkReason, Option<&'a Slug>, BigUint)> {
    let assigned: u64 = judged.iter().map(Judged::emission).sum();
    let unassigned = whole.saturating_sub(assigned) * &combined.one;
    let mut unknown = combined.unknown.iter();
    let of_challenge = |judged: &Judged<'a>| {
        let (reason, value) = match (judged.status(), judged.part()) {
            (AnswerStatus::Failed, _) => (SinkReason::Failed, judged.emission() * &combined.one),
            (AnswerStatus::Empty, _) => (SinkReason::Empty, judged.emission() * &combined.one),
            (AnswerStatus::Answered, None) => (SinkReason::UnknownHotkeys, BigUint::ZERO),
            (AnswerStatus::Answered, Some(_)) => (
                SinkReason::UnknownHotkeys,
                unknown.next().cloned().unwrap_or_default(),
            ),
        };
        (reason, Some(judged.slug()), value)
    };
    let mut unpaid = vec![(SinkReason::Unassigned, None, unassigned)];
    unpaid.extend(judged.iter().map(of_challenge));
    unpaid.retain(|(.., value)| *value != BigUint::ZERO);
    unpaid
}

/// What the sink gets of `all`.
pub(crate) fn sink(
    uid: Option<Uid>,
    unpaid: Vec<(SinkReason, Option<&Slug>, BigUint)>,
    all: &BigUint,
) -> SinkReport {
    let (named, values): (Vec<_>, Vec<BigUint>) = unpaid
        .into_iter()
        .map(|(reason, slug, value)| ((reason, slug), value))
        .unzip();
    let shares = Share::split_of(&values, all);
    let parts: Vec<SinkPart> = named
        .into_iter()
        .zip(shares)
        .map(|((reason, slug), share)| SinkPart {
            reason,
            slug: slug.cloned(),
            share,
        })
        .collect();
    let planned = parts.iter().find(|part| part.reason == SinkReason::Unassigned);
    SinkReport {
        uid,
        share: Share::floor(&values.iter().sum(), all),
        expected: planned.map_or_else(Share::default, |part| part.share),
        parts,
    }
}

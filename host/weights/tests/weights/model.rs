//! The whole pipeline once more in fractions, straight from the definitions, slow and short.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigInt;
use num_rational::BigRational as Ratio;
use num_traits::{FromPrimitive, One, Zero};
use platform_domain::Hotkey;
use platform_weights::{Inputs, Policy, Share, SinkReason};
pub(crate) type Shares = BTreeMap<u16, Ratio>;
/// The UID, the units of its share, its 16-bit weight.
pub(crate) type Row = (u16, u64, u16);

pub(crate) fn ratio(n: impl Into<BigInt>, d: impl Into<BigInt>) -> Ratio {
    Ratio::new(n.into(), d.into())
}

/// What a challenge's answer comes to: scores of hotkeys, none when it is empty, `None` when it failed.
fn scores(answer: &Result<Vec<platform_domain::RawWeight>, String>) -> Option<BTreeMap<Hotkey, Ratio>> {
    let mut seen = BTreeSet::new();
    let mut scores = BTreeMap::new();
    for entry in answer.as_ref().ok()? {
        let Ok(hotkey) = entry.hotkey.parse::<Hotkey>() else {
            continue;
        };
        if !seen.insert(hotkey) {
            return None;
        }
        if entry.score.is_finite() && entry.score > 0.0 {
            scores.insert(hotkey, Ratio::from_f64(entry.score).unwrap());
        }
    }
    Some(scores)
}

#[derive(Default)]
pub(crate) struct Emission {
    /// By UID, parts of the whole.
    pub(crate) earned: Shares,
    /// By UID, which challenge gave how much of the whole.
    pub(crate) from: BTreeMap<u16, Vec<(String, Ratio)>>,
    /// What reached no miner, and why.
    pub(crate) lost: Vec<(SinkReason, Option<String>, Ratio)>,
}

pub(crate) fn emission(inputs: &Inputs) -> Emission {
    let mut challenges: Vec<_> = inputs.challenges.iter().collect();
    challenges.sort_by_key(|challenge| &challenge.slug);
    let percent = |units: u64| ratio(units, 10_000);
    let answers: Vec<_> = challenges
        .iter()
        .map(|c| {
            (
                c.slug.to_string(),
                percent(c.emission_percent.ten_thousandths()),
                scores(&c.answer),
            )
        })
        .collect();
    let takes_part =
        |scores: &Option<BTreeMap<_, _>>| scores.as_ref().is_some_and(|scores| !scores.is_empty());
    let whole: Ratio = match inputs.policy {
        Policy::Normalized => answers
            .iter()
            .filter(|(.., s)| takes_part(s))
            .map(|(_, p, _)| p)
            .sum(),
        Policy::Absolute => answers
            .iter()
            .map(|(_, p, _)| p)
            .sum::<Ratio>()
            .max(ratio(100, 1)),
    };
    let mut got = Emission::default();
    if inputs.policy == Policy::Absolute {
        let assigned: Ratio = answers.iter().map(|(_, percent, _)| percent / &whole).sum();
        got.lost
            .push((SinkReason::Unassigned, None, Ratio::one() - assigned));
    }
    for (slug, percent, scores) in answers {
        if percent.is_zero() || (inputs.policy == Policy::Normalized && !takes_part(&scores)) {
            continue;
        }
        let lost = match &scores {
            None => (SinkReason::Failed, percent / &whole),
            Some(scores) if scores.is_empty() => (SinkReason::Empty, percent / &whole),
            Some(scores) => {
                let (share, sum) = (percent / &whole, scores.values().sum::<Ratio>());
                let mut unknown = Ratio::zero();
                for (hotkey, score) in scores {
                    let part = &share * score / &sum;
                    let Some(uid) = inputs.uids.get(hotkey) else {
                        unknown += part;
                        continue;
                    };
                    got.from
                        .entry(uid.0)
                        .or_default()
                        .push((slug.clone(), part.clone()));
                    *got.earned.entry(uid.0).or_default() += part;
                }
                (SinkReason::UnknownHotkeys, unknown)
            }
        };
        got.lost.push((lost.0, Some(slug), lost.1));
    }
    got.lost.retain(|(.., share)| !share.is_zero());
    got
}

/// Cuts as many of the largest as it takes, from none upwards, until the level fits between what is cut and
/// what is not.
fn limited(shares: &Shares, limit: &Ratio) -> (Shares, BTreeSet<u16>) {
    let mut order: Vec<_> = shares.iter().map(|(uid, share)| (share.clone(), *uid)).collect();
    order.sort();
    order.reverse();
    for cut in 0..order.len() {
        let rest: Ratio = order[cut..].iter().map(|(share, _)| share).sum();
        let room = Ratio::one() - limit * ratio(cut, 1);
        if cut == 0 {
            if order[0].0 <= limit * &rest {
                return (shares.clone(), BTreeSet::new());
            }
            continue;
        }
        if room <= Ratio::zero() {
            break;
        }
        let level = limit * &rest / room;
        if order[cut].0 <= level && order[cut - 1].0 >= level {
            let uids = order
                .iter()
                .filter(|(share, _)| *share > level)
                .map(|(_, uid)| *uid)
                .collect();
            let cut = shares
                .iter()
                .map(|(uid, share)| (*uid, share.clone().min(level.clone())));
            return (cut.collect(), uids);
        }
    }
    // All alike: just as many entries as the limit needs.
    let level = order.last().unwrap().0.clone();
    let uids = order
        .iter()
        .filter(|(share, _)| *share > level)
        .map(|(_, uid)| *uid)
        .collect();
    (shares.keys().map(|uid| (*uid, level.clone())).collect(), uids)
}

fn half_even(value: &Ratio) -> u64 {
    let floor = u64::try_from(value.floor().to_integer()).unwrap();
    let twice = value.fract() * ratio(2, 1);
    floor + u64::from(twice > Ratio::one() || twice == Ratio::one() && floor % 2 == 1)
}

fn quantised(shares: &Shares, limit: u16) -> Vec<u16> {
    let max = shares.values().max().unwrap();
    let scaled: Vec<_> = shares
        .values()
        .map(|share| share / max * ratio(65535, 1))
        .collect();
    let mut weights: Vec<u64> = scaled.iter().map(half_even).collect();
    // The largest is a part of the sum that must not exceed the limit; rounding up from below helps.
    let mut raise: Vec<usize> = (0..scaled.len())
        .filter(|at| ratio(weights[*at], 1) < scaled[*at])
        .collect();
    raise.sort_by_key(|at| (Ratio::one() - scaled[*at].fract(), *at));
    for at in raise {
        if 65535 * 65535 <= weights.iter().sum::<u64>() * u64::from(limit) {
            break;
        }
        weights[at] += 1;
    }
    weights
        .into_iter()
        .map(|weight| u16::try_from(weight).unwrap())
        .collect()
}

/// In units of the last place of a share.
pub(crate) fn floor(share: &Ratio) -> u64 {
    u64::try_from((share * ratio(Share::ONE, 1)).floor().to_integer()).unwrap()
}

/// The floors, and one more for the largest remainders until the sum is `total`.
pub(crate) fn split(shares: &[Ratio], total: u64) -> Vec<u64> {
    let mut units: Vec<u64> = shares.iter().map(floor).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|at| (Ratio::one() - (&shares[*at] * ratio(Share::ONE, 1)).fract(), *at));
    for at in order
        .into_iter()
        .take((total - units.iter().sum::<u64>()) as usize)
    {
        units[at] += 1;
    }
    units
}

/// The vector and who was cut, or the first word of the refusal.
pub(crate) fn vector(inputs: &Inputs, shares: &Shares) -> Result<(Vec<Row>, BTreeSet<u16>), &'static str> {
    let limit = inputs.max_weight_limit;
    if shares.len() * usize::from(limit) < 65535 {
        return Err("max_weight_limit");
    }
    let (limited, cut) = limited(shares, &ratio(limit, 65535));
    let weights = quantised(&limited, limit);
    let kept: Vec<_> = limited
        .iter()
        .zip(weights)
        .filter(|(_, weight)| *weight > 0)
        .collect();
    if kept.len() < usize::from(inputs.min_allowed_weights) {
        return Err("min_allowed_weights");
    }
    let sum: Ratio = kept.iter().map(|((_, share), _)| *share).sum();
    let parts: Vec<_> = kept.iter().map(|((_, share), _)| *share / &sum).collect();
    let units = split(&parts, Share::ONE);
    let rows = kept
        .iter()
        .zip(units)
        .map(|(((uid, _), weight), units)| (**uid, units, *weight));
    Ok((rows.collect(), cut))
}

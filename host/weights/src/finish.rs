//! From shares to what the chain is told.

use std::{collections::BTreeMap, num::NonZeroU16};

use num_bigint::BigUint;
use platform_domain::Uid;

use crate::{Inputs, Report, Share, Vector, WeightsError, limit::clip, quantise::quantise_within};

/// Limit, quantise, drop what became zero, check. `earned` are positive, and the UIDs of the report are theirs;
/// what the steps come to for each is added there.
pub(crate) fn finish(
    inputs: &Inputs,
    limit: NonZeroU16,
    earned: BTreeMap<Uid, BigUint>,
    report: &mut Report,
) -> Result<Vector, WeightsError> {
    let (uids, values): (Vec<Uid>, Vec<BigUint>) = earned.into_iter().unzip();
    let got = values.len();
    let clipped = clip(values, limit).map_err(|needed| WeightsError::LimitUnreachable {
        limit: limit.get(),
        needed,
        got,
    })?;
    let weights = quantise_within(&clipped.values, limit.get());
    report.limited = clipped.cut.contains(&true);
    for ((entry, cut), weight) in report.uids.iter_mut().zip(clipped.cut).zip(&weights) {
        (entry.clipped, entry.weight) = (cut, *weight);
    }
    let entries = uids.into_iter().zip(clipped.values).zip(weights);
    let (kept, zero): (Vec<_>, Vec<_>) = entries.partition(|(_, weight)| *weight > 0);
    report.rounded_to_zero = zero.into_iter().map(|((uid, _), _)| uid).collect();
    if kept.len() < usize::from(inputs.min_allowed_weights) {
        return Err(WeightsError::TooFewWeights {
            got: kept.len(),
            min: inputs.min_allowed_weights,
        });
    }
    let (pairs, u16): (Vec<_>, Vec<u16>) = kept.into_iter().unzip();
    let (uids, values): (Vec<Uid>, Vec<BigUint>) = pairs.into_iter().unzip();
    let weights = Share::split(&values);
    let paid = report.uids.iter_mut().filter(|entry| entry.weight > 0);
    for (entry, share) in paid.zip(&weights) {
        entry.paid = *share;
    }
    Ok(Vector { uids, weights, u16 })
}

//! The most that one UID may get.

use std::num::NonZeroU16;

use num_bigint::BigUint;

use crate::NO_LIMIT;

/// The whole of a chain weight.
const WHOLE: u32 = NO_LIMIT as u32;

/// Values within the limit.
#[derive(Debug)]
pub(crate) struct Clipped {
    /// In the order they had, on a scale of their own.
    pub(crate) values: Vec<BigUint>,
    /// Which were cut; all `false` when no value exceeded the limit.
    pub(crate) cut: Vec<bool>,
}

/// Cuts the largest of positive `values` to one level, such that the largest is exactly `limit`/65535 of the
/// sum. Unchanged when no value exceeds the limit.
///
/// The same function as `normalize_max_weight` of the chain's SDK without its tolerance of 1e-7, and with one
/// difference: where so few values cannot satisfy the limit, the SDK makes them equal, which violates it. Here
/// that is `Err` with the number of values it takes.
pub(crate) fn clip(values: Vec<BigUint>, limit: NonZeroU16) -> Result<Clipped, u32> {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let needed = WHOLE.div_ceil(u32::from(limit.get()));
    if count < needed {
        return Err(needed);
    }
    let (limit, whole) = (BigUint::from(limit.get()), BigUint::from(WHOLE));
    let sum: BigUint = values.iter().sum();
    let exceeds = |value: &BigUint, sum: &BigUint| value * &whole > sum * &limit;
    if !values.iter().any(|value| exceeds(value, &sum)) {
        let cut = vec![false; values.len()];
        return Ok(Clipped { values, cut });
    }
    let mut ascending: Vec<&BigUint> = values.iter().collect();
    ascending.sort_unstable();
    // `below` sums the values under the level, `above` counts the others. If all of those were cut to
    // `value`, would it be within the limit? The answer changes from yes to no once, on the way up.
    let (mut below, mut above) = (BigUint::ZERO, count);
    for value in ascending {
        let cut = value * above + &below;
        if exceeds(value, &cut) {
            break;
        }
        below += value;
        above = above.saturating_sub(1);
    }
    // level / (below + above · level) = limit / whole, hence level = limit · below / (whole - limit · above).
    // The difference is positive: the first value V over the limit has V · whole > limit · (below + above · V).
    let scale = &whole - &limit * above;
    let level = &limit * &below;
    let scaled = values.into_iter().map(|value| value * &scale);
    let (values, cut) = scaled
        .map(|value| match value > level {
            true => (level.clone(), true),
            false => (value, false),
        })
        .unzip();
    Ok(Clipped { values, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(values: &[u32], limit: u16) -> Result<Vec<f64>, u32> {
        let limit = NonZeroU16::new(limit).unwrap();
        let clipped = clip(values.iter().map(|v| BigUint::from(*v)).collect(), limit)?.values;
        let sum: BigUint = clipped.iter().sum();
        let part = |v: &BigUint| u64::try_from(v * 1_000_000_000u64 / &sum).unwrap() as f64 / 1e9;
        Ok(clipped.iter().map(part).collect())
    }

    /// The limit of the chain is in 65535ths, so a half is not among them; hence the tolerance.
    #[test]
    fn the_published_results_of_the_sdk_are_met() {
        let table: [(&[u32], f64, &[f64]); 4] = [
            (&[7, 2, 1], 0.5, &[0.499999833, 0.333333444, 0.166666722]),
            (
                &[10, 1, 1, 1],
                0.4,
                &[0.39999974, 0.200000087, 0.200000087, 0.200000087],
            ),
            (&[16, 2, 1, 1], 0.5, &[0.5, 0.25, 0.125, 0.125]),
            (&[5, 3, 2], 0.6, &[0.5, 0.3, 0.2]),
        ];
        for (values, limit, expected) in table {
            let got = parts(values, (limit * 65535.0) as u16).unwrap();
            let close = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-5);
            assert!(close, "{values:?} at {limit}: {got:?}");
        }
    }

    #[test]
    fn too_few_values_for_the_limit_are_refused_with_the_number_it_takes() {
        assert_eq!(parts(&[1, 1, 1], 13107), Err(5));
        // Here the SDK makes them equal: [1, 0, 0] at 0.2 becomes thirds, and each is over the limit.
        assert_eq!(parts(&[1], 13107), Err(5));
        assert_eq!(parts(&[1], 1), Err(65535));
        assert_eq!(parts(&[5, 1, 1], 21845).unwrap(), [0.333333333; 3]);
        assert_eq!(parts(&[5], NO_LIMIT).unwrap(), [1.0]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_clipped_meets_the_limit_exactly(
            values in proptest::collection::vec(1u32.., 1..40), limit in 1u16..,
        ) {
            let values: Vec<BigUint> = values.into_iter().map(BigUint::from).collect();
            let sum: BigUint = values.iter().sum();
            let over = values.iter().any(|v| v * 65535u32 > &sum * limit);
            if let Ok(Clipped { values: clipped, cut }) = clip(values.clone(), NonZeroU16::new(limit).unwrap()) {
                proptest::prop_assert_eq!(cut.contains(&true), over);
                let sum: BigUint = clipped.iter().sum();
                let max = clipped.iter().max().unwrap() * 65535u32;
                let right = if over { max == &sum * limit } else { clipped == values };
                proptest::prop_assert!(right);
                let order = |v: &[BigUint]| v.windows(2).map(|w| w[0].cmp(&w[1])).collect::<Vec<_>>();
                for (before, after) in order(&values).into_iter().zip(order(&clipped)) {
                    proptest::prop_assert!(after == before || after.is_eq());
                }
            }
        }
    }
}

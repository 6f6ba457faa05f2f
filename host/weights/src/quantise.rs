//! Shares to the 16-bit weights that the chain stores.

use num_bigint::BigUint;

use crate::NO_LIMIT;

/// What the largest weight becomes. A chain scales a vector up to this; one that is there already is stored
/// as it is.
const TOP: u16 = u16::MAX;

/// `value / max · 65535` for each, rounded half to even, as the chain's SDK does with doubles. The largest
/// becomes 65535; what rounds to zero stays in its place as zero. `values` are positive.
pub(crate) fn quantise(values: &[BigUint]) -> Vec<u16> {
    let max = values.iter().max().cloned().unwrap_or_default();
    values
        .iter()
        .map(|value| Rounded::new(value, &max).nearest)
        .collect()
}

/// Like [`quantise`], for values that meet `limit` exactly where the rounded numbers may miss it by a unit:
/// then as many as it takes are rounded up instead, the largest fractions first, on equal ones the earlier.
pub(crate) fn quantise_within(values: &[BigUint], limit: u16) -> Vec<u16> {
    if limit == NO_LIMIT {
        return quantise(values);
    }
    let max = values.iter().max().cloned().unwrap_or_default();
    let rounded: Vec<_> = values.iter().map(|value| Rounded::new(value, &max)).collect();
    let mut weights: Vec<u16> = rounded.iter().map(|rounded| rounded.nearest).collect();
    // 65535 / sum <= limit / 65535. All rounded up would reach it, because the values themselves do.
    let needed = (u64::from(TOP) * u64::from(NO_LIMIT)).div_ceil(u64::from(limit.max(1)));
    let sum: u64 = weights.iter().copied().map(u64::from).sum();
    let missing = usize::try_from(needed.saturating_sub(sum)).unwrap_or(usize::MAX);
    let mut raised: Vec<_> = rounded
        .iter()
        .enumerate()
        .filter(|(_, r)| r.was_rounded_down())
        .collect();
    raised.sort_by(|(at_a, a), (at_b, b)| b.remainder.cmp(&a.remainder).then(at_a.cmp(at_b)));
    for (at, _) in raised.into_iter().take(missing) {
        if let Some(weight) = weights.get_mut(at) {
            *weight = weight.saturating_add(1);
        }
    }
    weights
}

struct Rounded {
    floor: u16,
    nearest: u16,
    /// Of the division by the largest value.
    remainder: BigUint,
}

impl Rounded {
    fn new(value: &BigUint, max: &BigUint) -> Self {
        if *max == BigUint::ZERO {
            return Self {
                floor: 0,
                nearest: 0,
                remainder: BigUint::ZERO,
            };
        }
        let scaled = value * TOP;
        // At most 65535, because no value exceeds the largest.
        let floor = u16::try_from(&scaled / max).unwrap_or(TOP);
        let remainder = scaled - max * floor;
        let up = match (&remainder * 2u8).cmp(max) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => floor % 2 == 1,
            std::cmp::Ordering::Greater => true,
        };
        let nearest = floor.saturating_add(u16::from(up));
        Self {
            floor,
            nearest,
            remainder,
        }
    }

    fn was_rounded_down(&self) -> bool {
        self.nearest == self.floor && self.remainder != BigUint::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(values: &[u32]) -> Vec<BigUint> {
        values.iter().map(|value| BigUint::from(*value)).collect()
    }

    #[test]
    fn the_published_results_of_the_sdk_are_met() {
        let table: [(&[u32], &[u16]); 17] = [
            (&[1, 2, 7], &[9362, 18724, 65535]),
            (&[3, 7], &[28086, 65535]),
            (&[5], &[65535]),
            (&[1, 1, 1, 1], &[65535; 4]),
            (&[1, 1_000_000], &[0, 65535]),
            (&[100, 50, 25], &[65535, 32768, 16384]),
            (&[65535, 1], &[65535, 1]),
            (&[131_070, 1, 3], &[65535, 0, 2]),
            (&[15, 5, 80], &[12288, 4096, 65535]),
            (&[95, 3, 2], &[65535, 2070, 1380]),
            (&[3, 2, 1, 0], &[65535, 43690, 21845, 0]),
            (&[1, 5, 6], &[10922, 54612, 65535]),
            (&[3, 10], &[19660, 65535]),
            (&[1, 2], &[32768, 65535]),
            (&[3, 1], &[65535, 21845]),
            (&[1, 0, 4, 5], &[13107, 0, 52428, 65535]),
            (&[1, 3], &[21845, 65535]),
        ];
        for (values, expected) in table {
            assert_eq!(quantise(&big(values)), expected, "{values:?}");
        }
    }

    /// What the chain itself makes of a vector whose largest weight is not 65535 yet; the vectors are those of
    /// its own tests.
    #[test]
    fn the_chains_own_scaling_gives_the_same() {
        let table: [(&[u32], &[u16]); 6] = [
            (&[1], &[65535]),
            (&[0, 1], &[0, 65535]),
            (&[65534], &[65535]),
            (&[0, 1, 65534], &[0, 1, 65535]),
            (&[0, 1, 2, 3, 4, 65533, 65535], &[0, 1, 2, 3, 4, 65533, 65535]),
            (
                &[1, 6, 7, 100, 1000, 10_000, 100_000, 200_000, 300_000, 400_000],
                &[0, 1, 1, 16, 164, 1638, 16384, 32768, 49151, 65535],
            ),
        ];
        for (values, expected) in table {
            let once = quantise(&big(values));
            assert_eq!(once, expected, "{values:?}");
            let again: Vec<_> = once.iter().copied().map(u32::from).collect();
            assert_eq!(quantise(&big(&again)), expected, "what is scaled stays as it is");
        }
    }

    #[test]
    fn a_limit_missed_by_rounding_is_met_by_rounding_up() {
        // 21846 of 65535 meet a limit of 21846 exactly, but 65535 of 196596 are a trifle more.
        let values = big(&[21846, 14563, 14563, 14563]);
        assert_eq!(quantise(&values), [65535, 43687, 43687, 43687]);
        assert_eq!(quantise_within(&values, 21846), [65535, 43688, 43687, 43687]);
        assert_eq!(quantise_within(&values, NO_LIMIT), quantise(&values));
    }
}

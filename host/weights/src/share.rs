//! A part of one, as decimals that people and other programs read.

use std::{fmt, str::FromStr};

use num_bigint::BigUint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of one with 18 decimal places, written with all of them (`"0.250000000000000000"`).
///
/// Eighteen, because that is finer than any difference between doubles near the parts that matter (2^-53 is
/// about 1.1e-16), still fits 64 bits, and can be added without loss by every decimal type in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u64);

/// The text is not a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is a number from 0 to 1 with {} decimal places", Share::DIGITS)]
pub struct ShareError;

impl Share {
    /// The number of decimal places.
    pub const DIGITS: usize = 18;
    /// What one is in units of the last place.
    pub const ONE: u64 = 10u64.pow(18);

    /// In units of the last place, 0 to [`Share::ONE`].
    pub const fn units(self) -> u64 {
        self.0
    }

    /// `None` when it is more than one.
    pub(crate) const fn of_units(units: u64) -> Option<Self> {
        if units > Self::ONE {
            return None;
        }
        Some(Self(units))
    }

    /// The part that `part` is of `whole`, rounded down; zero of nothing.
    pub(crate) fn floor(part: &BigUint, whole: &BigUint) -> Self {
        if *whole == BigUint::ZERO {
            return Self(0);
        }
        let units = part * Self::ONE / whole;
        Self(u64::try_from(units).unwrap_or(Self::ONE).min(Self::ONE))
    }

    /// The difference, zero when `other` is larger.
    pub(crate) const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Splits one among `parts` in proportion so that the sum is exactly one: each is rounded down, and the
    /// units left go to the largest remainders, on equal remainders to the earlier part. Empty when the parts
    /// are all zero.
    pub(crate) fn split(parts: &[BigUint]) -> Vec<Self> {
        let whole: BigUint = parts.iter().sum();
        if whole == BigUint::ZERO {
            return Vec::new();
        }
        Self::split_of(parts, &whole)
    }

    /// The same for parts of a positive `whole` that need not be all of it: the sum is their sum's part,
    /// rounded down.
    pub(crate) fn split_of(parts: &[BigUint], whole: &BigUint) -> Vec<Self> {
        let all = Self::floor(&parts.iter().sum(), whole);
        let mut units = Vec::with_capacity(parts.len());
        let mut remainders = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let scaled = part * Self::ONE;
            let floor = Self::floor(part, whole).0;
            remainders.push((scaled - whole * floor, at));
            units.push(floor);
        }
        // Fewer units are left than there are parts, for each remainder is below one unit.
        let left = units.iter().fold(all.0, |left, unit| left.saturating_sub(*unit));
        remainders.sort_by(|(a, at_a), (b, at_b)| b.cmp(a).then(at_a.cmp(at_b)));
        for (_, at) in remainders
            .iter()
            .take(usize::try_from(left).unwrap_or(usize::MAX))
        {
            if let Some(unit) = units.get_mut(*at) {
                *unit += 1;
            }
        }
        units.into_iter().map(Self).collect()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:018}", self.0 / Self::ONE, self.0 % Self::ONE)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let (whole, fraction) = text.split_once('.').ok_or(ShareError)?;
        let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
        if whole.len() != 1 || fraction.len() != Self::DIGITS || !digits(whole) || !digits(fraction) {
            return Err(ShareError);
        }
        let units = |part: &str| part.parse::<u64>().map_err(|_| ShareError);
        let sum = units(whole)?
            .checked_mul(Self::ONE)
            .and_then(|ones| ones.checked_add(units(fraction).ok()?));
        sum.filter(|sum| *sum <= Self::ONE).map(Self).ok_or(ShareError)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(parts: &[u32]) -> Vec<String> {
        let parts: Vec<_> = parts.iter().map(|part| BigUint::from(*part)).collect();
        Share::split(&parts).iter().map(Share::to_string).collect()
    }

    #[test]
    fn the_units_left_go_to_the_largest_remainders() {
        assert_eq!(split(&[7]), ["1.000000000000000000"]);
        assert_eq!(split(&[0, 1]), ["0.000000000000000000", "1.000000000000000000"]);
        assert_eq!(
            split(&[1, 1, 1]),
            [
                "0.333333333333333334",
                "0.333333333333333333",
                "0.333333333333333333"
            ]
        );
        assert_eq!(split(&[1, 5]), ["0.166666666666666667", "0.833333333333333333"]);
        assert!(split(&[]).is_empty() && split(&[0, 0]).is_empty());
    }

    #[test]
    fn parts_of_more_than_themselves_sum_to_their_own_part() {
        let parts = [2u8, 1, 2].map(BigUint::from);
        let shares = Share::split_of(&parts, &BigUint::from(7u8));
        let units: Vec<_> = shares.iter().map(|share| share.units()).collect();
        // 285714285714285714.28, 142857142857142857.14 and 285714285714285714.28 of 714285714285714285.71.
        assert_eq!(
            units,
            [
                285_714_285_714_285_714,
                142_857_142_857_142_857,
                285_714_285_714_285_714
            ]
        );
        let shares = Share::split_of(&parts.map(|part| part * 3u8), &BigUint::from(19u8));
        // 315789473684210526.3, 157894736842105263.2 and 315789473684210526.3 of 789473684210526315.8.
        let units: Vec<_> = shares.iter().map(|share| share.units()).collect();
        assert_eq!(
            units,
            [
                315_789_473_684_210_526,
                157_894_736_842_105_263,
                315_789_473_684_210_526
            ]
        );
    }

    #[test]
    fn a_share_is_read_as_it_is_written() {
        for text in [
            "0.000000000000000000",
            "0.250000000000000000",
            "1.000000000000000000",
        ] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "0.25",
            "1.000000000000000001",
            "9.000000000000000000",
            "0.25000000000000000+",
        ] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_shares_sum_to_exactly_one(parts in proptest::collection::vec(0u32.., 1..300)) {
            let shares = Share::split(&parts.iter().map(|part| BigUint::from(*part)).collect::<Vec<_>>());
            if parts.iter().any(|part| *part > 0) {
                proptest::prop_assert_eq!(shares.iter().map(|share| share.units()).sum::<u64>(), Share::ONE);
            }
        }
    }
}

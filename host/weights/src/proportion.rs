//! What each score of a challenge comes to, exactly and without long division for nearly all of them.

use num_bigint::BigUint;

use crate::{Share, multiply::halves, score::Score};

/// Shares in proportion to scores: `emission · score / all`, rounded down.
#[derive(Debug)]
pub(crate) struct Proportion {
    emission: BigUint,
    all: BigUint,
    /// The units that a score of one is worth, times 2^`places`, rounded down: 127 or 128 bits of it.
    unit: u128,
    places: i64,
    /// Whether nothing was lost by that rounding.
    whole: bool,
}

impl Proportion {
    /// `emission` and `all` are positive.
    pub(crate) fn new(emission: u64, all: BigUint) -> Self {
        let emission = BigUint::from(emission);
        let units = &emission * Share::ONE;
        // What is between 2^(a - b - 1) and 2^(a - b + 1) comes to between 2^126 and 2^128.
        let bits = |number: &BigUint| i64::try_from(number.bits()).unwrap_or(i64::MAX);
        let places = bits(&all).saturating_sub(bits(&units)).saturating_add(127);
        let (up, down) = (u64::try_from(places), u64::try_from(places.saturating_neg()));
        let (part, whole) = (units << up.unwrap_or(0), &all << down.unwrap_or(0));
        let unit = &part / &whole;
        let exact = &unit * whole == part;
        Self {
            emission,
            all,
            unit: u128::try_from(unit).unwrap_or(u128::MAX),
            places,
            whole: exact,
        }
    }

    /// The share of one score.
    pub(crate) fn of(&self, score: Score) -> Share {
        self.quickly(score)
            .unwrap_or_else(|| Share::floor(&score.times(&self.emission), &self.all))
    }

    /// The true number of units lies between `unit · mantissa` and `(unit + 1) · mantissa`, moved down by some
    /// places. `None` when a whole number lies between them too.
    fn quickly(&self, score: Score) -> Option<Share> {
        let down = u32::try_from(self.places.checked_sub(i64::from(score.shift))?).ok()?;
        let (low, high) = halves(self.unit);
        let mantissa = u128::from(score.mantissa);
        let (lowest, carry) = halves(u128::from(low) * mantissa);
        // 64 + 53 bits, and the product 128 + 53.
        let upper = u128::from(high) * mantissa + u128::from(carry);
        let least = upper.checked_shr(down.checked_sub(u64::BITS)?).unwrap_or(0);
        let most = match self.whole {
            true => least,
            false => {
                let above = upper + u128::from(lowest.checked_add(score.mantissa).is_none());
                above.checked_shr(down.checked_sub(u64::BITS)?).unwrap_or(0)
            }
        };
        let units = u64::try_from(least).ok().filter(|_| least == most)?;
        Share::of_units(units)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the other scores add, of which much divides without a rest.
    fn others() -> impl Strategy<Value = BigUint> {
        let small = (0..5_000u64, 0..2_000_000u64).prop_map(|(sum, whole)| BigUint::from(sum) * whole);
        let large = proptest::collection::vec(any::<u32>(), 1..70).prop_map(BigUint::new);
        prop_oneof![small, large]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn a_share_is_what_long_division_gives(
            emission in prop_oneof![1..=1_000_000u64, (1..=100u64).prop_map(|percent| percent * 10_000)],
            others in others(),
            mantissa in prop_oneof![1..100u64, 1u64..1 << 53],
            shift in prop_oneof![2 => Just(0), 1 => 0..70u32, 1 => 0..2_098u32],
        ) {
            let score = Score { mantissa, shift };
            let part = score.times(&BigUint::from(emission));
            let all = &part + others;
            let expected = Share::floor(&part, &all);
            prop_assert_eq!(Proportion::new(emission, all).of(score), expected);
        }
    }

    #[test]
    fn whole_numbers_of_units_are_exact_though_a_third_is_not() {
        for (emission, all, mantissa, units) in [
            (1u64, 4u64, 1u64, Share::ONE / 4),
            (1, 3, 3, Share::ONE),
            (1, 48, 3, Share::ONE / 16),
            (1, 3, 1, Share::ONE / 3),
            (1_000_000, 3_000_000_000_000, 2, 666_666_666_666),
        ] {
            let score = Score { mantissa, shift: 0 };
            let got = Proportion::new(emission, all.into()).of(score).units();
            assert_eq!(got, units, "{emission} · {mantissa} / {all}");
        }
    }
}

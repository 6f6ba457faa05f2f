//! Doubles as what they are: a whole number times a power of two.

use num_bigint::BigUint;

/// A positive finite double, `mantissa · 2^exponent` with an odd mantissa below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dyadic {
    mantissa: u64,
    exponent: i32,
}

/// The smallest exponent of a challenge's scores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale(i32);

/// A score on its challenge's own scale: the whole number `mantissa · 2^shift`.
///
/// Kept in two parts because a product with `mantissa` costs one machine word and a shift, which is what
/// keeps an answer that holds both 1e308 and 5e-324 as cheap as any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Score {
    /// Odd and below 2^53.
    pub(crate) mantissa: u64,
    /// At most 2,097: from 2^-1074 to 2^1023.
    pub(crate) shift: u32,
}

const FRACTION_BITS: u32 = 52;
/// The exponent of a double whose biased exponent is 1, for a whole mantissa (IEEE 754).
const MIN_EXPONENT: i32 = -1074;

impl Dyadic {
    /// Takes a double apart; `None` unless it is finite and positive.
    pub(crate) fn new(value: f64) -> Option<Self> {
        if !value.is_finite() || value <= 0.0 {
            return None;
        }
        let bits = value.to_bits();
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        // The sign bit is zero, so what is above the fraction is the biased exponent, 0 to 2046.
        let biased = i32::try_from(bits >> FRACTION_BITS).ok()?;
        let (whole, exponent) = match biased {
            0 => (fraction, MIN_EXPONENT),
            normal => (fraction | (1 << FRACTION_BITS), MIN_EXPONENT + normal - 1),
        };
        let zeros = whole.trailing_zeros();
        let exponent = exponent.checked_add_unsigned(zeros)?;
        Some(Self {
            mantissa: whole >> zeros,
            exponent,
        })
    }

    /// The power of two that brings all of these doubles to one scale, on which each is a whole number and at
    /// least one is odd. So a challenge that multiplies all its scores by a power of two gets the same numbers.
    pub(crate) fn scale<'a>(values: impl Iterator<Item = &'a Self>) -> Scale {
        Scale(values.map(|value| value.exponent).min().unwrap_or(0))
    }

    /// The double on the scale of its challenge.
    pub(crate) const fn on(self, scale: Scale) -> Score {
        Score {
            mantissa: self.mantissa,
            shift: self.exponent.abs_diff(scale.0),
        }
    }
}

impl Score {
    /// The score times `factor`.
    pub(crate) fn times(self, factor: &BigUint) -> BigUint {
        (factor * self.mantissa) << self.shift
    }

    /// For comparing scores of one challenge: the larger one has the larger rank.
    pub(crate) const fn rank(self) -> (u32, u64) {
        let zeros = self.mantissa.leading_zeros();
        (self.shift + (u64::BITS - zeros), self.mantissa << zeros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_taken_exactly() {
        let table = [
            (1.0, Some((1, 0))),
            (0.75, Some((3, -2))),
            (6.0, Some((3, 1))),
            (5e-324, Some((1, -1074))),
            (f64::MIN_POSITIVE, Some((1, -1022))),
            (f64::MAX, Some(((1 << 53) - 1, 971))),
            (0.1, Some((0x000c_cccc_cccc_cccd, -55))),
            (0.0, None),
            (-0.0, None),
            (-1.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ];
        for (value, expected) in table {
            let got = Dyadic::new(value).map(|d| (d.mantissa, d.exponent));
            assert_eq!(got, expected, "{value:e}");
        }
    }

    fn rescaled<const N: usize>(doubles: [f64; N]) -> [Score; N] {
        let values = doubles.map(|double| Dyadic::new(double).unwrap());
        values.map(|value| value.on(Dyadic::scale(values.iter())))
    }

    #[test]
    fn scores_of_one_answer_share_a_scale() {
        let wholes = rescaled([0.75, 6.0, 1.0]).map(|score| score.times(&1u8.into()));
        assert_eq!(wholes, [3u8, 24, 4].map(BigUint::from));
    }

    proptest::proptest! {
        #[test]
        fn scores_rank_as_their_doubles_do(a in 1..=f64::MAX.to_bits(), b in 1..=f64::MAX.to_bits(), near in 0u64..3) {
            for b in [b, a.saturating_sub(near).max(1)] {
                let doubles = [a, b].map(f64::from_bits);
                let scores = rescaled(doubles);
                proptest::prop_assert_eq!(scores[0].rank().cmp(&scores[1].rank()), doubles[0].total_cmp(&doubles[1]));
            }
        }
    }
}

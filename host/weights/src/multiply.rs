//! Sums of many products of a long number with a score, in place. The big numbers' library makes a new number at
//! every step, which costs more than the arithmetic.

use num_bigint::BigUint;

use crate::score::Score;

/// A whole number that grows as it must: digits of 64 bits, the lowest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accumulator(Vec<u64>);

impl Accumulator {
    /// Adds a score.
    pub(crate) fn add(&mut self, score: Score) {
        self.add_product(&[1], score);
    }

    /// Adds the product of a score and the number with these digits.
    pub(crate) fn add_product(&mut self, digits: &[u64], score: Score) {
        let place = usize::try_from(score.shift / u64::BITS).unwrap_or(usize::MAX);
        let scaled = u128::from(score.mantissa) << (score.shift % u64::BITS);
        let (low, high) = halves(scaled);
        self.add_multiple(digits, low, place);
        if high > 0 {
            self.add_multiple(digits, high, place.saturating_add(1));
        }
    }

    /// Adds `digits · factor`, moved up by `place` digits.
    fn add_multiple(&mut self, digits: &[u64], factor: u64, place: usize) {
        let end = place.saturating_add(digits.len());
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        let (_, own) = self.0.split_at_mut(place);
        let (own, above) = own.split_at_mut(digits.len());
        let mut carry = 0;
        for (own, digit) in own.iter_mut().zip(digits) {
            // At most (2^64 - 1)^2 + 2 · (2^64 - 1) = 2^128 - 1.
            let sum = u128::from(*digit) * u128::from(factor) + u128::from(*own) + u128::from(carry);
            (*own, carry) = halves(sum);
        }
        for own in above {
            if carry == 0 {
                return;
            }
            let overflow;
            (*own, overflow) = own.overflowing_add(carry);
            carry = u64::from(overflow);
        }
        if carry > 0 {
            self.0.push(carry);
        }
    }

    /// What was added up since the last time. The room it took is kept for the next sum.
    pub(crate) fn take(&mut self) -> BigUint {
        let mut digits = Vec::with_capacity(self.0.len().saturating_mul(2));
        for digit in self.0.drain(..) {
            let [a, b, c, d, e, f, g, h] = digit.to_le_bytes();
            digits.extend([u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]);
        }
        BigUint::new(digits)
    }
}

/// The lower and the upper 64 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is what is asked for"
)]
pub(crate) const fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> u64::BITS) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms() -> impl Strategy<Value = Vec<(Vec<u64>, Score)>> {
        let digit = prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
        let score = (
            prop_oneof![Just(1), Just((1 << 53) - 1), 1u64..1 << 53],
            0..2_098u32,
        )
            .prop_map(|(mantissa, shift)| Score { mantissa, shift });
        proptest::collection::vec((proptest::collection::vec(digit, 0..40), score), 0..20)
    }

    proptest! {
        #[test]
        fn products_are_added_up_without_loss(terms in terms()) {
            let mut got = Accumulator::default();
            let mut expected = BigUint::ZERO;
            for (digits, score) in terms {
                got.add_product(&digits, score);
                let long = digits.iter().rev().fold(BigUint::ZERO, |sum, digit| (sum << 64u8) + digit);
                expected += score.times(&long);
            }
            prop_assert_eq!(got.take(), expected);
            got.add(Score { mantissa: 3, shift: 70 });
            prop_assert_eq!(got.take(), BigUint::from(3u8) << 70u8, "nothing is left of the last sum");
        }
    }
}

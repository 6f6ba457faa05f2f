//! Shares of challenges, added up per UID over one denominator.

use std::{cmp::Reverse, collections::BTreeMap};

use num_bigint::BigUint;
use platform_domain::Uid;

use crate::{
    ChallengeAnswer, Share, UnknownHotkeys,
    by_uid::ByUid,
    clean::Cleaned,
    multiply::Accumulator,
    report::MAX_LISTED_UNKNOWN,
    score::{Dyadic, Score},
};

/// A challenge's positive scores, sorted into registered and unknown hotkeys.
#[derive(Debug)]
pub(crate) struct Scores {
    /// Of all scores.
    pub(crate) sum: BigUint,
    /// Ordered by UID.
    pub(crate) known: Vec<(Uid, Score)>,
    pub(crate) unknown: UnknownHotkeys,
    /// Of the scores of those.
    pub(crate) unknown_sum: BigUint,
}

/// A challenge that has a part of the emission and at least one positive score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) challenge: &'a ChallengeAnswer,
    /// Its emission in ten-thousandths of a percent.
    pub(crate) emission: u64,
    pub(crate) scores: &'a Scores,
}

/// Who earns what, in units of one over `one`.
#[derive(Debug)]
pub(crate) struct Combined {
    /// Positive, by UID.
    pub(crate) earned: BTreeMap<Uid, BigUint>,
    /// What went to unknown hotkeys, in the order of the parts.
    pub(crate) unknown: Vec<BigUint>,
    /// What an emission of one ten-thousandth of a percent is worth.
    pub(crate) one: BigUint,
}

impl Scores {
    pub(crate) fn new(cleaned: Cleaned) -> Self {
        let Cleaned { known, unknown, .. } = cleaned;
        let values = || {
            known
                .iter()
                .map(|(_, value)| value)
                .chain(unknown.iter().map(|(_, value)| value))
        };
        let scale = Dyadic::scale(values());
        let (mut sum, mut unknown_sum) = (Accumulator::default(), Accumulator::default());
        let mut known: Vec<(Uid, Score)> = known.iter().map(|(uid, value)| (*uid, value.on(scale))).collect();
        known.sort_unstable_by_key(|(uid, _)| *uid);
        known.iter().for_each(|(_, score)| sum.add(*score));
        let mut ranked = Vec::with_capacity(unknown.len());
        for (hotkey, value) in unknown {
            let score = value.on(scale);
            sum.add(score);
            unknown_sum.add(score);
            ranked.push((Reverse(score.rank()), hotkey));
        }
        let (sum, unknown_sum) = (sum.take(), unknown_sum.take());
        let count = ranked.len();
        if count > MAX_LISTED_UNKNOWN {
            ranked.select_nth_unstable(MAX_LISTED_UNKNOWN);
            ranked.truncate(MAX_LISTED_UNKNOWN);
        }
        ranked.sort_unstable();
        let unknown = UnknownHotkeys {
            count,
            mass: Share::floor(&unknown_sum, &sum),
            heaviest: ranked.into_iter().map(|(_, hotkey)| hotkey).collect(),
        };
        Self {
            sum,
            known,
            unknown,
            unknown_sum,
        }
    }
}

/// Adds up `emission · score / sum` over all parts. With the product of all sums as the denominator, every
/// numerator is whole: `emission · score · (the other parts' sums)`.
///
/// The cost is bounded by the limits on parts and entries: a sum has at most 2,110 bits (doubles span 2,098,
/// 4096 entries add 12), and one entry costs a pass or two over a number of `parts · 2,110` bits.
pub(crate) fn combine(parts: &[Part<'_>]) -> Combined {
    let sums: Vec<&BigUint> = parts.iter().map(|part| &part.scores.sum).collect();
    let others = products_of_others(&sums);
    let factors: Vec<BigUint> = parts
        .iter()
        .zip(others)
        .map(|(part, others)| others * part.emission)
        .collect();
    let digits: Vec<Vec<u64>> = factors.iter().map(BigUint::to_u64_digits).collect();
    let mut earned = BTreeMap::new();
    let mut sum = Accumulator::default();
    let mut by_uid = ByUid::new(parts);
    while let Some((uid, scores)) = by_uid.next() {
        for (digits, score) in digits.iter().zip(scores) {
            if let Some(score) = score {
                sum.add_product(digits, *score);
            }
        }
        earned.insert(uid, sum.take());
    }
    let unknown = parts.iter().zip(factors);
    Combined {
        earned,
        unknown: unknown
            .map(|(part, factor)| factor * &part.scores.unknown_sum)
            .collect(),
        one: sums.into_iter().product(),
    }
}

/// For each factor the product of all others, in two sweeps.
fn products_of_others(factors: &[&BigUint]) -> Vec<BigUint> {
    let mut after = BigUint::from(1u8);
    let mut products: Vec<BigUint> = factors
        .iter()
        .rev()
        .map(|factor| {
            let product = after.clone();
            after *= *factor;
            product
        })
        .collect();
    products.reverse();
    let mut before = BigUint::from(1u8);
    for (product, factor) in products.iter_mut().zip(factors) {
        *product *= &before;
        before *= *factor;
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_leaves_its_own_factor_out() {
        let factors = [2u8, 3, 5, 7].map(BigUint::from);
        let got = products_of_others(&factors.iter().collect::<Vec<_>>());
        assert_eq!(got, [105u8, 70, 42, 30].map(BigUint::from));
        assert!(products_of_others(&[]).is_empty());
    }
}

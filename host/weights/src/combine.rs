//! Shares of challenges, added up per UID over one denominator.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use platform_domain::Uid;

use crate::{Share, Uids, UnknownHotkeys, clean::Cleaned, report::MAX_LISTED_UNKNOWN, score::Score};

/// A challenge's positive scores, sorted into registered and unknown hotkeys.
#[derive(Debug)]
pub(crate) struct Scores {
    /// Of all scores.
    pub(crate) sum: BigUint,
    /// Ordered by UID.
    pub(crate) known: Vec<(Uid, Score)>,
    pub(crate) unknown: UnknownHotkeys,
}

/// A challenge that has a part of the emission and at least one positive score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Its emission in ten-thousandths of a percent.
    pub(crate) emission: u64,
    pub(crate) scores: &'a Scores,
}

/// Who earns what, in units of one over `one`.
#[derive(Debug)]
pub(crate) struct Combined {
    /// Positive, by UID.
    pub(crate) earned: BTreeMap<Uid, BigUint>,
    /// What an emission of one ten-thousandth of a percent is worth.
    pub(crate) one: BigUint,
}

impl Scores {
    pub(crate) fn new(cleaned: &Cleaned, uids: &Uids) -> Self {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        let mut sum = BigUint::ZERO;
        for (hotkey, score) in &cleaned.scores {
            let whole = score.whole();
            sum += &whole;
            match uids.get(hotkey) {
                Some(uid) => known.push((uid, *score)),
                None => unknown.push((whole, *hotkey)),
            }
        }
        known.sort_unstable_by_key(|(uid, _)| *uid);
        unknown.sort_by(|(a, key_a), (b, key_b)| b.cmp(a).then(key_a.cmp(key_b)));
        let mass: BigUint = unknown.iter().map(|(whole, _)| whole).sum();
        let unknown = UnknownHotkeys {
            count: unknown.len(),
            mass: Share::floor(&mass, &sum),
            heaviest: unknown
                .iter()
                .take(MAX_LISTED_UNKNOWN)
                .map(|(_, hotkey)| *hotkey)
                .collect(),
        };
        Self { sum, known, unknown }
    }
}

/// Adds up `emission · score / sum` over all parts. With the product of all sums as the denominator, every
/// numerator is whole: `emission · score · (the other parts' sums)`.
///
/// The cost is bounded by the limits on parts and entries: a sum has at most 2,110 bits (doubles span 2,098,
/// 4096 entries add 12), and one entry costs a few passes over a number of `parts · 2,110` bits.
pub(crate) fn combine(parts: &[Part<'_>]) -> Combined {
    let sums: Vec<&BigUint> = parts.iter().map(|part| &part.scores.sum).collect();
    let mut earned: BTreeMap<Uid, BigUint> = BTreeMap::new();
    for (part, others) in parts.iter().zip(products_of_others(&sums)) {
        let factor = others * part.emission;
        for (uid, score) in &part.scores.known {
            *earned.entry(*uid).or_default() += score.times(&factor);
        }
    }
    let one = sums.into_iter().product();
    Combined { earned, one }
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

//! A challenge's answer is data from an enemy: what cannot be meant is dropped and counted, what is
//! ambiguous makes the whole answer invalid.

use platform_domain::{Hotkey, RawWeight, Uid};

use crate::{
    Dropped, Uids,
    names::{Found, Names},
    score::Dyadic,
};

/// More than any subnet has neurons; an answer with more entries is invalid as a whole.
pub const MAX_ENTRIES: usize = 4096;

/// What is left of an answer: its positive scores, no hotkey twice.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    /// Of hotkeys that are registered.
    pub(crate) known: Vec<(Uid, Dyadic)>,
    /// Of the others.
    pub(crate) unknown: Vec<(Hotkey, Dyadic)>,
    pub(crate) dropped: Dropped,
}

/// Why a whole answer is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// More entries than [`MAX_ENTRIES`].
    #[error("the answer has {0} entries, {MAX_ENTRIES} are allowed")]
    TooMany(usize),
    /// One hotkey, two entries.
    #[error("the answer names the hotkey {0} twice")]
    Twice(Hotkey),
}

/// Whether an answer would count, as [`aggregate()`](crate::aggregate()) judges it: for whoever asks another
/// source when it does not. An answer without a positive score is valid.
pub fn check_answer(answer: &[RawWeight]) -> Result<(), InvalidAnswer> {
    clean(answer, &mut Names::new(&Uids::default())).map(drop)
}

/// Checks an answer. A hotkey that occurs twice is refused whatever its scores are: which one would count?
pub(crate) fn clean<'a>(answer: &'a [RawWeight], names: &mut Names<'a>) -> Result<Cleaned, InvalidAnswer> {
    if answer.len() > MAX_ENTRIES {
        return Err(InvalidAnswer::TooMany(answer.len()));
    }
    names.next_answer();
    let mut cleaned = Cleaned::default();
    let dropped = &mut cleaned.dropped;
    let mut twice: Option<Hotkey> = None;
    for RawWeight { hotkey, score } in answer {
        let Some(Found { name, again }) = names.find(hotkey) else {
            dropped.malformed_hotkey += 1;
            continue;
        };
        if again {
            // The same one is named whatever the order of entries.
            twice = Some(twice.map_or(name.hotkey, |other| other.min(name.hotkey)));
        }
        match (Dyadic::new(*score), name.uid) {
            (Some(value), Some(uid)) => cleaned.known.push((uid, value)),
            (Some(value), None) => cleaned.unknown.push((name.hotkey, value)),
            (None, _) if *score == 0.0 => dropped.zero += 1,
            (None, _) if score.is_finite() => dropped.negative += 1,
            (None, _) => dropped.non_finite += 1,
        }
    }
    twice.map_or(Ok(cleaned), |hotkey| Err(InvalidAnswer::Twice(hotkey)))
}

impl Cleaned {
    pub(crate) const fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(answer: &[RawWeight]) -> Result<Cleaned, InvalidAnswer> {
        super::clean(answer, &mut Names::new(&Uids::default()))
    }

    fn raw(hotkey: &str, score: f64) -> RawWeight {
        let hotkey = hotkey.to_owned();
        RawWeight { hotkey, score }
    }

    fn key(n: u8) -> String {
        Hotkey::from_bytes([n; 32]).to_string()
    }

    #[test]
    fn what_cannot_be_meant_is_dropped_and_counted() {
        let answer = [
            raw(&key(1), 1.0),
            raw(&key(2), f64::NAN),
            raw(&key(3), f64::NEG_INFINITY),
            raw(&key(4), -1e-300),
            raw(&key(5), -0.0),
            raw("5Grw", 1.0),
            raw("5Grw", f64::NAN),
            raw("", 0.0),
        ];
        let cleaned = clean(&answer).unwrap();
        assert_eq!((cleaned.known.len(), cleaned.unknown.len()), (0, 1));
        let expected = Dropped {
            non_finite: 2,
            negative: 1,
            zero: 1,
            malformed_hotkey: 3,
        };
        assert_eq!(cleaned.dropped, expected);
    }

    #[test]
    fn a_hotkey_named_twice_makes_the_answer_invalid_whatever_its_scores() {
        for score in [1.0, 0.0, f64::NAN] {
            let answer = [raw(&key(1), 1.0), raw(&key(2), 1.0), raw(&key(1), score)];
            let twice = InvalidAnswer::Twice(Hotkey::from_bytes([1; 32]));
            assert_eq!(clean(&answer).unwrap_err(), twice);
        }
    }

    #[test]
    fn of_several_hotkeys_named_twice_the_same_one_is_told_of_in_any_order() {
        for order in [[1, 1, 2, 2], [2, 2, 1, 1], [2, 1, 1, 2], [1, 2, 2, 1]] {
            let answer = order.map(|n| raw(&key(n), 1.0));
            let twice = InvalidAnswer::Twice(Hotkey::from_bytes([1; 32]));
            assert_eq!(clean(&answer).unwrap_err(), twice, "{order:?}");
        }
    }

    #[test]
    fn an_answer_may_have_4096_entries_and_no_more() {
        let answer = |n: usize| vec![raw("x", 1.0); n];
        assert_eq!(clean(&answer(4096)).unwrap().dropped.malformed_hotkey, 4096);
        assert_eq!(clean(&answer(4097)).unwrap_err(), InvalidAnswer::TooMany(4097));
    }
}

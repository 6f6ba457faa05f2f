//! A challenge's answer is data from an enemy: what cannot be meant is dropped and counted, what is
//! ambiguous makes the whole answer invalid.

use platform_domain::{Hotkey, RawWeight};

use crate::{
    Dropped,
    score::{Dyadic, Score},
};

/// More than any subnet has neurons; an answer with more entries is invalid as a whole.
pub const MAX_ENTRIES: usize = 4096;

/// What is left of an answer.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    /// The positive scores on one scale, ordered by hotkey, no hotkey twice.
    pub(crate) scores: Vec<(Hotkey, Score)>,
    pub(crate) dropped: Dropped,
}

/// Why a whole answer is invalid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidAnswer {
    #[error("the answer has {0} entries, {MAX_ENTRIES} are allowed")]
    TooMany(usize),
    #[error("the answer names the hotkey {0} twice")]
    Twice(Hotkey),
}

/// Checks an answer. A hotkey that occurs twice is refused whatever its scores are: which one would count?
pub(crate) fn clean(answer: &[RawWeight]) -> Result<Cleaned, InvalidAnswer> {
    if answer.len() > MAX_ENTRIES {
        return Err(InvalidAnswer::TooMany(answer.len()));
    }
    let mut named: Vec<(Hotkey, f64)> = answer
        .iter()
        .filter_map(|RawWeight { hotkey, score }| Some((hotkey.parse().ok()?, *score)))
        .collect();
    let mut dropped = Dropped {
        malformed_hotkey: answer.len() - named.len(),
        ..Dropped::default()
    };
    named.sort_by_key(|(hotkey, _)| *hotkey);
    for ((first, _), (second, _)) in named.iter().zip(named.iter().skip(1)) {
        if first == second {
            return Err(InvalidAnswer::Twice(*first));
        }
    }
    let (mut hotkeys, mut values) = (Vec::new(), Vec::new());
    for (hotkey, score) in named {
        match Dyadic::new(score) {
            Some(value) => {
                hotkeys.push(hotkey);
                values.push(value);
            }
            None if score == 0.0 => dropped.zero += 1,
            None if score.is_finite() => dropped.negative += 1,
            None => dropped.non_finite += 1,
        }
    }
    let scores = hotkeys.into_iter().zip(Dyadic::rescale(&values)).collect();
    Ok(Cleaned { scores, dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(cleaned.scores.len(), 1);
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
    fn an_answer_may_have_4096_entries_and_no_more() {
        let answer = |n: usize| vec![raw("x", 1.0); n];
        assert_eq!(clean(&answer(4096)).unwrap().dropped.malformed_hotkey, 4096);
        assert_eq!(clean(&answer(4097)).unwrap_err(), InvalidAnswer::TooMany(4097));
    }
}

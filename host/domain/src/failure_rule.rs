//! Whose weights count when a challenge does not give its own.

use std::{fmt, num::NonZeroU16, str::FromStr};

use crate::text::serde_as_text;

/// What takes the place of a challenge's answer when there is none, or none that is valid. An answer that is valid and
/// empty is an answer. The text forms are `zero`, `last-good:N`, `primary` and `primary,last-good:N`.
///
/// What is asked first stands first: the primary answers for this epoch, the last good answer is of an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FailureRule {
    primary: bool,
    /// At most [`MAX_LAST_GOOD`].
    last_good: Option<NonZeroU16>,
}

/// The text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("on failure is zero, last-good:N, primary or primary,last-good:N, with N from 1 to {MAX_LAST_GOOD}")]
pub struct UnknownFailureRule;

/// How many epochs ago the last good answer may have been: 100 of the chain's are five days, and who is paid by what
/// was true longer ago is paid for nothing.
pub const MAX_LAST_GOOD: u16 = 100;

const ZERO: &str = "zero";
const PRIMARY: &str = "primary";
const LAST_GOOD: &str = "last-good:";

impl FailureRule {
    /// It has no weights then; its part of the emission goes where nobody's goes.
    pub const ZERO: Self = Self {
        primary: false,
        last_good: None,
    };

    /// A rule of both sources; `None` when the last good answer may be of more than [`MAX_LAST_GOOD`] epochs ago. 0
    /// epochs: it does not count.
    pub fn new(primary: bool, last_good: u16) -> Option<Self> {
        (last_good <= MAX_LAST_GOOD).then(|| Self {
            primary,
            last_good: NonZeroU16::new(last_good),
        })
    }

    /// Whether the configured primary is asked.
    pub fn primary(self) -> bool {
        self.primary
    }

    /// How many epochs ago its last good answer may have been to count, if the primary is not asked or does not give
    /// one; 0: it does not count.
    pub fn last_good(self) -> u16 {
        self.last_good.map_or(0, NonZeroU16::get)
    }
}

impl FromStr for FailureRule {
    type Err = UnknownFailureRule;

    fn from_str(text: &str) -> Result<Self, UnknownFailureRule> {
        let (primary, rest) = match text.split_once(',') {
            _ if text == ZERO => return Ok(Self::ZERO),
            _ if text == PRIMARY => (true, None),
            Some((PRIMARY, rest)) => (true, Some(rest.trim_start())),
            _ => (false, Some(text)),
        };
        let epochs = rest.map(epochs).transpose()?.unwrap_or_default();
        Self::new(primary, epochs).ok_or(UnknownFailureRule)
    }
}

/// Digits that do not begin with 0: `+1` and `01` are typing errors, and 0 epochs are `zero`.
fn epochs(text: &str) -> Result<u16, UnknownFailureRule> {
    let number = text.strip_prefix(LAST_GOOD).ok_or(UnknownFailureRule)?;
    match number.as_bytes() {
        [b'1'..=b'9', ..] => number.parse().map_err(|_| UnknownFailureRule),
        _ => Err(UnknownFailureRule),
    }
}

impl fmt::Display for FailureRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.primary, self.last_good) {
            (false, None) => f.write_str(ZERO),
            (true, None) => f.write_str(PRIMARY),
            (false, Some(epochs)) => write!(f, "{LAST_GOOD}{epochs}"),
            (true, Some(epochs)) => write!(f, "{PRIMARY},{LAST_GOOD}{epochs}"),
        }
    }
}

serde_as_text!(FailureRule);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for (text, primary, last_good) in [
            ("zero", false, 0),
            ("primary", true, 0),
            ("last-good:1", false, 1),
            ("last-good:100", false, 100),
            ("primary,last-good:3", true, 3),
        ] {
            let rule: FailureRule = text.parse().unwrap();
            assert_eq!((rule.primary(), rule.last_good()), (primary, last_good));
            assert_eq!(rule.to_string(), text);
        }
        let spaced: FailureRule = "primary, last-good:3".parse().unwrap();
        assert_eq!(spaced.to_string(), "primary,last-good:3");
        assert_eq!(FailureRule::default(), FailureRule::ZERO);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "Zero",
            "zero,primary",
            "zero,last-good:1",
            "primary,zero",
            "primary,",
            "primary,primary",
            "last-good",
            "last-good:",
            "last-good:0",
            "last-good:01",
            "last-good:+1",
            "last-good:-1",
            "last-good:101",
            "last-good:65537",
            "last-good: 1",
            "last-good:1,primary",
            "last-good:1,last-good:2",
            "primary,last-good:1,",
            "primary last-good:1",
            "last-good:١",
            " zero",
        ] {
            assert_eq!(text.parse::<FailureRule>(), Err(UnknownFailureRule), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_rule_comes_back_from_its_text_and_no_other_is_made(primary: bool, epochs: u16) {
            let made = FailureRule::new(primary, epochs);
            prop_assert_eq!(made.is_some(), epochs <= MAX_LAST_GOOD);
            if let Some(rule) = made {
                prop_assert_eq!((rule.primary(), rule.last_good()), (primary, epochs));
                prop_assert_eq!(rule.to_string().parse(), Ok(rule));
                let json = serde_json::to_string(&rule).unwrap();
                prop_assert_eq!(serde_json::from_str::<FailureRule>(&json).unwrap(), rule);
            }
            let text = format!("last-good:{epochs}");
            prop_assert_eq!(text.parse::<FailureRule>().is_ok(), (1..=MAX_LAST_GOOD).contains(&epochs));
        }

        #[test]
        fn no_text_is_read_as_a_rule_that_would_be_written_otherwise(text in "(zero|primary|last-good|[,: 0-9+-]){0,6}") {
            if let Ok(rule) = text.parse::<FailureRule>() {
                prop_assert_eq!(rule.to_string(), text.replace(' ', ""));
            }
        }
    }
}

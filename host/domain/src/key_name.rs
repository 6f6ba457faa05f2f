//! What an operator calls a key.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// What an operator calls a trusted key: letters, digits, `.`, `_` and `-`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The text is no name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key's name begins with a letter or digit, consists of A-Z a-z 0-9 . _ - and has {} bytes at most",
    KeyName::MAX_LEN
)]
pub struct KeyNameError;

impl KeyName {
    /// Names of keys are short, and shown in lists.
    pub const MAX_LEN: usize = 64;

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let begins = text.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
        let consists = text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
        if begins && consists && text.len() <= Self::MAX_LEN {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyNameError)
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(KeyName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for text in [
            "a",
            "alice",
            "release-2026.pub",
            "7",
            &"x".repeat(KeyName::MAX_LEN),
        ] {
            assert_eq!(text.parse::<KeyName>().unwrap().as_str(), text);
        }
        let long = "x".repeat(KeyName::MAX_LEN + 1);
        for text in ["", ".", "-a", "a b", "a/b", "ä", "a\n", &long] {
            assert!(text.parse::<KeyName>().is_err(), "{text:?}");
        }
    }
}

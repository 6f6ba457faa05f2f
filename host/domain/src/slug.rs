//! A challenge's name in URLs, directories and log fields.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// Lower-case letters, digits and inner hyphens, 2 to 63 characters: safe as a URL segment, a directory
/// name and a DNS label, which is also how a container is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

/// Why a text is not a slug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Shorter or longer than allowed.
    #[error("a slug has 2 to 63 characters, this one has {0}")]
    Length(usize),
    /// Anything but `a-z`, `0-9` and `-`, or a hyphen at either end.
    #[error("a slug consists of a-z, 0-9 and inner hyphens")]
    Characters,
}

impl Slug {
    /// The length of a DNS label.
    pub const MAX_LEN: usize = 63;

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if !text.bytes().all(allowed) || text.starts_with('-') || text.ends_with('-') {
            return Err(SlugError::Characters);
        }
        if !(2..=Self::MAX_LEN).contains(&text.len()) {
            return Err(SlugError::Length(text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Slug);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_dns_label_in_lower_case() {
        for good in ["ab", "a1", "tsp", "prisoners-2", "0x", &"a".repeat(63)] {
            assert_eq!(good.parse::<Slug>().map(|s| s.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "a",
            "-ab",
            "ab-",
            "A1",
            "a_b",
            "a/b",
            "a.b",
            "ä1",
            "a b",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?} must not parse");
        }
    }
}

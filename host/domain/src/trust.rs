//! Which components of a challenge may run: any, those that are named by their digest, or those that somebody signed.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{KeyName, KeyNameError, text::serde_as_text};

/// What a component must show so that it may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustPolicy {
    /// `none`: whatever the reference leads to when it is registered. That alone runs from then on.
    #[default]
    Any,
    /// `pinned`: the reference names the digest, so that whoever wrote it knew the bytes.
    Pinned,
    /// `signed-by(KEY,…)`: a signature by one of these keys. There is at least one.
    SignedBy(BTreeSet<KeyName>),
}

/// The text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTrust {
    /// None of the three forms.
    #[error("write none, pinned or signed-by(KEY,…)")]
    Form,
    /// What is between the parentheses.
    #[error(transparent)]
    Key(#[from] KeyNameError),
}

impl FromStr for TrustPolicy {
    type Err = UnknownTrust;

    fn from_str(text: &str) -> Result<Self, UnknownTrust> {
        match text {
            "none" => return Ok(Self::Any),
            "pinned" => return Ok(Self::Pinned),
            _ => {}
        }
        let keys = text
            .strip_prefix("signed-by(")
            .and_then(|rest| rest.strip_suffix(')'));
        let keys = keys.ok_or(UnknownTrust::Form)?.split(',');
        let keys: Result<_, KeyNameError> = keys.map(|key| key.trim().parse()).collect();
        Ok(Self::SignedBy(keys?))
    }
}

impl fmt::Display for TrustPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("none"),
            Self::Pinned => f.write_str("pinned"),
            Self::SignedBy(keys) => {
                let keys: Vec<_> = keys.iter().map(KeyName::as_str).collect();
                write!(f, "signed-by({})", keys.join(","))
            }
        }
    }
}

serde_as_text!(TrustPolicy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        for (text, written) in [
            ("none", "none"),
            ("pinned", "pinned"),
            ("signed-by(alice)", "signed-by(alice)"),
            ("signed-by(bob, alice,bob)", "signed-by(alice,bob)"),
        ] {
            let policy: TrustPolicy = text.parse().unwrap();
            assert_eq!(policy.to_string(), written);
            assert_eq!(written.parse(), Ok(policy));
        }
        for text in [
            "",
            "any",
            "None",
            "signed-by",
            "signed-by(alice",
            "pinned()",
            "signed-by alice",
        ] {
            assert_eq!(text.parse::<TrustPolicy>(), Err(UnknownTrust::Form), "{text}");
        }
        for text in [
            "signed-by()",
            "signed-by(alice,)",
            "signed-by(a b)",
            "signed-by(../x)",
        ] {
            assert!(
                matches!(text.parse::<TrustPolicy>(), Err(UnknownTrust::Key(_))),
                "{text}"
            );
        }
    }
}

//! Who gets what does not reach a miner: a named, versioned choice of the operator.

use std::{fmt, str::FromStr};

use platform_domain::serde_as_text;

/// How emission percents become shares of the vector.
///
/// The number in [`Policy::version`] changes whenever the same inputs would give another vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// A challenge's share is its percent over the sum of the percents of all that answered. What goes to
    /// unknown hotkeys is dropped and the rest scaled to one. A challenge without a positive score counts as
    /// one that failed: its part goes to the others.
    #[default]
    Normalized,
    /// A challenge's share is its percent of the whole, scaled down when the percents exceed 100 together.
    /// Whatever reaches no registered miner goes to the sink: the share of a failed or empty challenge, the
    /// part of unknown hotkeys, and the percent given to no challenge.
    Absolute,
}

/// The text names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy {0:?}, known are normalized and absolute")]
pub struct UnknownPolicy(String);

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::Normalized, Self::Absolute];

    /// The name in configuration files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normalized => "normalized",
            Self::Absolute => "absolute",
        }
    }

    /// The name with the version of its rules, as it is recorded with every vector.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Normalized => "normalized/1",
            Self::Absolute => "absolute/1",
        }
    }
}

/// Reads the name, or the name with the version that this host has.
impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let named = |policy: &Self| policy.as_str() == text || policy.version() == text;
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| UnknownPolicy(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Policy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_known_by_its_name_and_by_its_version() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
            assert_eq!(policy.version().parse(), Ok(policy));
        }
        for bad in ["", "Normalized", "normalized/2", "burn"] {
            assert!(bad.parse::<Policy>().is_err(), "{bad}");
        }
    }
}

//! The life of a challenge: draft → active ⇄ inactive, and disabled.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// Where a challenge stands. Only an active one is proxied and weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Registered, never yet live.
    Draft,
    /// Serves miners and is asked for weights.
    Active,
    /// Taken down for now; may be activated again.
    Inactive,
    /// Taken down by decision; must be made inactive before it can be activated.
    Disabled,
}

/// A transition that the life of a challenge does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a challenge that is {from} cannot become {to}")]
pub struct TransitionRefused {
    /// Where it stands.
    pub from: Status,
    /// Where it was to go.
    pub to: Status,
}

/// The text names no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is draft, active, inactive or disabled")]
pub struct UnknownStatus;

impl Status {
    /// Every status, in the order of a challenge's life.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Active, Self::Inactive, Self::Disabled];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Disabled => "disabled",
        }
    }

    /// Whether a challenge may go from here to `to`. Staying is always allowed, so every operation can
    /// be repeated.
    pub fn can_become(self, to: Self) -> Result<(), TransitionRefused> {
        let allowed = match (self, to) {
            (from, to) if from == to => true,
            (Self::Draft, Self::Active | Self::Disabled) => true,
            (Self::Active, Self::Inactive | Self::Disabled) => true,
            (Self::Inactive, Self::Active | Self::Disabled) => true,
            (Self::Disabled, Self::Inactive) => true,
            _ => false,
        };
        if allowed {
            Ok(())
        } else {
            Err(TransitionRefused { from: self, to })
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Status);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_challenge_has_these_transitions_and_no_others() {
        use Status::{Active, Disabled, Draft, Inactive};
        let allowed = [
            (Draft, Active),
            (Draft, Disabled),
            (Active, Inactive),
            (Active, Disabled),
            (Inactive, Active),
            (Inactive, Disabled),
            (Disabled, Inactive),
        ];
        for from in Status::ALL {
            for to in Status::ALL {
                let expected = from == to || allowed.contains(&(from, to));
                assert_eq!(from.can_become(to).is_ok(), expected, "{from} -> {to}");
            }
        }
    }
}

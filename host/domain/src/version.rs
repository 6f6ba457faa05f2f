//! What a challenge has run, one component or image after the other.

use std::{fmt, str::FromStr};

use crate::{Artifact, UnixSeconds, text::serde_as_text};

/// How a challenge came to run something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was registered with it.
    Registered,
    /// It took the place of another one.
    Updated,
    /// It came back.
    RolledBack,
}

/// The text is no change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a change is registered, updated or rolled-back")]
pub struct UnknownChange;

/// Something that a challenge runs or has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What it is, and where it was found.
    pub artifact: Artifact,
    /// What the challenge called itself then.
    pub version: String,
    /// How it came to be.
    pub change: Change,
    /// Who said so, as they called themselves: the host knows one token and no names.
    pub by: Option<String>,
    /// When.
    pub at: UnixSeconds,
}

impl Change {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Updated => "updated",
            Self::RolledBack => "rolled-back",
        }
    }
}

impl FromStr for Change {
    type Err = UnknownChange;

    fn from_str(text: &str) -> Result<Self, UnknownChange> {
        let all = [Self::Registered, Self::Updated, Self::RolledBack];
        all.into_iter()
            .find(|change| change.as_str() == text)
            .ok_or(UnknownChange)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Change);

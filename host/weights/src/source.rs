//! Where an answer comes from: not every challenge answers in every epoch.

use std::fmt;

use platform_domain::{EpochId, Hotkey};
use serde::{Deserialize, Serialize};

/// Which source's answer counts. It changes no number of a vector, only what the report says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerSource {
    /// The challenge itself, in this epoch.
    #[default]
    Live,
    /// The challenge itself, in an earlier epoch.
    LastGood {
        /// Which.
        epoch: EpochId,
    },
    /// The same challenge on another host, as its document says.
    Primary {
        /// Who signed the document.
        hotkey: Hotkey,
    },
}

impl AnswerSource {
    /// Whether the challenge itself answered, in this epoch.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }
}

/// As a person reads it: `live`, `last-good of epoch 12`, `primary 5…`.
impl fmt::Display for AnswerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::LastGood { epoch } => write!(f, "last-good of epoch {epoch}"),
            Self::Primary { hotkey } => write!(f, "primary {hotkey}"),
        }
    }
}

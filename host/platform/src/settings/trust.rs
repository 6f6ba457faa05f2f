//! Which components may run, and tags that may move.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use platform_domain::{KeyName, TrustPolicy};
use serde::{Deserialize, Serialize};

/// What components must show to run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// `PLATFORM_TRUST__POLICY`: `none`, `pinned` or `signed-by(KEY,…)`, for challenges of which nothing else is wanted.
    pub policy: TrustPolicy,
    /// Files with public keys of cosign or OpenSSL, by the names that policies call them. Read at the start.
    pub keys: BTreeMap<KeyName, PathBuf>,
}

/// Tags that may move.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tags {
    /// How often it is looked where the tags of active challenges lead; 0 is never.
    pub check_minutes: u64,
}

impl Default for Tags {
    fn default() -> Self {
        // A tag moves when somebody releases something: a few times a week.
        Self { check_minutes: 60 }
    }
}

impl Tags {
    /// How often; `None` is never.
    pub fn check_every(&self) -> Option<Duration> {
        let minutes = self.check_minutes;
        (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
    }
}

impl Trust {
    /// The first key that the policy names and no file has.
    pub(super) fn unknown(&self) -> Option<&KeyName> {
        match &self.policy {
            TrustPolicy::Any | TrustPolicy::Pinned => None,
            TrustPolicy::SignedBy(keys) => keys.iter().find(|key| !self.keys.contains_key(key)),
        }
    }
}

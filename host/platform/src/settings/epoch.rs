//! When and how weights are computed, and whom to ask where this host cannot.

use std::time::Duration;

use platform_domain::Hotkey;
use platform_epoch::{PrimaryConfig, PrimaryError, Schedule};
use platform_weights::{Fallback, Policy};
use serde::{Deserialize, Serialize};

/// When and how weights are computed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Epoch {
    /// `PLATFORM_EPOCH__SCHEDULE`: `tempo` follows the chain's epochs, `every N blocks` does not, `manual` is by
    /// `platform weights submit` only.
    pub schedule: Schedule,
    /// `normalized` or `absolute`.
    pub policy: Policy,
    /// What is submitted when there is nothing to pay: `skip` is nothing, `sink` pays the subnet's owner, and a table of hotkeys
    /// with whole numbers pays those.
    pub fallback: Fallback,
    /// By how many percent of the whole the sink may get more than what is given to no challenge, before that is an alarm;
    /// 100 is never.
    pub sink_alarm_percent: u8,
    /// Whether others are told of weights that the chain still keeps sealed: at once when they are recorded, and not first when
    /// the chain reveals them.
    pub tell_sealed: bool,
    /// How long a challenge may take to answer for its weights.
    pub collect_seconds: u64,
    /// How often the chain's head is looked at.
    pub poll_ms: u64,
}

/// A host whose word counts for challenges that this one cannot run, if they are told to (`--on-failure primary`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Primary {
    /// `PLATFORM_PRIMARY__URL`: its public address, `https://…`; `http://` on this machine only.
    pub url: Option<String>,
    /// The hotkey that signs there.
    pub hotkey: Option<Hotkey>,
    /// How long ago it may have computed what it tells.
    pub max_age_seconds: u64,
    /// How many epochs that may be behind this host's.
    pub epochs_behind: u64,
    /// How long it may take to answer.
    pub deadline_seconds: u64,
    /// Whether `http://` is good enough for one that is not on this machine. What it tells is signed in any case; whoever is on the
    /// way can keep it back.
    pub plain_http: bool,
}

impl Default for Epoch {
    fn default() -> Self {
        Self {
            schedule: Schedule::Tempo,
            policy: Policy::Normalized,
            fallback: Fallback::Skip,
            sink_alarm_percent: 0,
            tell_sealed: false,
            collect_seconds: 60,
            poll_ms: 6_000,
        }
    }
}

impl Default for Primary {
    fn default() -> Self {
        // Three epochs of the usual tempo: who answers first has the epoch before, and with commit-reveal not yet opened either.
        Self {
            url: None,
            hotkey: None,
            max_age_seconds: 3 * 72 * 60,
            epochs_behind: 2,
            deadline_seconds: 20,
            plain_http: false,
        }
    }
}

impl Epoch {
    /// How long a challenge may take to answer.
    pub const fn collect_deadline(&self) -> Duration {
        Duration::from_secs(self.collect_seconds)
    }

    /// How often the chain's head is looked at.
    pub const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

impl Primary {
    /// The host to ask; `None` when none is configured.
    pub fn build(&self) -> Result<Option<platform_epoch::Primary>, PrimaryError> {
        let (Some(url), Some(hotkey)) = (self.url.clone(), self.hotkey) else {
            return Ok(None);
        };
        platform_epoch::Primary::new(PrimaryConfig {
            url,
            plain: self.plain_http,
            hotkey,
            max_age: Duration::from_secs(self.max_age_seconds),
            epochs_behind: self.epochs_behind,
            deadline: Duration::from_secs(self.deadline_seconds),
        })
        .map(Some)
    }

    /// What is wrong with it: the key, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match (&self.url, &self.hotkey) {
            (Some(_), None) => {
                let reason =
                    "must be set with primary.url: whoever answers there is believed by this hotkey only";
                Err(("primary.hotkey", reason.to_owned()))
            }
            (None, Some(_)) => Err(("primary.url", "must be set with primary.hotkey".to_owned())),
            _ if self.max_age_seconds == 0 || self.deadline_seconds == 0 => {
                let keys = "primary.max_age_seconds, primary.deadline_seconds";
                Err((keys, "must be at least 1".to_owned()))
            }
            _ => match self.build() {
                Ok(_) => Ok(()),
                Err(error) => Err(("primary.url", platform_domain::with_causes(&error))),
            },
        }
    }
}

//! What a container is, as its engine sees it.

use std::{collections::BTreeMap, net::IpAddr};

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, NetworkSettings};
use platform_domain::{Digest, Slug, Timestamp};

use crate::{Kind, OWNER, Owner, SLUG, SPEC, labels::COMPONENT};

/// A container of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its id on the engine.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it was made of.
    pub image_id: String,
    /// What it does.
    pub state: State,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// What was wanted of it when it was made.
    pub spec: Option<Digest>,
    /// All of its labels.
    pub labels: BTreeMap<String, String>,
    /// Its address on its network, while it runs. Reached from the engine's machine only.
    pub address: Option<IpAddr>,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made, never started.
    Created,
    /// Runs.
    Running,
    /// Ended.
    Exited {
        /// What the program said; 128 and a number where a signal ended it.
        code: i64,
        /// Whether it or something in it was killed because its memory was used up.
        oom: bool,
    },
    /// Paused by a person, or being restarted by an engine.
    Halted,
    /// Being removed, or what a failed removal left behind.
    Dead,
}

impl Observed {
    /// Which challenge it belongs to.
    pub fn slug(&self) -> Option<Slug> {
        self.labels.get(SLUG)?.parse().ok()
    }

    /// What it is.
    pub fn kind(&self) -> Option<Kind> {
        let label = self.labels.get(COMPONENT)?;
        Kind::ALL.into_iter().find(|kind| kind.as_str() == label)
    }

    pub(crate) fn is_of(&self, owner: &Owner) -> bool {
        let of = self.labels.get(OWNER);
        of.is_some_and(|found| found == owner.as_str())
    }
}

pub(crate) fn observed(found: ContainerInspectResponse) -> Observed {
    let config = found.config.unwrap_or_default();
    let labels: BTreeMap<String, String> = config.labels.unwrap_or_default().into_iter().collect();
    let inner = found.state.unwrap_or_default();
    let network = found.network_settings.unwrap_or_default();
    Observed {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: found.image.unwrap_or_default(),
        started_at: inner.started_at.as_deref().and_then(moment),
        state: state(&inner),
        spec: labels.get(SPEC).and_then(|digest| digest.parse().ok()),
        labels,
        address: address(&network),
    }
}

fn state(state: &ContainerState) -> State {
    match state.status {
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING) => State::Running,
        Some(ContainerStateStatusEnum::CREATED) => State::Created,
        Some(ContainerStateStatusEnum::EXITED) => State::Exited {
            code: state.exit_code.unwrap_or_default(),
            oom: state.oom_killed.unwrap_or_default(),
        },
        Some(ContainerStateStatusEnum::PAUSED | ContainerStateStatusEnum::RESTARTING) => State::Halted,
        _ => State::Dead,
    }
}

/// `2026-11-27T12:23:37.637877719Z`, to the millisecond. Engines say the first year for never.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{seconds}.{millis}Z").parse().ok()
}

fn address(network: &NetworkSettings) -> Option<IpAddr> {
    let networks = network.networks.as_ref()?;
    networks
        .values()
        .find_map(|one| one.ip_address.as_deref()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_to_the_millisecond() {
        for (text, expected) in [
            ("2026-11-27T12:23:37.637877719Z", Some("2026-11-27T12:23:37.637Z")),
            ("2026-11-27T12:23:37.6Z", Some("2026-11-27T12:23:37.600Z")),
            ("2026-11-27T12:23:37Z", Some("2026-11-27T12:23:37.000Z")),
            ("0001-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(moment(text).map(|moment| moment.to_string()).as_deref(), expected);
        }
    }
}

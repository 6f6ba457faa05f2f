//! Versions of a challenge: another component, the way back, what there was.

use std::collections::BTreeSet;

use platform_domain::{Change, ComponentRef, Digest, Grant, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::optional::present;

/// `POST /v1/admin/challenges/{slug}/update`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateChallenge {
    /// The component, or for a challenge in a container the image, that is to take the place of the one that runs.
    pub component: ComponentRef,
    /// What it may import beside what the challenge may already.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grant: BTreeSet<Grant>,
    /// The challenge's own version from then on, for an image; what it was when absent. A component's manifest says its own.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// Who says so, for the history.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub by: Option<String>,
}

/// `POST /v1/admin/challenges/{slug}/rollback`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RollBackChallenge {
    /// The digest of the component or the image; absent: the last one that was not the present one.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
    /// Who says so, for the history.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A component or an image that a challenge runs or has run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// Where it was found.
    pub reference: ComponentRef,
    /// Of the OCI manifest; absent for a component file, and for an image that came from no registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// Of the component's bytes; absent for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_digest: Option<Digest>,
    /// What the challenge called itself then.
    pub version: String,
    /// How it came to be.
    pub change: Change,
    /// Who said so, as they called themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: UnixSeconds,
}

/// `GET /v1/admin/challenges/{slug}/versions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionList {
    /// The newest, which is the present one, first.
    pub versions: Vec<VersionView>,
}

//! The record of a challenge, as every part of the host sees it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use crate::{
    Artifact, Capability, EmissionPercent, FailureRule, Grant, ImageRef, Instances, Loosened, OutboundRule,
    PinnedComponent, Resources, Serving, Slug, Status, TokenHash, TokenHint, TrustPolicy, UnixSeconds,
    text::serde_as_text,
};

/// A registered challenge. At each border a conversion takes it apart field by field without `..`, so a new
/// field is a compile error there until someone decides who may see it.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The name in URLs; never changes.
    pub slug: Slug,
    /// The name for people.
    pub name: String,
    /// What runs.
    pub artifact: Artifact,
    /// The image that runs in place of its component when it needs GPUs; components only.
    pub fallback: Option<ImageRef>,
    /// The challenge's own version.
    pub version: String,
    /// Its part of the emission.
    pub emission_percent: EmissionPercent,
    /// Whose weights count when it gives none.
    pub on_failure: FailureRule,
    /// How the public side serves it.
    pub serving: Serving,
    /// Where it stands.
    pub status: Status,
    /// What it does for the host.
    pub capabilities: BTreeSet<Capability>,
    /// Whether it keeps files in `/data`.
    pub data: DataMode,
    /// How long an instance of it lives.
    pub instances: Instances,
    /// What its component may import beyond WASI.
    pub grants: BTreeSet<Grant>,
    /// Whom it may send requests to, as far as its manifest asks for them.
    pub outbound: BTreeSet<OutboundRule>,
    /// What its component must show to run; `None`: what the host wants of every one.
    pub trust: Option<TrustPolicy>,
    /// Whether it gets another component by itself when the tag of its reference moves.
    pub follow: bool,
    /// What its container may do beyond what all may.
    pub loosened: BTreeSet<Loosened>,
    /// What it may use.
    pub resources: Resources,
    /// Named volumes to mount points, containers only.
    pub volumes: BTreeMap<String, String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Names of secrets it asks for: as the manifest of its component says, or for a container the operator.
    pub secrets: BTreeSet<String>,
    /// One sentence for people.
    pub description: Option<String>,
    /// Whatever the operator wants to keep with it.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Hash of the challenge token.
    pub token_hash: TokenHash,
    /// Hint of the challenge token.
    pub token_hint: TokenHint,
    /// When it was registered.
    pub created_at: UnixSeconds,
    /// When the record last changed.
    pub updated_at: UnixSeconds,
}

/// What a challenge's record says is to run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs<'a> {
    /// A component, in this process.
    Component(&'a PinnedComponent),
    /// A container of this image.
    Container(&'a ImageRef),
}

impl Challenge {
    /// Its component, unless it has none, or needs GPUs and has an image that can use them.
    pub const fn runs(&self) -> Runs<'_> {
        match (&self.artifact, &self.fallback, &self.resources.gpu) {
            (Artifact::Image(image), ..) | (_, Some(image), Some(_)) => Runs::Container(image),
            (Artifact::Component(pinned), ..) => Runs::Component(pinned),
        }
    }

    /// Whether it runs in a container now, or would once its resources change.
    pub const fn has_image(&self) -> bool {
        matches!(self.artifact, Artifact::Image(_)) || self.fallback.is_some()
    }

    /// The public base path: `/challenges/{slug}`.
    pub fn public_path(&self) -> String {
        format!("/challenges/{}", self.slug)
    }

    /// What its component may import beyond WASI. Whoever may speak to some host may import what that takes.
    pub fn granted(&self) -> BTreeSet<Grant> {
        let mut grants = self.grants.clone();
        if !self.outbound.is_empty() {
            grants.insert(Grant::OutgoingHttp);
        }
        grants
    }
}

/// Whether a component keeps files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataMode {
    /// No directory; calls run in parallel.
    None,
    /// `/data` is preopened for one call at a time: the guest's own SQLite has no working locks under WASI.
    #[default]
    Exclusive,
}

/// The text names no data mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("data is none or exclusive")]
pub struct UnknownDataMode;

impl FromStr for DataMode {
    type Err = UnknownDataMode;

    fn from_str(text: &str) -> Result<Self, UnknownDataMode> {
        match text {
            "none" => Ok(Self::None),
            "exclusive" => Ok(Self::Exclusive),
            _ => Err(UnknownDataMode),
        }
    }
}

impl fmt::Display for DataMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Exclusive => "exclusive",
        })
    }
}

serde_as_text!(DataMode);

//! What the operations take: already parsed, not yet checked against each other.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{
    Capability, Challenge, ComponentRef, DataMode, EmissionPercent, FailureRule, Grant, ImageRef, Instances,
    Loosened, OutboundRule, Resources, Serving, Slug, Status, TrustPolicy,
};
use serde_json::{Map, Value};

use crate::RegistryError;

/// Where a challenge's program comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A WebAssembly component.
    Component(ComponentRef),
    /// A container image.
    Image(ImageRef),
}

/// A challenge to register.
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// The name in URLs.
    pub slug: Slug,
    /// What is to run.
    pub source: Source,
    /// The image that runs in place of its component when it needs GPUs.
    pub fallback: Option<ImageRef>,
    /// `None`: the manifest's, or the slug.
    pub name: Option<String>,
    /// `None`: the manifest's, or `0.0.0`.
    pub version: Option<String>,
    /// Its part of the emission.
    pub emission_percent: EmissionPercent,
    /// Whose weights count when it gives none.
    pub on_failure: FailureRule,
    /// How the public side serves it.
    pub serving: Serving,
    /// Where it is to stand at once: a draft that makes one more step at most.
    pub status: Status,
    /// `None`: all that its exports show.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// `None`: as the manifest says, or exclusive.
    pub data: Option<DataMode>,
    /// `None`: as the manifest says, or per call.
    pub instances: Option<Instances>,
    /// What the component may import beyond WASI; `None`: the usual.
    pub grants: Option<BTreeSet<Grant>>,
    /// Whom it may send requests to.
    pub outbound: BTreeSet<OutboundRule>,
    /// What the component must show to run; `None`: what the host wants of every one.
    pub trust: Option<TrustPolicy>,
    /// Whether a tag that moves is followed.
    pub follow: bool,
    /// What its container may do beyond what all may.
    pub loosened: BTreeSet<Loosened>,
    /// What it may use.
    pub resources: Resources,
    /// Named volumes to mount points.
    pub volumes: BTreeMap<String, String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Names of secrets.
    pub secrets: BTreeSet<String>,
    /// `None`: the manifest's, if it has one.
    pub description: Option<String>,
    /// The operator's own notes.
    pub metadata: Map<String, Value>,
}

/// A change of a challenge. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ChallengePatch {
    /// The image that runs in place of its component when it needs GPUs; `Some(None)`: none.
    pub fallback: Option<Option<ImageRef>>,
    /// The name for people.
    pub name: Option<String>,
    /// The challenge's own version.
    pub version: Option<String>,
    /// Its part of the emission.
    pub emission_percent: Option<EmissionPercent>,
    /// Whose weights count when it gives none.
    pub on_failure: Option<FailureRule>,
    /// How the public side serves it.
    pub serving: Option<Serving>,
    /// Where it is to stand.
    pub status: Option<Status>,
    /// What it is to do for the host.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// Whether it keeps files.
    pub data: Option<DataMode>,
    /// How long an instance of it lives.
    pub instances: Option<Instances>,
    /// What the component may import beyond WASI.
    pub grants: Option<BTreeSet<Grant>>,
    /// Whom it may send requests to.
    pub outbound: Option<BTreeSet<OutboundRule>>,
    /// What the component must show to run; `Some(None)`: what the host wants of every one.
    pub trust: Option<Option<TrustPolicy>>,
    /// Whether a tag that moves is followed.
    pub follow: Option<bool>,
    /// What its container may do beyond what all may.
    pub loosened: Option<BTreeSet<Loosened>>,
    /// What it may use.
    pub resources: Option<Resources>,
    /// Named volumes to mount points.
    pub volumes: Option<BTreeMap<String, String>>,
    /// Environment variables.
    pub env: Option<BTreeMap<String, String>>,
    /// Names of secrets.
    pub secrets: Option<BTreeSet<String>>,
    /// One sentence for people; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// The operator's own notes.
    pub metadata: Option<Map<String, Value>>,
}

impl ChallengePatch {
    /// Applies the change to a record, and says whether it changed anything. Only the transition is checked.
    pub(crate) fn apply(self, record: &mut Challenge) -> Result<bool, RegistryError> {
        let Self {
            fallback,
            name,
            version,
            emission_percent,
            on_failure,
            serving,
            status,
            capabilities,
            data,
            instances,
            grants,
            outbound,
            trust,
            follow,
            loosened,
            resources,
            volumes,
            env,
            secrets,
            description,
            metadata,
        } = self;
        if let Some(status) = status {
            record.status.can_become(status)?;
        }
        let mut changed = false;
        changed |= replace(&mut record.fallback, fallback);
        changed |= replace(&mut record.name, name);
        changed |= replace(&mut record.version, version);
        changed |= replace(&mut record.emission_percent, emission_percent);
        changed |= replace(&mut record.on_failure, on_failure);
        changed |= replace(&mut record.serving, serving);
        changed |= replace(&mut record.status, status);
        changed |= replace(&mut record.capabilities, capabilities);
        changed |= replace(&mut record.data, data);
        changed |= replace(&mut record.instances, instances);
        changed |= replace(&mut record.grants, grants);
        changed |= replace(&mut record.outbound, outbound);
        changed |= replace(&mut record.trust, trust);
        changed |= replace(&mut record.follow, follow);
        changed |= replace(&mut record.loosened, loosened);
        changed |= replace(&mut record.resources, resources);
        changed |= replace(&mut record.volumes, volumes);
        changed |= replace(&mut record.env, env);
        changed |= replace(&mut record.secrets, secrets);
        changed |= replace(&mut record.description, description);
        changed |= replace(&mut record.metadata, metadata);
        Ok(changed)
    }
}

fn replace<T: PartialEq>(field: &mut T, new: Option<T>) -> bool {
    match new {
        Some(new) if new != *field => {
            *field = new;
            true
        }
        _ => false,
    }
}

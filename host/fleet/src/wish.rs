//! What is wanted of the container of a challenge, and the spec that comes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use platform_docker::{ContainerSpec, Gpu, MountPoint, Owner, PullAs};
use platform_domain::{
    Capability, GpuLeaseId, ImageRef, Loosened, PlainToken, Resources, SecretName, SecretValue, Slug,
};
use rust_decimal::prelude::ToPrimitive as _;

use crate::{FleetError, limits::NAMED_BY};

/// What a challenge's record and secrets want of its container.
#[derive(Clone)]
pub struct Wish {
    /// Whose it is.
    pub slug: Slug,
    /// What runs.
    pub image: ImageRef,
    /// The challenge's version; its `/version` has to say the same, unless it is empty.
    pub version: String,
    /// What its `/version` has to say that it can do.
    pub capabilities: BTreeSet<Capability>,
    /// Environment variables. What the host sets itself cannot be replaced.
    pub env: BTreeMap<String, String>,
    /// Files that only it can read.
    pub secrets: Vec<(SecretName, SecretValue)>,
    /// Who fetches the image.
    pub pull_as: Option<PullAs>,
    /// By which it knows the host.
    pub token: PlainToken,
    /// Whether it keeps files in `/data`.
    pub data: bool,
    /// More volumes by their own names, and where they are mounted.
    pub volumes: BTreeMap<String, String>,
    /// What it may use.
    pub resources: Resources,
    /// What its operator allows it beyond what all may.
    pub loosened: BTreeSet<Loosened>,
}

/// Where a container is to be, as far as its spec says so.
pub(crate) struct Place<'a> {
    /// One of two names: a container and its successor are there at the same time.
    pub(crate) name: &'a str,
    /// The lease that it has, and the numbers of the GPUs.
    pub(crate) lease: Option<(&'a GpuLeaseId, &'a BTreeSet<u16>)>,
}

/// In which a container tells its lease, so that it is found again after a restart of the host.
pub(crate) const LEASE_LABEL: &str = "gpu-lease";

/// The two names of a challenge's containers on an engine.
pub(crate) fn names(owner: &Owner, slug: &Slug) -> [String; 2] {
    ["a", "b"].map(|which| format!("challenge-{slug}-{}{which}", short(owner)))
}

/// Of its network, which nobody else is in.
pub(crate) fn network(owner: &Owner, slug: &Slug) -> String {
    format!("challenge-{slug}-{}", short(owner))
}

/// Of the relay through which it is reached where its engine is on another machine.
pub(crate) fn relay(owner: &Owner, slug: &Slug) -> String {
    format!("relay-{slug}-{}", short(owner))
}

fn short(owner: &Owner) -> String {
    owner.as_str().chars().take(NAMED_BY).collect()
}

impl Wish {
    /// Whether a container and its successor may run at the same time: nothing that they would both write to.
    pub(crate) fn overlaps(&self) -> bool {
        !self.data && self.volumes.is_empty()
    }

    pub(crate) fn spec(&self, owner: &Owner, place: &Place<'_>) -> Result<ContainerSpec, FleetError> {
        let mut spec = ContainerSpec::challenge(
            owner.clone(),
            self.slug.clone(),
            &self.token,
            self.secrets.iter().cloned(),
        );
        spec.name = place.name.to_owned();
        spec.network = Some(network(owner, &self.slug));
        spec.version.clone_from(&self.version);
        for (name, value) in &self.env {
            spec.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        spec.volumes = self.mounted(owner)?;
        let Resources {
            memory,
            cpu,
            pids,
            shm,
            ..
        } = &self.resources;
        spec.limits.shm = *shm;
        if let Some(memory) = memory {
            spec.limits.memory = *memory;
        }
        if let Some(pids) = pids {
            spec.limits.pids = pids.get();
        }
        if let Some(cpu) = cpu {
            let milli = cpu
                .checked_mul(1000.into())
                .and_then(|milli| milli.ceil().to_u32());
            spec.limits.milli_cpus = milli.unwrap_or(u32::MAX);
        }
        if let Some((id, devices)) = place.lease {
            spec.labels.insert(LEASE_LABEL.to_owned(), id.to_string());
            spec.gpus = Some(Gpu::Ids(devices.iter().map(ToString::to_string).collect()));
        }
        spec.loosened.clone_from(&self.loosened);
        Ok(spec)
    }

    fn mounted(&self, owner: &Owner) -> Result<BTreeMap<String, MountPoint>, FleetError> {
        let data = self.data.then_some(("sqlite", "/data"));
        let own = self.volumes.iter().map(|(name, at)| (name.as_str(), at.as_str()));
        let on_engine = |(name, at): (&str, &str)| Ok((volume(owner, &self.slug, name), at.parse()?));
        data.into_iter().chain(own).map(on_engine).collect()
    }
}

/// What a volume is called on an engine.
pub(crate) fn volume(owner: &Owner, slug: &Slug, name: &str) -> String {
    format!(
        "platform_{}_{name}_{}",
        slug.as_str().replace('-', "_"),
        short(owner)
    )
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wish({}, {})", self.slug, self.image)
    }
}

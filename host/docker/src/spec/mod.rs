//! What is wanted of a container, in our own words. [`ContainerSpec::plan`] makes of it what an engine takes; nothing here talks to
//! an engine.

mod body;
mod challenge;
mod check;
mod mount;
mod outside;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{ByteSize, Digest, Loosened, SecretName, SecretValue, Slug};

pub use check::SpecError;
pub use mount::{MountPoint, MountPointError};
pub use outside::Outside;
pub use user::User;

pub(crate) use body::{SECRETS_DIR, volume_mount};
pub(crate) use check::name as check_name;

use body::create_body;

use crate::{
    Image, Kind, Owner,
    limits::{MEMORY, MILLI_CPUS, PIDS},
};

/// A container as it is wanted. Everything that is not here is as hard as an engine can make it.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// Its name on the engine, and its host name.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it is.
    pub kind: Kind,
    /// Which challenge it belongs to.
    pub slug: Slug,
    /// The challenge's own version.
    pub version: String,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// More labels; none of them may begin with `platform.`.
    pub labels: BTreeMap<String, String>,
    /// What is run instead of what the image says.
    pub command: Option<Vec<String>>,
    /// Where it is run instead of where the image says.
    pub workdir: Option<String>,
    /// Who it runs as; `None`: the image's own user, and [`User::NOBODY`] where that is root or nobody is named.
    pub user: Option<User>,
    /// The network it is in, by name; `None`: none at all.
    pub network: Option<String>,
    /// The port it listens at.
    pub port: Option<u16>,
    /// Volumes by name, and where they are mounted, to be written to. Nothing of the engine's machine can be mounted.
    pub volumes: BTreeMap<String, MountPoint>,
    /// Files in `/run/secrets/platform`, which nobody but the container's user may read.
    pub secrets: BTreeMap<SecretName, SecretValue>,
    /// What it may use.
    pub limits: ContainerLimits,
    /// GPUs.
    pub gpus: Option<Gpu>,
    /// What an operator allows it beyond what all may.
    pub loosened: BTreeSet<Loosened>,
}

/// What a container may use. Numbers beyond what this crate allows are refused, not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerLimits {
    /// Memory with everything in `/tmp`. There is no swap beyond it.
    pub memory: ByteSize,
    /// Thousandths of a core.
    pub milli_cpus: u32,
    /// Processes and threads.
    pub pids: u32,
    /// The size of `/dev/shm`, a part of the memory; `None`: the engine's 64 MiB.
    pub shm: Option<ByteSize>,
}

/// Which GPUs a container gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gpu {
    /// All that the engine has.
    All,
    /// So many, whichever.
    Count(u32),
    /// These: numbers or UUIDs, as `nvidia-smi -L` shows them.
    Ids(BTreeSet<String>),
}

/// What an engine is sent for a container.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) body: bollard::models::ContainerCreateBody,
    pub(crate) digest: Digest,
    pub(crate) user: User,
}

impl Default for ContainerLimits {
    fn default() -> Self {
        Self {
            memory: ByteSize(MEMORY),
            milli_cpus: MILLI_CPUS,
            pids: PIDS,
            shm: None,
        }
    }
}

impl ContainerSpec {
    /// A container that is allowed nothing, with default limits, in no network.
    pub fn new(owner: Owner, kind: Kind, slug: Slug, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            owner,
            kind,
            slug,
            version: String::new(),
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            command: None,
            workdir: None,
            user: None,
            network: None,
            port: None,
            volumes: BTreeMap::new(),
            secrets: BTreeMap::new(),
            limits: ContainerLimits::default(),
            gpus: None,
            loosened: BTreeSet::new(),
        }
    }

    /// Checks what can be checked without an image.
    pub fn check(&self) -> Result<(), SpecError> {
        check::check(self)
    }

    /// Checks all of it and makes the body of the request, for this image.
    pub fn plan(&self, image: &Image) -> Result<Plan, SpecError> {
        check::check(self)?;
        let user = user::decided(self, image)?;
        let mut body = create_body(self, image, &user);
        let digest = body::digest(&body, self);
        let labels = body.labels.get_or_insert_default();
        labels.insert(crate::labels::SPEC.to_owned(), digest.to_string());
        Ok(Plan { body, digest, user })
    }

    /// How far out the network is that it should be in.
    pub fn outside(&self) -> Outside {
        match self.loosened.contains(&Loosened::Egress) {
            true => Outside::Open,
            false => Outside::Closed,
        }
    }

    /// What an operator allowed it, and limits that are not the usual ones, each as a text.
    pub fn shown(&self) -> Vec<String> {
        let mut shown: Vec<String> = self.loosened.iter().map(ToString::to_string).collect();
        let ContainerLimits {
            memory,
            milli_cpus,
            pids,
            shm: _,
        } = self.limits;
        if memory.0 > MEMORY {
            shown.push(format!("memory {memory}"));
        }
        if milli_cpus > MILLI_CPUS {
            shown.push(format!("{milli_cpus} thousandths of a core"));
        }
        if pids > PIDS {
            shown.push(format!("{pids} processes"));
        }
        shown
    }

    /// The volume in which its secrets are, if it has any. It goes when the container goes.
    pub(crate) fn secrets_volume(&self) -> Option<String> {
        (!self.secrets.is_empty()).then(|| format!("{}.secrets", self.name))
    }
}

impl Plan {
    /// A digest of everything that was wanted, also of what is in secrets. The container has it in the label `platform.spec`.
    pub const fn spec_digest(&self) -> Digest {
        self.digest
    }

    /// Who it will run as.
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The body of the request, as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

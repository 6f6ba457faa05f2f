//! What may not be wanted of a container.

use std::collections::BTreeSet;

use super::{ContainerLimits, ContainerSpec, Gpu};
use crate::limits::{
    COMMAND_WORDS, GPUS, MAX_CONTAINER_MEMORY, MAX_CONTAINER_MILLI_CPUS, MAX_CONTAINER_PIDS,
    MIN_CONTAINER_MEMORY, SECRET_BYTES, SECRETS, VARIABLE_BYTES, VARIABLES, VOLUMES,
};

/// Why a container cannot be as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Of the container, a network or a volume.
    #[error("{0} has 2 to 128 of A-Z a-z 0-9 . _ -, and begins with a letter or a digit")]
    Name(&'static str),
    /// Not what a program can be given.
    #[error("the environment variable {0:?} cannot be given to a program")]
    Variable(String),
    /// More than anybody needs.
    #[error("too many or too large: {0}")]
    TooMuch(&'static str),
    /// A label of ours, or none at all.
    #[error("the label {0:?} is ours or none; labels beginning with platform. are the host's")]
    Label(String),
    /// Two volumes in one place.
    #[error("two volumes are to be mounted at {0}")]
    MountedTwice(String),
    /// Outside of what can be given.
    #[error("{what} is between {least} and {most}")]
    Limit {
        /// Which one.
        what: &'static str,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Not a number or a UUID of a GPU, or none.
    #[error("a GPU is named by its number or its UUID, and at least one is asked for")]
    Gpu,
    /// Root, which was not allowed.
    #[error("a container runs as root only where root-user is allowed")]
    Root,
    /// The image's user is no user.
    #[error("the image says it runs as somebody who can be nobody's name")]
    ImageUser,
    /// Not absolute, or unprintable.
    #[error("the working directory is an absolute path")]
    Workdir,
    /// What a container can have, and a service of a swarm cannot.
    #[error("a service of a swarm cannot have {0}")]
    Swarm(&'static str),
    /// Longer than a day, or nothing.
    #[error("a job runs for 1 second to 24 hours")]
    Deadline,
}

pub(super) fn check(spec: &ContainerSpec) -> Result<(), SpecError> {
    name(&spec.name, "the name of a container")?;
    spec.network
        .iter()
        .try_for_each(|network| name(network, "the name of a network"))?;
    environment(spec)?;
    labels(spec)?;
    command(spec)?;
    volumes(spec)?;
    limits(spec.limits)?;
    spec.gpus.iter().try_for_each(gpus)?;
    let secrets = spec.secrets.len() <= SECRETS;
    if !secrets
        || spec
            .secrets
            .values()
            .any(|value| value.reveal().len() > SECRET_BYTES)
    {
        return Err(SpecError::TooMuch("secrets"));
    }
    Ok(())
}

/// What engines take as a name. It is in paths of requests, so nothing else may be in it.
pub(crate) fn name(text: &str, what: &'static str) -> Result<(), SpecError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let begins = text.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
    match begins && (2..=128).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(SpecError::Name(what)),
    }
}

fn environment(spec: &ContainerSpec) -> Result<(), SpecError> {
    if spec.env.len() > VARIABLES {
        return Err(SpecError::TooMuch("environment variables"));
    }
    for (name, value) in &spec.env {
        let odd = |c: char| c == '\0';
        let named = !name.is_empty() && !name.contains(['=', '\n', '\0']);
        if !named || value.contains(odd) || name.len() + value.len() > VARIABLE_BYTES {
            return Err(SpecError::Variable(name.chars().take(64).collect()));
        }
    }
    Ok(())
}

fn labels(spec: &ContainerSpec) -> Result<(), SpecError> {
    let size: usize = spec
        .labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if spec.labels.len() > VARIABLES || size > VARIABLE_BYTES {
        return Err(SpecError::TooMuch("labels"));
    }
    for name in spec.labels.keys() {
        // Without regard to case: whoever lists labels may not tell them apart.
        let ours = name.to_ascii_lowercase().starts_with(crate::labels::PREFIX);
        if name.is_empty() || ours {
            return Err(SpecError::Label(name.chars().take(64).collect()));
        }
    }
    Ok(())
}

fn command(spec: &ContainerSpec) -> Result<(), SpecError> {
    let words = spec.command.as_deref().unwrap_or_default();
    let size: usize = words.iter().map(String::len).sum();
    if words.len() > COMMAND_WORDS || size > VARIABLE_BYTES || words.iter().any(|word| word.contains('\0')) {
        return Err(SpecError::TooMuch("words of the command"));
    }
    let absolute =
        |dir: &String| dir.starts_with('/') && dir.len() <= 1024 && !dir.contains(char::is_control);
    match spec.workdir.as_ref().is_none_or(absolute) {
        true => Ok(()),
        false => Err(SpecError::Workdir),
    }
}

fn volumes(spec: &ContainerSpec) -> Result<(), SpecError> {
    if spec.volumes.len() > VOLUMES {
        return Err(SpecError::TooMuch("volumes"));
    }
    let mut seen = BTreeSet::new();
    for (volume, target) in &spec.volumes {
        name(volume, "the name of a volume")?;
        if !seen.insert(target) {
            return Err(SpecError::MountedTwice(target.to_string()));
        }
    }
    Ok(())
}

fn limits(limits: ContainerLimits) -> Result<(), SpecError> {
    let ContainerLimits {
        memory,
        milli_cpus,
        pids,
        shm,
    } = limits;
    let rows = [
        (
            "the bytes of memory",
            memory.0,
            MIN_CONTAINER_MEMORY,
            MAX_CONTAINER_MEMORY,
        ),
        (
            "processor time in thousandths of a core",
            milli_cpus.into(),
            10,
            MAX_CONTAINER_MILLI_CPUS.into(),
        ),
        (
            "the number of processes",
            pids.into(),
            1,
            MAX_CONTAINER_PIDS.into(),
        ),
        ("the bytes of /dev/shm", shm.map_or(1, |shm| shm.0), 1, memory.0),
    ];
    for (what, value, least, most) in rows {
        if !(least..=most).contains(&value) {
            return Err(SpecError::Limit { what, least, most });
        }
    }
    Ok(())
}

fn gpus(gpus: &Gpu) -> Result<(), SpecError> {
    let plain = |id: &String| {
        let chars = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        (1..=64).contains(&id.len()) && !id.starts_with('-') && id.bytes().all(chars)
    };
    let fits = match gpus {
        Gpu::All => true,
        Gpu::Count(count) => (1..=GPUS).contains(count),
        Gpu::Ids(ids) => !ids.is_empty() && ids.len() <= GPUS as usize && ids.iter().all(plain),
    };
    match fits {
        true => Ok(()),
        false => Err(SpecError::Gpu),
    }
}

//! Why a job is not run. The texts are for the challenge that asked: nothing of the host's own is in them.

use std::time::Duration;

use platform_docker::{ArchiveError, SpecError};
use platform_domain::{ByteSize, JobId, Slug};
use platform_store::StoreError;

use crate::{
    Busy,
    limits::{IMAGE_BYTES, INPUT_BYTES, INPUTS},
};

/// Why somebody does not get what they asked for.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It cannot be run as it is asked for, also not later.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no room now.
    #[error("{why}")]
    Busy {
        /// Which room is full.
        why: Busy,
        /// When there may be.
        retry_after: Duration,
    },
    /// Something else was asked for under the same names.
    #[error("job and task are those of another request; take other names, or ask for the same")]
    Conflict(JobId),
    /// There is no such job, not any more, or it is another challenge's.
    #[error("there is no such job")]
    NotFound,
    /// There is no such challenge, not any more.
    #[error("there is no challenge '{0}'")]
    NoChallenge(Slug),
    /// The host or its engine could not run it; it may be asked for again.
    #[error("{0}")]
    Failed(String),
    /// It was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The host stopped while it was under way, or lost the server that it ran on.
    #[error("the host stopped or lost a server while the job was under way; ask for it under another name")]
    Lost,
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
    /// The database failed. Not for the challenge.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// What of a request is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No rule has it.
    #[error("Docker image is not allowed")]
    Image,
    /// Not a reference with a registry in it, or one that could be read in two ways.
    #[error(
        "unsafe Docker image reference: HOST/NAME[:TAG][@DIGEST] in lower case, {IMAGE_BYTES} bytes at most"
    )]
    ImageName,
    /// What an image runs by itself is not asked for.
    #[error("command has at least one word")]
    NoCommand,
    /// Beyond what the operator set as the most, or less than nothing.
    #[error("{what} is {asked}, and at most {most}")]
    Beyond {
        /// The field.
        what: &'static str,
        /// What was asked for.
        asked: u64,
        /// The most.
        most: u64,
    },
    /// More memory than the operator set as the most.
    #[error("memory is {asked}, and at most {most}")]
    Memory {
        /// What was asked for.
        asked: ByteSize,
        /// The most.
        most: ByteSize,
    },
    /// None are given to jobs here.
    #[error("GPUs are not given to jobs on this host")]
    NoGpus,
    /// More than the operator set as the most.
    #[error("gpu_count is {asked}, and at most {most}")]
    Gpus {
        /// What was asked for.
        asked: u16,
        /// The most.
        most: u16,
    },
    /// No server would have so many of the kind if nobody had any. Which servers there are is not for challenges.
    #[error(
        "gpu_capacity_insufficient: no GPU server of this host has what is asked for, however long one waits"
    )]
    NoGpuServer,
    /// What NVIDIA's runtime reads and acts upon.
    #[error("the environment variable {0} is the host's to set")]
    Variable(String),
    /// Not a second, or longer than the operator set.
    #[error("timeout_seconds is {asked}, and between 1 and {most}")]
    Timeout {
        /// In seconds.
        asked: u64,
        /// In seconds.
        most: u64,
    },
    /// The operator did not grant it to this challenge.
    #[error("network is none: this challenge's jobs may not reach the world")]
    Network,
    /// Of archives.
    #[error("mounts are at most {INPUTS}")]
    Mounts,
    /// Of all archives together.
    #[error("all mounts together have at most {INPUT_BYTES} bytes, packed")]
    MountBytes,
    /// Something else of the container.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What is in an archive.
    #[error("unsafe mount archive")]
    Archive(#[from] ArchiveError),
}

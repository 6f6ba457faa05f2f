//! What an operator decides about jobs.

use std::{collections::BTreeSet, time::Duration};

use platform_docker::Owner;
use platform_domain::{ByteSize, Slug};

use crate::{ImageRules, limits};

/// What is allowed. Without a rule for images there are no jobs.
#[derive(Clone, Debug)]
pub struct JobsConfig {
    /// Whose the containers are.
    pub owner: Owner,
    /// What may be run.
    pub images: ImageRules,
    /// The most that one job may ask for.
    pub ceilings: Ceilings,
    /// How many jobs there may be.
    pub quotas: Quotas,
    /// Challenges whose jobs may reach the world, if they ask for it.
    pub network: BTreeSet<Slug>,
}

/// The most that one job may ask for. More is refused, not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Thousandths of a core.
    pub milli_cpus: u32,
    /// Memory, with what is in `/tmp`. There is no swap.
    pub memory: ByteSize,
    /// Processes and threads.
    pub pids: u32,
    /// From its start to its end.
    pub timeout: Duration,
    /// GPUs, which are on GPU servers.
    pub gpus: u16,
}

/// How many jobs there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// That run at the same time.
    pub at_once: u32,
    /// Of one challenge.
    pub at_once_per_challenge: u32,
    /// That wait for their turn.
    pub waiting: u32,
    /// Of one challenge.
    pub waiting_per_challenge: u32,
    /// That one challenge asks for within an hour.
    pub per_hour: u32,
    /// How long one waits for GPUs before it is given up.
    pub gpu_wait: Duration,
}

impl JobsConfig {
    /// The usual ceilings and quotas, no GPUs, and no network for anybody.
    pub fn new(owner: Owner, images: ImageRules) -> Self {
        Self {
            owner,
            images,
            ceilings: Ceilings::default(),
            quotas: Quotas::default(),
            network: BTreeSet::new(),
        }
    }
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            milli_cpus: limits::JOB_MILLI_CPUS,
            memory: ByteSize(limits::JOB_MEMORY),
            pids: limits::JOB_PIDS,
            timeout: limits::MAX_JOB_TIMEOUT,
            // GPUs are scarce, and challenges want them too: an operator says so.
            gpus: 0,
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            at_once: limits::AT_ONCE,
            at_once_per_challenge: limits::AT_ONCE_PER_CHALLENGE,
            waiting: limits::WAITING,
            waiting_per_challenge: limits::WAITING_PER_CHALLENGE,
            per_hour: limits::PER_HOUR,
            gpu_wait: limits::GPU_WAIT,
        }
    }
}

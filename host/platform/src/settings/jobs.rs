//! Work that challenges hand in for containers.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use platform_docker::Owner;
use platform_domain::{ByteSize, Slug};
use platform_jobs::{Ceilings, ImageRule, ImageRules, JobsConfig, Quotas, limits};
use serde::{Deserialize, Serialize};

/// What jobs may be and how many there may be. Without images there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// What jobs may run: `HOST/PATH` for all images there, `HOST/NAME:TAG` or `HOST/NAME@DIGEST` for one.
    pub images: Vec<String>,
    /// `PLATFORM_JOBS__LISTEN`: where challenges in containers hand in jobs over HTTP; without it they cannot.
    pub listen: Option<SocketAddr>,
    /// `PLATFORM_JOBS__URL`: where containers reach that; by default the address that is listened at.
    pub url: Option<String>,
    /// Challenges whose jobs may reach the world.
    pub network: BTreeSet<Slug>,
    /// The most that a job may ask for, in thousandths of a core.
    pub milli_cpus: u32,
    /// The most memory that a job may ask for.
    pub memory: ByteSize,
    /// The most processes and threads that a job may ask for.
    pub pids: u32,
    /// The longest that a job may ask for.
    pub seconds: u64,
    /// The most GPUs that a job may ask for; with 0 jobs have none.
    pub max_gpus: u16,
    /// How many seconds a job waits for GPUs before it is given up.
    pub gpu_wait: u64,
    /// Jobs that run at the same time.
    pub at_once: u32,
    /// Of one challenge.
    pub at_once_per_challenge: u32,
    /// Jobs that wait for their turn.
    pub waiting: u32,
    /// Of one challenge.
    pub waiting_per_challenge: u32,
    /// Jobs that one challenge may ask for within an hour.
    pub per_hour: u32,
}

impl Default for Jobs {
    fn default() -> Self {
        let Ceilings {
            milli_cpus,
            memory,
            pids,
            timeout,
            gpus,
        } = Ceilings::default();
        let Quotas {
            at_once,
            at_once_per_challenge,
            waiting,
            waiting_per_challenge,
            per_hour,
            gpu_wait,
        } = Quotas::default();
        Self {
            images: Vec::new(),
            listen: None,
            url: None,
            network: BTreeSet::new(),
            milli_cpus,
            memory,
            pids,
            seconds: timeout.as_secs(),
            max_gpus: gpus,
            gpu_wait: gpu_wait.as_secs(),
            at_once,
            at_once_per_challenge,
            waiting,
            waiting_per_challenge,
            per_hour,
        }
    }
}

impl Jobs {
    /// The same for those who run them. Of a configuration that was checked.
    pub fn build(&self, owner: Owner) -> JobsConfig {
        JobsConfig {
            owner,
            images: ImageRules::new(self.rules().unwrap_or_default()),
            ceilings: Ceilings {
                milli_cpus: self.milli_cpus,
                memory: self.memory,
                pids: self.pids,
                timeout: Duration::from_secs(self.seconds),
                gpus: self.max_gpus,
            },
            quotas: Quotas {
                at_once: self.at_once,
                at_once_per_challenge: self.at_once_per_challenge,
                waiting: self.waiting,
                waiting_per_challenge: self.waiting_per_challenge,
                per_hour: self.per_hour,
                gpu_wait: Duration::from_secs(self.gpu_wait),
            },
            network: self.network.clone(),
        }
    }

    /// Where containers reach the broker, if there is one that has something to run.
    pub fn broker_url(&self) -> Option<String> {
        let listen = self.listen.filter(|_| !self.images.is_empty())?;
        Some(self.url.clone().unwrap_or_else(|| format!("http://{listen}")))
    }

    fn rules(&self) -> Result<Vec<ImageRule>, platform_jobs::ImageRuleError> {
        self.images.iter().map(|rule| rule.parse()).collect()
    }

    /// What is wrong with it: the key, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if let Err(error) = self.rules() {
            return Err(("jobs.images", error.to_string()));
        }
        if self.images.len() > limits::IMAGE_RULES {
            return Err((
                "jobs.images",
                format!("has at most {} rules", limits::IMAGE_RULES),
            ));
        }
        let is_plain = |url: &String| url.starts_with("http://") && !url.contains(char::is_whitespace);
        if !self.url.iter().all(is_plain) {
            return Err((
                "jobs.url",
                "is http://HOST:PORT, as containers reach the host".to_owned(),
            ));
        }
        let most = limits::MAX_JOB_TIMEOUT.as_secs();
        let rows = [
            ("jobs.milli_cpus", self.milli_cpus.into(), 10, 512_000),
            ("jobs.memory", self.memory.0, 16 << 20, 4 << 40),
            ("jobs.pids", self.pids.into(), 1, 16_384),
            ("jobs.seconds", self.seconds, 1, most),
            (
                "jobs.max_gpus",
                self.max_gpus.into(),
                0,
                limits::MAX_JOB_GPUS.into(),
            ),
            ("jobs.gpu_wait", self.gpu_wait, 0, limits::MAX_GPU_WAIT.as_secs()),
            ("jobs.at_once", self.at_once.into(), 1, limits::MAX_QUOTA.into()),
            (
                "jobs.at_once_per_challenge",
                self.at_once_per_challenge.into(),
                1,
                limits::MAX_QUOTA.into(),
            ),
            ("jobs.waiting", self.waiting.into(), 0, limits::MAX_QUOTA.into()),
            (
                "jobs.waiting_per_challenge",
                self.waiting_per_challenge.into(),
                0,
                limits::MAX_QUOTA.into(),
            ),
            ("jobs.per_hour", self.per_hour.into(), 1, limits::MAX_QUOTA.into()),
        ];
        for (key, value, least, most) in rows {
            if !(least..=most).contains(&value) {
                return Err((key, format!("must be {least} to {most}")));
            }
        }
        Ok(())
    }
}

//! Jobs of challenges.

use std::collections::BTreeSet;

use platform_domain::{GpuServerId, ImageRef, JobId, JobName, JobState, Slug, TaskName, UnixSeconds};
use serde::{Deserialize, Serialize};

/// A job without what it printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// What it is known by.
    pub id: JobId,
    /// Whose it is.
    pub challenge: Slug,
    /// What the challenge calls it.
    pub job_id: JobName,
    /// And the part of it; may be empty.
    pub task_id: TaskName,
    /// What it runs.
    pub image: ImageRef,
    /// Where it stands.
    pub state: JobState,
    /// When it was asked for last.
    pub asked_at: UnixSeconds,
    /// When its turn came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<UnixSeconds>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<UnixSeconds>,
    /// How its program ended, when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<JobExitView>,
    /// How many GPUs it asked for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_count: Option<u16>,
    /// The GPU server that it runs on, or ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_server: Option<GpuServerId>,
    /// The numbers of its GPUs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_devices: Option<BTreeSet<u16>>,
    /// Why it failed; of one that is queued: why no GPU server has room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How the program of a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobExitView {
    /// What it said; 124 when its time was over.
    pub code: i64,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Whether something in it was killed because its memory was used up.
    pub out_of_memory: bool,
}

/// `GET /v1/admin/jobs` and `?challenge=SLUG`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobList {
    /// The newest first, a thousand at most.
    pub jobs: Vec<JobView>,
}

/// `GET /v1/admin/jobs/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDetail {
    /// What is known of it.
    pub job: JobView,
    /// The end of its standard output, when it is done. Whatever is not UTF-8 is shown as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// The end of its standard error, when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
}

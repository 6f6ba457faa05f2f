//! Bodies of the original platform's broker. Fields that it does not have are refused: whoever asks for a privileged container, or
//! for a device, is told so, and does not get something else.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use platform_domain::{JobName, TaskName};
use platform_jobs::{JobInput, JobRequest, JobResult};
use serde::{Deserialize, Serialize};

use crate::{
    BrokerError,
    limits_body::{LimitsBody, Wanted},
    refusal::only,
};

/// `POST /v1/docker/run`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunBody<'a> {
    job_id: JobName,
    #[serde(default)]
    task_id: Option<TaskName>,
    image: String,
    #[serde(default)]
    image_pull_policy: Option<String>,
    command: Vec<String>,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    limits: LimitsBody,
    #[serde(default, borrow)]
    mounts: Vec<MountBody<'a>>,
    #[serde(default)]
    timeout_seconds: Option<u64>,
    #[serde(default)]
    privileged: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MountBody<'a> {
    target: String,
    /// Whatever is said: what a job is given is its own, and goes with it.
    #[serde(default, rename = "read_only")]
    _read_only: bool,
    #[serde(default)]
    source_type: Option<String>,
    #[serde(default)]
    source_name: Option<String>,
    #[serde(borrow)]
    archive_b64: Cow<'a, str>,
}

/// `POST /v1/docker/list`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListBody {
    #[serde(default)]
    pub(crate) job_id: Option<JobName>,
}

/// `POST /v1/docker/cleanup`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CleanUpBody {
    pub(crate) job_id: JobName,
}

/// How a job ended.
#[derive(Debug, Serialize)]
pub(crate) struct RunView {
    container_name: String,
    stdout: String,
    stderr: String,
    returncode: i64,
    timed_out: bool,
}

/// What a challenge has under way.
#[derive(Debug, Serialize)]
pub(crate) struct ListView {
    pub(crate) containers: Vec<ContainerView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ContainerView {
    pub(crate) container_id: String,
    pub(crate) container_name: String,
    pub(crate) image: String,
    pub(crate) status: String,
    pub(crate) job_id: String,
    pub(crate) task_id: Option<String>,
    pub(crate) created: String,
    pub(crate) labels: BTreeMap<String, String>,
}

impl RunBody<'_> {
    /// Decodes archives, so this computes for a while.
    pub(crate) fn into_request(self) -> Result<JobRequest, BrokerError> {
        let Self {
            job_id,
            task_id,
            image,
            image_pull_policy,
            command,
            workdir,
            env,
            labels,
            limits,
            mounts,
            timeout_seconds,
            privileged,
        } = self;
        if privileged {
            return Err(BrokerError::privileged());
        }
        only(
            "image_pull_policy",
            image_pull_policy.as_deref(),
            &["IfNotPresent"],
        )?;
        let unsafe_image = |_| BrokerError::refused("unsafe Docker image reference");
        let Wanted {
            limits,
            gpus,
            network,
        } = limits.read()?;
        Ok(JobRequest {
            job: job_id,
            task: task_id.unwrap_or_default(),
            image: image.parse().map_err(unsafe_image)?,
            command,
            workdir,
            env,
            labels,
            limits,
            gpus,
            network,
            inputs: mounts
                .into_iter()
                .map(MountBody::into_input)
                .collect::<Result<_, _>>()?,
            timeout_seconds,
        })
    }
}

impl MountBody<'_> {
    fn into_input(self) -> Result<JobInput, BrokerError> {
        let Self {
            target,
            _read_only: _,
            source_type,
            source_name,
            archive_b64,
        } = self;
        // Anything else named something of the broker's own machine once.
        only("source_type of a mount", source_type.as_deref(), &["directory"])?;
        only("source_name of a mount", source_name.as_deref(), &[".", ""])?;
        let target = target
            .parse()
            .map_err(|error| BrokerError::refused(format!("target of a mount: {error}")))?;
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let tar_gz = GeneralPurpose::new(&STANDARD, config)
            .decode(archive_b64.as_bytes())
            .map_err(|_| BrokerError::refused("invalid mount archive"))?;
        Ok(JobInput { tar_gz, target })
    }
}

impl From<JobResult> for RunView {
    fn from(result: JobResult) -> Self {
        let JobResult {
            id: _,
            container,
            outcome,
        } = result;
        // Whether memory ran out is in no field of the original; its exit code says 137.
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            container_name: container,
            stdout: text(outcome.stdout),
            stderr: text(outcome.stderr),
            returncode: outcome.exit_code,
            timed_out: outcome.timed_out,
        }
    }
}

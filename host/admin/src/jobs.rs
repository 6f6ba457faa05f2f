//! Jobs of challenges over HTTP: listed, shown, cancelled.

use axum::{
    extract::{FromRequestParts, Path, Query, State},
    http::{StatusCode, request::Parts},
};
use platform_admin_types::{JobDetail, JobExitView, JobList, JobView};
use platform_domain::JobId;
use platform_jobs::{JobError, JobRow};
use serde::Deserialize;

use crate::{AdminState, ApiError, Json};

/// The job that a path names.
pub(crate) struct JobPath(JobId);

/// Whose jobs are listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    challenge: Option<String>,
}

pub(crate) async fn list(
    State(state): State<AdminState>,
    Query(Whose { challenge }): Query<Whose>,
) -> Result<Json<JobList>, ApiError> {
    let slug = challenge.as_deref().map(crate::slug::parse).transpose()?;
    let rows = state.jobs.list(slug.as_ref()).await?;
    let jobs = rows.into_iter().map(view).collect();
    Ok(Json(JobList { jobs }))
}

pub(crate) async fn show(
    State(state): State<AdminState>,
    JobPath(id): JobPath,
) -> Result<Json<JobDetail>, ApiError> {
    let (row, outputs) = state.jobs.show(&id).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Json(JobDetail {
        job: view(row),
        stdout: outputs.as_ref().map(|outputs| text(&outputs.stdout)),
        stderr: outputs.as_ref().map(|outputs| text(&outputs.stderr)),
    }))
}

pub(crate) async fn cancel(
    State(state): State<AdminState>,
    JobPath(id): JobPath,
) -> Result<Json<JobView>, ApiError> {
    state.jobs.cancel(None, &id).await?;
    let (row, _) = state.jobs.show(&id).await?;
    Ok(Json(view(row)))
}

fn view(row: JobRow) -> JobView {
    let JobRow {
        id,
        slug,
        job,
        task,
        request: _,
        image,
        gpu_count,
        gpus,
        state,
        asked_at,
        started_at,
        ended_at,
        exit,
        reason,
    } = row;
    let (gpu_server, gpu_devices) = gpus.map(|gpus| (gpus.server, gpus.devices)).unzip();
    JobView {
        id,
        challenge: slug,
        job_id: job,
        task_id: task,
        image,
        state,
        asked_at,
        started_at,
        ended_at,
        exit: exit.map(|exit| JobExitView {
            code: exit.code,
            timed_out: exit.timed_out,
            out_of_memory: exit.oom,
        }),
        gpu_count,
        gpu_server,
        gpu_devices,
        reason,
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        match &error {
            JobError::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", error.to_string())
                .hint("`platform jobs list` shows which there are"),
            JobError::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", error.to_string()),
            // An operator hands in no jobs.
            JobError::Refused(_)
            | JobError::Busy { .. }
            | JobError::Conflict(_)
            | JobError::NoChallenge(_)
            | JobError::Failed(_)
            | JobError::Cancelled
            | JobError::Lost
            | JobError::Store(_) => Self::internal(&error),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.map(|Path(text)| text).unwrap_or_default().parse();
        // One that cannot exist is not found, like one that does not.
        id.map(Self).map_err(|_| JobError::NotFound.into())
    }
}

//! Every route of the broker. The order is the same for all: the head, then whose token it is, then the body.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    routing::{get, post},
};
use platform_domain::{PlainToken, Slug, Timestamp};
use platform_jobs::{JobRow, Jobs};
use serde::Deserialize;
use serde_json::json;

use crate::{
    BrokerError,
    bodies::Bodies,
    limits::RUN_BYTES,
    wire::{CleanUpBody, ContainerView, ListBody, ListView, RunBody, RunView},
};

/// Whose request it is.
const SLUG: &str = "x-platform-challenge-slug";

#[derive(Clone)]
struct BrokerState {
    jobs: Jobs,
    bodies: Bodies,
}

/// The broker.
pub fn router(jobs: Jobs) -> Router {
    let bodies = Bodies::new();
    Router::new()
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/v1/docker/run", post(run))
        .route("/v1/docker/list", post(list))
        .route("/v1/docker/cleanup", post(clean_up))
        .fallback(async || BrokerError::no_such_path())
        .method_not_allowed_fallback(async || BrokerError::method_not_allowed())
        .with_state(BrokerState { jobs, bodies })
}

async fn run(State(state): State<BrokerState>, request: Request) -> Result<Json<RunView>, BrokerError> {
    let (slug, request) = admitted(&state.jobs, request).await?;
    let (bytes, place) = state.bodies.large(&slug, request.into_body(), RUN_BYTES).await?;
    let taking_apart = tokio::task::spawn_blocking(move || {
        let asked = read::<RunBody<'_>>(&bytes)?.into_request();
        drop(bytes);
        drop(place);
        asked
    });
    let stopping = || BrokerError::from(platform_jobs::JobError::Stopping);
    let request = taking_apart.await.map_err(|_| stopping())??;
    let result = state.jobs.run(&slug, request).await?;
    Ok(Json(RunView::from(result)))
}

async fn list(State(state): State<BrokerState>, request: Request) -> Result<Json<ListView>, BrokerError> {
    let (slug, request) = admitted(&state.jobs, request).await?;
    let bytes = state.bodies.small(request.into_body()).await?;
    let ListBody { job_id } = read(&bytes)?;
    let rows = state.jobs.list(Some(&slug)).await?.into_iter();
    // Whatever has ended has no container any more.
    let wanted =
        rows.filter(|row| row.state.is_under_way() && job_id.as_ref().is_none_or(|job| row.job == *job));
    let containers = wanted.map(|row| view(&state.jobs, row)).collect();
    Ok(Json(ListView { containers }))
}

async fn clean_up(
    State(state): State<BrokerState>,
    request: Request,
) -> Result<Json<serde_json::Value>, BrokerError> {
    let (slug, request) = admitted(&state.jobs, request).await?;
    let bytes = state.bodies.small(request.into_body()).await?;
    let CleanUpBody { job_id } = read(&bytes)?;
    state.jobs.clean_up(&slug, Some(&job_id)).await?;
    Ok(Json(json!({ "status": "ok" })))
}

/// Whose request it is, if the head says so and its token is right. Nothing of the body is read before.
async fn admitted(jobs: &Jobs, request: Request) -> Result<(Slug, Request), BrokerError> {
    let text = only(request.headers(), SLUG).unwrap_or_default();
    if text.is_empty() {
        return Err(BrokerError::no_slug());
    }
    let slug: Slug = text.parse().map_err(|_| BrokerError::unknown())?;
    let token = only(request.headers(), AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let token = PlainToken::from_text(token.unwrap_or_default());
    jobs.admit(&slug, &token).await?;
    Ok((slug, request))
}

/// A header that is there once: of two nobody can say which counts.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, BrokerError> {
    serde_json::from_slice(bytes).map_err(|error| BrokerError::malformed(&error))
}

fn view(jobs: &Jobs, row: JobRow) -> ContainerView {
    let JobRow {
        id,
        slug,
        job,
        task,
        image,
        state,
        asked_at,
        ..
    } = row;
    let task = Some(task.as_str())
        .filter(|task| !task.is_empty())
        .map(str::to_owned);
    let mut labels = BTreeMap::from([
        ("platform.challenge".to_owned(), slug.to_string()),
        ("platform.job".to_owned(), job.to_string()),
    ]);
    labels.extend(task.clone().map(|task| ("platform.task".to_owned(), task)));
    let created = Duration::from_secs(asked_at.0).as_millis();
    ContainerView {
        container_name: jobs.container_name(&slug, &id),
        container_id: id.to_string(),
        image: image.to_string(),
        status: match state {
            platform_domain::JobState::Queued => "created".to_owned(),
            other => other.to_string(),
        },
        job_id: job.to_string(),
        task_id: task,
        created: Timestamp::from_millis(created.try_into().unwrap_or(u64::MAX)).to_string(),
        labels,
    }
}

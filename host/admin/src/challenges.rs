//! Challenges over HTTP: read, hand down, show.

use axum::{
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
};
use platform_admin_types::{ChallengeCreated, ChallengeList, ChallengeView, CreateChallenge, PatchChallenge};
use platform_domain::Challenge;
use platform_registry::Observed;

use crate::{
    AdminState, ApiError, Json,
    slug::SlugPath,
    view::{Seen, challenge_patch, challenge_view, new_challenge},
};

pub(crate) mod token;

type Answer = Result<Json<ChallengeView>, ApiError>;

pub(crate) async fn list(State(state): State<AdminState>) -> Result<Json<ChallengeList>, ApiError> {
    let challenges = state.registry.challenge_list().await?;
    let board = state.registry.board();
    let mut views = Vec::with_capacity(challenges.len());
    for challenge in challenges {
        let observed = board.observed(&challenge.slug);
        views.push(view_of(&state, challenge, observed).await?);
    }
    Ok(Json(ChallengeList { challenges: views }))
}

pub(crate) async fn create(
    State(state): State<AdminState>,
    Json(create): Json<CreateChallenge>,
) -> Result<impl IntoResponse, ApiError> {
    let (challenge, challenge_token) = state.registry.challenge_create(new_challenge(create)?).await?;
    let location = format!("/v1/admin/challenges/{}", challenge.slug);
    let challenge = show_now(&state, challenge).await?;
    let created = Json(ChallengeCreated {
        challenge,
        challenge_token,
    });
    Ok((StatusCode::CREATED, [(LOCATION, location)], created))
}

pub(crate) async fn show(State(state): State<AdminState>, SlugPath(slug): SlugPath) -> Answer {
    let challenge = state.registry.challenge_get(&slug).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn change(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
    Json(patch): Json<PatchChallenge>,
) -> Answer {
    let challenge = state
        .registry
        .challenge_patch(&slug, challenge_patch(patch))
        .await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn activate(State(state): State<AdminState>, SlugPath(slug): SlugPath) -> Answer {
    let challenge = state.registry.challenge_activate(&slug).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn deactivate(State(state): State<AdminState>, SlugPath(slug): SlugPath) -> Answer {
    let challenge = state.registry.challenge_deactivate(&slug).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn disable(State(state): State<AdminState>, SlugPath(slug): SlugPath) -> Answer {
    let challenge = state.registry.challenge_disable(&slug).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn look(State(state): State<AdminState>, SlugPath(slug): SlugPath) -> Answer {
    let challenge = state.registry.challenge_look(&slug).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn remove(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<StatusCode, ApiError> {
    state.registry.challenge_delete(&slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn show_now(state: &AdminState, challenge: Challenge) -> Result<ChallengeView, ApiError> {
    let observed = state.registry.observed(&challenge.slug);
    view_of(state, challenge, observed).await
}

async fn view_of(
    state: &AdminState,
    challenge: Challenge,
    observed: Observed,
) -> Result<ChallengeView, ApiError> {
    let registry = &state.registry;
    let seen = Seen {
        secrets_missing: registry.secrets_missing(&challenge).await?,
        trust: registry.trust(&challenge).await,
        drift: registry.drift(&challenge),
        observed,
        health: registry.health(&challenge.slug),
        usage: registry.usage(&challenge.slug),
    };
    Ok(challenge_view(challenge, seen))
}

#[cfg(test)]
pub(crate) mod tests;

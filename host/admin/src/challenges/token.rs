//! Another token for a challenge.

use std::time::Duration;

use axum::extract::State;
use platform_admin_types::{ChallengeCreated, RotateToken};

use super::show_now;
use crate::{AdminState, ApiError, Json, slug::SlugPath};

pub(crate) async fn rotate(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
    Json(rotate): Json<RotateToken>,
) -> Result<Json<ChallengeCreated>, ApiError> {
    let RotateToken { overlap_seconds } = rotate;
    let overlap = Duration::from_secs(overlap_seconds);
    let (challenge, challenge_token) = state.registry.challenge_rotate_token(&slug, overlap).await?;
    let challenge = show_now(&state, challenge).await?;
    Ok(Json(ChallengeCreated {
        challenge,
        challenge_token,
    }))
}

//! How the host is, for its operator.

use axum::extract::State;
use platform_admin_types::{ChallengeStatus, HostStatus, ReconcilerStatus};

use crate::{
    AdminState, ApiError, Json,
    health::breaker_view,
    view::{compiler_view, observed},
};

pub(crate) async fn show(State(state): State<AdminState>) -> Result<Json<HostStatus>, ApiError> {
    let challenges = state.registry.challenge_statuses().await?;
    let board = state.registry.board();
    let challenges = challenges.into_iter().map(|(slug, status)| {
        let observed = observed(board.observed(&slug));
        let breaker = breaker_view(&state.registry.health(&slug));
        let challenge = ChallengeStatus {
            status,
            observed,
            breaker,
        };
        (slug, challenge)
    });
    Ok(Json(HostStatus {
        version: state.version.to_owned(),
        started_at: state.started_at,
        reconciler: ReconcilerStatus {
            last_pass_at: board.last_pass_at,
            registry_readable: board.registry_readable,
        },
        compiler: compiler_view(state.registry.compiler_status()),
        challenges: challenges.collect(),
    }))
}

//! The breaker and the incidents of a challenge over HTTP.

use axum::extract::State;
use platform_admin_types::{BreakerState, BreakerView, ChallengeView, IncidentList, IncidentView};
use platform_registry::{self as registry, BreakerReport, Health, Incident};

use crate::{AdminState, ApiError, Json, challenges::show_now, slug::SlugPath};

pub(crate) async fn incidents(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<Json<IncidentList>, ApiError> {
    let slug = state.registry.challenge_get(&slug).await?.slug;
    let health = state.registry.health(&slug);
    Ok(Json(IncidentList {
        slug,
        incidents: health.incidents().into_iter().map(incident_view).collect(),
        counts: health.counts().collect(),
        busy: health.busy_count(),
    }))
}

pub(crate) async fn close(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<Json<ChallengeView>, ApiError> {
    let challenge = state.registry.challenge_resume(&slug).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) fn breaker_view(health: &Health) -> BreakerView {
    let BreakerReport { state, trips } = health.report();
    let state = match state {
        registry::BreakerState::Closed => BreakerState::Closed,
        registry::BreakerState::Open { until, reason } => BreakerState::Open {
            until,
            reason: reason.to_string(),
        },
        registry::BreakerState::HalfOpen { reason } => BreakerState::HalfOpen {
            reason: reason.to_string(),
        },
    };
    BreakerView {
        state,
        trips,
        last_incident: health.last_incident().map(incident_view),
    }
}

fn incident_view(incident: Incident) -> IncidentView {
    let Incident {
        kind,
        function,
        text,
        first_at,
        last_at,
        request_id,
        count,
    } = incident;
    IncidentView {
        kind,
        function,
        text: text.to_string(),
        first_at,
        last_at,
        request_id,
        count,
    }
}

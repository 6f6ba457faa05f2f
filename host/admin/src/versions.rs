//! Versions of a challenge over HTTP.

use axum::extract::State;
use platform_admin_types::{ChallengeView, RollBackChallenge, UpdateChallenge, VersionList, VersionView};
use platform_domain::{PinnedComponent, Version};
use platform_registry::Update;

use crate::{AdminState, ApiError, Json, challenges::show_now, slug::SlugPath};

pub(crate) async fn update(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
    Json(update): Json<UpdateChallenge>,
) -> Result<Json<ChallengeView>, ApiError> {
    let UpdateChallenge { component, grant, by } = update;
    let update = Update {
        reference: component,
        grant,
        by,
    };
    let challenge = state.registry.challenge_update(&slug, update).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn roll_back(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
    Json(back): Json<RollBackChallenge>,
) -> Result<Json<ChallengeView>, ApiError> {
    let RollBackChallenge { to, by } = back;
    let challenge = state.registry.challenge_roll_back(&slug, to, by).await?;
    show_now(&state, challenge).await.map(Json)
}

pub(crate) async fn list(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<Json<VersionList>, ApiError> {
    let versions = state.registry.challenge_versions(&slug).await?;
    Ok(Json(VersionList {
        versions: versions.into_iter().map(view).collect(),
    }))
}

fn view(version: Version) -> VersionView {
    let Version {
        pinned:
            PinnedComponent {
                reference,
                manifest,
                component,
            },
        version,
        change,
        by,
        at,
    } = version;
    VersionView {
        reference,
        manifest_digest: manifest,
        component_digest: component,
        version,
        change,
        by,
        at,
    }
}

//! Versions of a challenge over HTTP.

use axum::extract::State;
use platform_admin_types::{ChallengeView, RollBackChallenge, UpdateChallenge, VersionList, VersionView};
use platform_domain::{Artifact, PinnedComponent, Version};
use platform_registry::Update;

use crate::{AdminState, ApiError, Json, challenges::show_now, slug::SlugPath};

pub(crate) async fn update(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
    Json(update): Json<UpdateChallenge>,
) -> Result<Json<ChallengeView>, ApiError> {
    let UpdateChallenge {
        component,
        grant,
        version,
        by,
    } = update;
    let update = Update {
        reference: component,
        grant,
        version,
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
        versions: versions.into_iter().filter_map(view).collect(),
    }))
}

/// Every image is a reference to a registry, which may be one to a component as well.
fn view(version: Version) -> Option<VersionView> {
    let Version {
        artifact,
        version,
        change,
        by,
        at,
    } = version;
    let (reference, manifest_digest, component_digest) = match artifact {
        Artifact::Component(PinnedComponent {
            reference,
            manifest,
            component,
        }) => (reference, manifest, Some(component)),
        Artifact::Image(image) => {
            let reference = image.moving().unwrap_or_else(|| image.clone());
            (reference.to_string().parse().ok()?, image.digest(), None)
        }
    };
    Some(VersionView {
        reference,
        manifest_digest,
        component_digest,
        version,
        change,
        by,
        at,
    })
}

//! The host's content store, over HTTP.

use std::collections::BTreeSet;

use axum::extract::State;
use platform_admin_types::{CollectRequest, CollectView, ContentList, ContentView};
use platform_domain::Slug;
use platform_registry::{Collected, Content, ContentKind, KeptContent};

use crate::{AdminState, ApiError, Json};

pub(crate) async fn list(State(state): State<AdminState>) -> Result<Json<ContentList>, ApiError> {
    let KeptContent { quota, contents } = state.registry.content_list().await?;
    Ok(Json(ContentList {
        quota,
        bytes: contents.iter().map(|(content, _)| content.size).sum(),
        contents: contents
            .into_iter()
            .map(|(content, challenges)| view(content, challenges))
            .collect(),
    }))
}

pub(crate) async fn collect(
    State(state): State<AdminState>,
    Json(CollectRequest { dry_run }): Json<CollectRequest>,
) -> Result<Json<CollectView>, ApiError> {
    let collected = state.registry.content_collect(dry_run).await?;
    let removed_bytes = collected.removed_bytes();
    let Collected { removed, kept_bytes } = collected;
    Ok(Json(CollectView {
        dry_run,
        removed: removed
            .into_iter()
            .map(|content| view(content, BTreeSet::new()))
            .collect(),
        removed_bytes,
        kept_bytes,
    }))
}

fn view(content: Content, challenges: BTreeSet<Slug>) -> ContentView {
    let Content {
        digest,
        size,
        kind,
        fetched_at,
    } = content;
    ContentView {
        digest,
        size,
        kind: match kind {
            ContentKind::Signature => platform_admin_types::ContentKind::Signature,
            ContentKind::Manifest => platform_admin_types::ContentKind::Manifest,
            ContentKind::Config => platform_admin_types::ContentKind::Config,
            ContentKind::Component => platform_admin_types::ContentKind::Component,
        },
        fetched_at: fetched_at.into(),
        challenges,
    }
}

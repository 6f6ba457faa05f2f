//! The host's content store, over HTTP.

use std::collections::BTreeSet;

use axum::extract::State;
use platform_admin_types::{
    CollectRequest, CollectView, ContentList, ContentView, FetchedImageView, UnwantedImageView,
};
use platform_domain::Slug;
use platform_registry::{
    Cleared, Collected, CollectedImages, Content, ContentKind, FetchedImage, KeptContent, UnwantedImage,
};

use crate::{AdminState, ApiError, Json, state::unreached_view};

pub(crate) async fn list(State(state): State<AdminState>) -> Result<Json<ContentList>, ApiError> {
    let KeptContent {
        quota,
        contents,
        images,
    } = state.registry.content_list().await?;
    Ok(Json(ContentList {
        quota,
        bytes: contents.iter().map(|(content, _)| content.size).sum(),
        contents: contents
            .into_iter()
            .map(|(content, challenges)| view(content, challenges))
            .collect(),
        images: images
            .into_iter()
            .map(|(image, challenges)| fetched_view(image, challenges))
            .collect(),
    }))
}

pub(crate) async fn collect(
    State(state): State<AdminState>,
    Json(CollectRequest { dry_run }): Json<CollectRequest>,
) -> Result<Json<CollectView>, ApiError> {
    let Cleared { content, images } = state.registry.content_collect(dry_run).await?;
    let removed_bytes = content.removed_bytes();
    let Collected { removed, kept_bytes } = content;
    let CollectedImages {
        removed: images,
        unreached,
    } = images;
    Ok(Json(CollectView {
        dry_run,
        removed: removed
            .into_iter()
            .map(|content| view(content, BTreeSet::new()))
            .collect(),
        removed_bytes,
        kept_bytes,
        images: images.into_iter().map(unwanted_view).collect(),
        unreached: unreached.into_iter().map(unreached_view).collect(),
    }))
}

fn fetched_view(fetched: FetchedImage, challenges: BTreeSet<Slug>) -> FetchedImageView {
    let FetchedImage { server, image, at } = fetched;
    FetchedImageView {
        server,
        image,
        fetched_at: at,
        challenges,
    }
}

fn unwanted_view(unwanted: UnwantedImage) -> UnwantedImageView {
    let UnwantedImage { server, image, size } = unwanted;
    UnwantedImageView {
        server,
        image,
        size: size.0,
    }
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

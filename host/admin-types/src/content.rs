//! The host's content store and the images on engines: what there is, and removing what nobody needs.

use std::collections::BTreeSet;

use platform_domain::{ByteSize, Digest, GpuServerId, ImageRef, Slug, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::UnreachedView;

/// `GET /v1/admin/store`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentList {
    /// What it may hold.
    pub quota: ByteSize,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Everything, the largest first.
    pub contents: Vec<ContentView>,
    /// Images that engines have because the host had them fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<FetchedImageView>,
}

/// An image that an engine fetched for the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedImageView {
    /// The GPU server whose engine it is; absent: the host's own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<GpuServerId>,
    /// By its digest.
    pub image: ImageRef,
    /// When it was fetched, or last asked for.
    pub fetched_at: UnixSeconds,
    /// The challenges that run it, may go back to it, or whose jobs asked for it.
    pub challenges: BTreeSet<Slug>,
}

/// An image that was removed from an engine, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnwantedImageView {
    /// The GPU server whose engine it is; absent: the host's own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<GpuServerId>,
    /// By its digest.
    pub image: ImageRef,
    /// Bytes, with layers that other images may share and that stay then.
    pub size: u64,
}

/// Something in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentView {
    /// By its digest.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub kind: ContentKind,
    /// When it was last fetched.
    pub fetched_at: UnixSeconds,
    /// The challenges that are pinned to it.
    pub challenges: BTreeSet<Slug>,
}

/// What something in the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// Of the signatures of a manifest.
    Signature,
    /// An artifact's manifest.
    Manifest,
    /// An artifact's config.
    Config,
    /// A component.
    Component,
}

/// `POST /v1/admin/store/gc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectRequest {
    /// Only tell what would be removed.
    pub dry_run: bool,
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectView {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What no challenge is pinned to.
    pub removed: Vec<ContentView>,
    /// Bytes of it.
    pub removed_bytes: u64,
    /// Bytes of the rest.
    pub kept_bytes: u64,
    /// Images on engines that no challenge wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<UnwantedImageView>,
    /// Engines that could not be asked, or did not do all that they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<UnreachedView>,
}

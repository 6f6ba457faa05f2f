//! The host's content store: what it holds, and removing what nobody needs.

use std::collections::BTreeSet;

use platform_domain::{ByteSize, Digest, Slug, UnixSeconds};
use serde::{Deserialize, Serialize};

/// `GET /v1/admin/store`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentList {
    /// What it may hold.
    pub quota: ByteSize,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Everything, the largest first.
    pub contents: Vec<ContentView>,
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
}

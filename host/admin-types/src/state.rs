//! What challenges keep: how much, archives of it, its end.

use std::{collections::BTreeSet, path::PathBuf};

use platform_domain::{GpuServerId, Slug, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::optional::present;

/// `GET /v1/admin/state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateList {
    /// By slug.
    pub challenges: Vec<KeptStateView>,
    /// Engines that could not be asked, on which there may be volumes of these and other challenges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<UnreachedView>,
}

/// What there is of one challenge: on the disk of the host, and in volumes on engines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptStateView {
    /// Whose it is, or was.
    pub slug: Slug,
    /// Whether the challenge is registered; what is kept of others can be purged.
    pub registered: bool,
    /// Bytes of its data directory.
    pub data_bytes: u64,
    /// Bytes of its database, with its write-ahead log.
    pub database_bytes: u64,
    /// Bytes of its blobs.
    pub blob_bytes: u64,
    /// What its containers keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeView>,
}

/// A volume in which containers of a challenge keep something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeView {
    /// The GPU server on which it is; absent: the host's own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<GpuServerId>,
    /// What the engine calls it.
    pub name: String,
    /// Bytes in it; absent where the engine does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// An engine that could not be asked, or did not do all that it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreachedView {
    /// The GPU server; absent: the host's own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<GpuServerId>,
    /// Why.
    pub reason: String,
    /// What the person could do about it.
    pub hint: String,
}

/// `POST /v1/admin/state/backup` and `POST /v1/admin/state/restore`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveRequest {
    /// The archive, on the disk of the host. A backup makes it and never overwrites one.
    pub file: PathBuf,
    /// Whose state; all there is when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub challenges: Option<BTreeSet<Slug>>,
}

/// What a backup wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// The archive.
    pub file: PathBuf,
    /// When it was begun.
    pub made_at: UnixSeconds,
    /// What is in it.
    pub challenges: Vec<ArchivedView>,
}

/// What an archive holds of one challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedView {
    /// Whose it is.
    pub slug: Slug,
    /// How many files.
    pub files: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// What a restore put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreView {
    /// Whose state.
    pub challenges: Vec<Slug>,
}

/// What a purge removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeView {
    /// Whose state it was.
    pub slug: Slug,
    /// Bytes on the host's disk.
    pub bytes: u64,
    /// Volumes that its containers had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeView>,
    /// Engines on which something may be left: purge again when they are back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<UnreachedView>,
}

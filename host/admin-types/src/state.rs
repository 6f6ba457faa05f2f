//! What challenges keep: how much, archives of it, its end.

use std::{collections::BTreeSet, path::PathBuf};

use platform_domain::{Slug, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::optional::present;

/// `GET /v1/admin/state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateList {
    /// By slug.
    pub challenges: Vec<KeptStateView>,
}

/// What there is of one challenge on the disk.
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
    /// Bytes.
    pub bytes: u64,
}

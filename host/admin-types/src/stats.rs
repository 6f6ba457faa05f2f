//! What a challenge that runs uses.

use platform_domain::{GpuServerId, Slug, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{
    BlobUsageView, Client, ClientError, CodeView, DataUsageView, DatabaseUsageView, OutboundUsageView,
    client::challenge,
};

/// `GET /v1/admin/challenges/{slug}/stats`. What there is of it depends on what runs: a component or a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    /// Whose.
    pub slug: Slug,
    /// Since when it runs.
    pub since: UnixSeconds,
    /// What its container uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerStatsView>,
    /// Its compiled code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeView>,
    /// What it keeps in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataUsageView>,
    /// What it keeps in its database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseUsageView>,
    /// What it keeps as blobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blobs: Option<BlobUsageView>,
    /// What became of the requests that it sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<OutboundUsageView>,
}

/// What a container uses, as its engine sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatsView {
    /// The GPU server on which it is; absent: the host's own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<GpuServerId>,
    /// Its id on the engine.
    pub id: String,
    /// Processor time within the last second, in thousandths of a core; absent where the engine does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_milli: Option<u64>,
    /// Processor time since it was started, in milliseconds.
    pub cpu_ms: u64,
    /// Memory, without what is only cached of files.
    pub memory_bytes: u64,
    /// The most memory that it may have.
    pub max_memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// The most of those; 0 where the engine does not tell.
    pub max_pids: u64,
    /// Bytes that came in over its network since it was started.
    pub received_bytes: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
    /// Bytes that it read from disks since it was started.
    pub read_bytes: u64,
    /// Bytes that it wrote to disks.
    pub written_bytes: u64,
}

impl Client {
    /// What a challenge that runs uses.
    pub async fn challenge_stats(&self, slug: &Slug) -> Result<StatsView, ClientError> {
        self.get(&format!("{}/stats", challenge(slug))).await
    }
}

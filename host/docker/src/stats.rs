//! What a container uses at this moment.

use bollard::{models::ContainerStatsResponse, query_parameters::StatsOptions};
use futures_util::StreamExt as _;
use platform_domain::Timestamp;

use crate::{Engine, EngineError, limits::QUESTION, observed::moment, refusal::Subject, spec::check_name};

/// What a container uses. All zero where it does not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// When the engine looked, by its own clock.
    pub at: Option<Timestamp>,
    /// Processor time since it was started, in nanoseconds; two looks at it give the load.
    pub cpu_nanos: u64,
    /// Memory, without what is only cached of files and can be taken away.
    pub memory: u64,
    /// The most memory that it may have.
    pub memory_limit: u64,
    /// Processes and threads.
    pub pids: u64,
    /// The most of those that it may have; 0 where the engine does not tell.
    pub pids_limit: u64,
    /// Bytes that came in over its network.
    pub received: u64,
    /// Bytes that went out over its network.
    pub sent: u64,
    /// Bytes that it read from disks.
    pub read: u64,
    /// Bytes that it wrote to disks.
    pub written: u64,
}

impl Engine {
    /// Looks once.
    pub async fn stats(&self, container: &str) -> Result<Stats, EngineError> {
        check_name(container, "the name of a container")?;
        let docker = self.docker().await?;
        let options = StatsOptions {
            stream: false,
            // Without waiting a second for a second look.
            one_shot: true,
        };
        let mut answers = docker.stats(container, Some(options));
        let first = async { answers.next().await.transpose() };
        let first = self
            .within(QUESTION, Subject::Container(container), first)
            .await?;
        first
            .map(stats)
            .ok_or_else(|| EngineError::protocol("no statistics"))
    }
}

fn stats(found: ContainerStatsResponse) -> Stats {
    let memory = found.memory_stats.unwrap_or_default();
    let details = memory.stats.unwrap_or_default();
    // The first is of cgroups in version 1, the second of those in version 2.
    let cached = details
        .get("total_inactive_file")
        .or_else(|| details.get("inactive_file"));
    let networks = found.networks.unwrap_or_default();
    let sum = |bytes: fn(&bollard::models::ContainerNetworkStats) -> Option<u64>| {
        let all = networks.values().filter_map(bytes);
        all.fold(0, u64::saturating_add)
    };
    let moved = found.blkio_stats.unwrap_or_default();
    let moved = moved.io_service_bytes_recursive.unwrap_or_default();
    // The words begin with a capital letter where cgroups are of version 1.
    let disk = |word: &str| {
        let of_word = moved
            .iter()
            .filter(|entry| entry.op.as_ref().is_some_and(|op| op.eq_ignore_ascii_case(word)));
        of_word
            .filter_map(|entry| entry.value)
            .fold(0, u64::saturating_add)
    };
    let pids = found.pids_stats.unwrap_or_default();
    let usage = found.cpu_stats.unwrap_or_default().cpu_usage.unwrap_or_default();
    Stats {
        at: found.read.as_deref().and_then(moment),
        cpu_nanos: usage.total_usage.unwrap_or_default(),
        memory: memory
            .usage
            .unwrap_or_default()
            .saturating_sub(cached.copied().unwrap_or_default()),
        memory_limit: memory.limit.unwrap_or_default(),
        pids: pids.current.unwrap_or_default(),
        pids_limit: pids.limit.unwrap_or_default(),
        received: sum(|network| network.rx_bytes),
        sent: sum(|network| network.tx_bytes),
        read: disk("read"),
        written: disk("write"),
    }
}

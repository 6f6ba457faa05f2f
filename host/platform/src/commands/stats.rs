//! `platform challenge stats`: what a challenge that runs uses.

use platform_admin_types::{ContainerStatsView, StatsView};
use platform_domain::{ByteSize, Timestamp};

use crate::output::mebibytes;

pub(super) fn stats_text(stats: &StatsView) -> String {
    let StatsView {
        slug,
        since,
        container,
        code,
        data,
        database,
        blobs,
        outbound,
    } = stats;
    let since = Timestamp::from_millis(since.0.saturating_mul(1000));
    let of = |bytes: u64, most: u64| format!("{} of {}", mebibytes(bytes), ByteSize(most));
    let mut lines = vec![format!("{slug} runs since {since}")];
    lines.extend(container.iter().flat_map(container_lines));
    lines.extend(code.map(|code| format!("code       {}", mebibytes(code.bytes))));
    lines.extend(data.map(|data| {
        let files = format!("{} of {} files", data.files, data.max_files);
        format!("files      {}, {files}", of(data.bytes, data.max_bytes))
    }));
    lines.extend(database.map(|usage| format!("database   {}", of(usage.bytes, usage.max_bytes))));
    lines.extend(blobs.map(|usage| format!("blobs      {}", of(usage.bytes, usage.max_bytes))));
    lines.extend(outbound.as_ref().map(|usage| {
        format!(
            "requests   {} answered, {} refused, {} failed since its start",
            usage.answered, usage.refused, usage.failed
        )
    }));
    lines.join("\n")
}

fn container_lines(container: &ContainerStatsView) -> [String; 6] {
    let ContainerStatsView {
        server,
        id,
        cpu_milli,
        cpu_ms,
        memory_bytes,
        max_memory_bytes,
        pids,
        max_pids,
        received_bytes,
        sent_bytes,
        read_bytes,
        written_bytes,
    } = container;
    let short: String = id.chars().take(12).collect();
    let place = server
        .as_ref()
        .map_or("here".to_owned(), |server| format!("on {server}"));
    let cpu = cpu_milli.map(|milli| format!("{:.2} cores now, ", milli as f64 / 1000.0));
    let most = if *max_pids > 0 {
        format!(" of {max_pids}")
    } else {
        String::new()
    };
    [
        format!("container  {short} {place}"),
        format!(
            "cpu        {}{:.1} s since its start",
            cpu.unwrap_or_default(),
            *cpu_ms as f64 / 1000.0
        ),
        format!(
            "memory     {} of {}",
            mebibytes(*memory_bytes),
            ByteSize(*max_memory_bytes)
        ),
        format!("processes  {pids}{most}"),
        format!(
            "network    {} in, {} out",
            mebibytes(*received_bytes),
            mebibytes(*sent_bytes)
        ),
        format!(
            "disks      {} read, {} written",
            mebibytes(*read_bytes),
            mebibytes(*written_bytes)
        ),
    ]
}

#[cfg(test)]
mod tests;

//! What is shown, and what is left out.

use platform_domain::UnixSeconds;

use super::*;

#[test]
fn what_is_not_known_is_left_out() {
    let mut container = ContainerStatsView {
        server: None,
        id: "0123456789abcdef".into(),
        cpu_milli: Some(1250),
        cpu_ms: 90_500,
        memory_bytes: 3 << 20,
        max_memory_bytes: 64 << 20,
        pids: 4,
        max_pids: 99,
        received_bytes: 1 << 20,
        sent_bytes: 0,
        read_bytes: 0,
        written_bytes: 2 << 20,
    };
    let mut stats = StatsView {
        slug: "tours".parse().unwrap(),
        since: UnixSeconds(0),
        container: Some(container.clone()),
        code: None,
        data: None,
        database: None,
        blobs: None,
        outbound: None,
    };
    let expected = "tours runs since 1970-01-01T00:00:00.000Z
container  0123456789ab here
cpu        1.25 cores now, 90.5 s since its start
memory     3.0 MiB of 64MiB
processes  4 of 99
network    1.0 MiB in, 0.0 MiB out
disks      0.0 MiB read, 2.0 MiB written";
    assert_eq!(stats_text(&stats), expected);
    container.server = Some("gpu-1".parse().unwrap());
    (container.cpu_milli, container.max_pids) = (None, 0);
    stats.container = Some(container);
    let text = stats_text(&stats);
    assert!(
        text.contains("0123456789ab on gpu-1\ncpu        90.5 s since"),
        "{text}"
    );
    assert!(text.contains("processes  4\n"), "{text}");
}

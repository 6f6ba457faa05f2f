//! Jobs that want more than they were given, and archives that are none.

use platform_domain::ByteSize;
use platform_jobs::{JobError, JobNetwork, Refused};

use crate::fixture::{Host, asks, config, file, input, own, packed};

fn said(result: &platform_jobs::JobResult) -> String {
    String::from_utf8_lossy(&result.outcome.stdout).trim().to_owned()
}

#[tokio::test]
async fn processes_memory_time_and_output_end_at_their_limits() {
    let host = Host::start().await;
    let mut bomb = asks("bomb", &["try", "processes"]);
    bomb.limits.pids = Some(20);
    let bomb = host.run(bomb).await;
    assert!(said(&bomb).contains("temporarily unavailable"), "{}", said(&bomb));
    let mut hog = asks("hog", &["try", "memory"]);
    hog.limits.memory = Some(ByteSize(64 << 20));
    let hog = host.run(hog).await.outcome;
    assert_eq!((hog.exit_code, hog.oom, hog.timed_out), (137, true, false));
    let flood = host
        .run(asks("flood", &["try", "flood", "5000000"]))
        .await
        .outcome;
    assert_eq!(
        (flood.stdout.len(), flood.stderr.len(), flood.exit_code),
        (64_000, 64_000, 0)
    );
    for (job, words) in [("sleep", ["try", "sleep"]), ("spin", ["try", "computing"])] {
        let mut late = asks(job, &words);
        late.timeout_seconds = Some(1);
        let late = host.run(late).await.outcome;
        assert_eq!((late.exit_code, late.timed_out), (124, true), "{job}");
    }
    host.nothing_is_left();
}

#[tokio::test]
async fn a_job_is_nobody_sees_nothing_and_reaches_nobody() {
    let host = Host::start().await;
    for (job, words, expected) in [
        ("root", "try status", "Uid: 65532"),
        ("caps", "try status", "CapBnd: 0000000000000000"),
        ("write", "try write-root", "could not: Read-only file system"),
        ("exec", "try exec-tmp", "could not: Permission denied"),
        (
            "reach",
            "try reach 192.0.2.1:80",
            "could not: Network is unreachable",
        ),
        ("socket", "show /var/run/docker.sock", ""),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let result = host.run(asks(job, &words)).await;
        assert!(said(&result).contains(expected), "{job}: {}", said(&result));
        if job == "socket" {
            assert_ne!(result.outcome.exit_code, 0);
        }
    }
    host.nothing_is_left();
}

#[tokio::test]
async fn an_archive_that_reaches_out_of_itself_is_refused_before_anything_is_made() {
    let host = Host::start().await;
    let link = |kind: tar::EntryType, to: &str| {
        packed(|tar| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            tar.append_link(&mut header, "link", to).unwrap();
        })
    };
    let device = packed(|tar| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Char);
        header.set_size(0);
        tar.append_data(&mut header, "null", &[][..]).unwrap();
    });
    let bomb = packed(|tar| {
        let zeros = vec![0; 16 << 20];
        for n in 0..9 {
            file(tar, &format!("{n}"), &zeros);
        }
    });
    for (name, archive) in [
        ("above", packed(|tar| file(tar, "../above", b"x"))),
        ("deep", packed(|tar| file(tar, "a/../../above", b"x"))),
        ("absolute", packed(|tar| file(tar, "/etc/cron.d/x", b"x"))),
        ("symlink", link(tar::EntryType::Symlink, "/etc")),
        ("hard", link(tar::EntryType::Link, "/etc/hostname")),
        ("device", device),
        ("bomb", bomb),
        ("none", b"no archive".to_vec()),
        ("empty", Vec::new()),
    ] {
        let mut request = asks(name, &["try", "nothing"]);
        request.inputs = vec![input("/in", archive)];
        let error = host.jobs.run(&own(), request).await.unwrap_err();
        assert!(
            matches!(error, JobError::Refused(Refused::Archive(_))),
            "{name}: {error:?}"
        );
    }
    assert!(host.jobs.list(None).await.unwrap().is_empty());
    host.nothing_is_left();
}

#[tokio::test]
async fn only_who_was_granted_it_reaches_the_world_and_alone() {
    let mut config = config();
    config.network = [own()].into();
    let host = Host::start_with(config).await;
    let wants = |job: &str, words: &[&str]| {
        let mut request = asks(job, words);
        request.network = JobNetwork::World;
        request
    };
    // There is a way out; whether somebody is there is another matter. Without it, the same says that there is none.
    let result = host.run(wants("out", &["show", "/proc/net/route"])).await;
    assert!(said(&result).contains("eth0\t00000000\t"), "{}", said(&result));
    let result = host.run(asks("in", &["show", "/proc/net/route"])).await;
    assert!(!said(&result).contains("eth0"), "{}", said(&result));
    let refused = host
        .jobs
        .run(&crate::fixture::other(), wants("out", &["try", "nothing"]))
        .await;
    assert!(
        matches!(refused, Err(JobError::Refused(Refused::Network))),
        "{refused:?}"
    );
    // Also of one that is cut off in the middle.
    let id = host
        .jobs
        .submit(&own(), wants("long", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_running(1).await;
    host.jobs.cancel(None, &id).await.unwrap();
    host.nothing_is_left();
}

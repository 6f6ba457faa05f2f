//! What cannot be asked for: each is refused by its name, and nothing is written down.

use platform_domain::{ByteSize, GpuRequest};
use platform_jobs::{JobError, JobRequest};

use crate::fixture::{Host, asks, config, input, own};

type Change = fn(&mut JobRequest);

#[tokio::test]
async fn what_is_beyond_the_ceilings_is_refused_by_name() {
    let mut config = config();
    config.ceilings.timeout = std::time::Duration::from_secs(100);
    let host = Host::start_with(config).await;
    let changes: [(&str, Change); 24] = [
        ("cpus", |r| r.limits.milli_cpus = Some(2_001)),
        ("processor time", |r| r.limits.milli_cpus = Some(0)),
        ("memory is 4294967297, and at most 4GiB", |r| {
            r.limits.memory = Some(ByteSize((4 << 30) + 1))
        }),
        ("memory", |r| r.limits.memory = Some(ByteSize(1))),
        ("pids_limit is 513, and at most 512", |r| {
            r.limits.pids = Some(513)
        }),
        ("processes", |r| r.limits.pids = Some(0)),
        ("timeout_seconds is 0", |r| r.timeout_seconds = Some(0)),
        ("timeout_seconds is 101", |r| r.timeout_seconds = Some(101)),
        ("timeout_seconds", |r| r.timeout_seconds = Some(u64::MAX)),
        ("image is not allowed", |r| {
            r.image = "test.local/jobs-evil/x:1".parse().unwrap()
        }),
        ("image is not allowed", |r| {
            r.image = "evil.example/test.local/jobs/x:1".parse().unwrap()
        }),
        ("unsafe Docker image", |r| {
            r.image = "Test.local/jobs/x:1".parse().unwrap()
        }),
        ("command", |r| r.command.clear()),
        ("command", |r| r.command = vec!["a\0b".into()]),
        ("working directory", |r| r.workdir = Some("relative".into())),
        ("platform.owner", |r| {
            drop(r.labels.insert("platform.owner".into(), "x".into()))
        }),
        ("PLATFORM.component", |r| {
            drop(r.labels.insert("PLATFORM.component".into(), "challenge".into()))
        }),
        ("label", |r| drop(r.labels.insert(String::new(), "x".into()))),
        ("A=B", |r| drop(r.env.insert("A=B".into(), "x".into()))),
        ("NVIDIA_VISIBLE_DEVICES", |r| {
            drop(r.env.insert("NVIDIA_VISIBLE_DEVICES".into(), "all".into()))
        }),
        ("GPUs are not given", |r| {
            r.gpus = Some(GpuRequest::of(1, None, Default::default()).unwrap())
        }),
        ("LARGE", |r| {
            drop(r.env.insert("LARGE".into(), "x".repeat(1 << 17)))
        }),
        ("mounts", |r| {
            r.inputs = (0..5).map(|n| input(&format!("/in{n}"), Vec::new())).collect()
        }),
        ("mounts", |r| {
            r.inputs = vec![input("/in", vec![0; (64 << 20) + 1])]
        }),
    ];
    for (word, change) in changes {
        let mut request = asks("a", &["try", "nothing"]);
        change(&mut request);
        let error = host.jobs.run(&own(), request).await.unwrap_err();
        assert!(matches!(error, JobError::Refused(_)), "{word}: {error:?}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    assert!(host.jobs.list(None).await.unwrap().is_empty());
    host.nothing_is_left();
}

#[tokio::test]
async fn who_says_nothing_gets_the_usual_or_the_ceiling_and_labels_mean_nothing_to_others() {
    let mut config = config();
    config.ceilings.memory = ByteSize(64 << 20);
    config.ceilings.pids = 20;
    let host = Host::start_with(config).await;
    let mut request = asks("a", &["try", "sleep"]);
    request.timeout_seconds = None;
    request.labels.insert("traefik.enable".into(), "true".into());
    let id = host.jobs.submit(&own(), request).await.unwrap();
    let names = host.until_running(1).await;
    let seen = host.engine.inspect(&names[0]).await.unwrap();
    assert_eq!(seen.labels["job.traefik.enable"], "true");
    assert!(!seen.labels.contains_key("traefik.enable"));
    assert_eq!(seen.labels["platform.challenge.slug"], "own");
    let format = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}} {{.HostConfig.Privileged}} \
        {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.NetworkMode}} {{.Mounts}}";
    let shown = crate::fixture::shared().docker(&["inspect", "--format", format, &names[0]]);
    assert_eq!(shown, "67108864 20 2000000000 false true none []");
    host.jobs.cancel(None, &id).await.unwrap();
    host.nothing_is_left();
}

#[tokio::test]
async fn without_rules_for_images_nothing_runs() {
    let mut config = config();
    config.images = Default::default();
    let host = Host::start_with(config).await;
    let error = host
        .jobs
        .run(&own(), asks("a", &["try", "nothing"]))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "Docker image is not allowed");
}

//! Jobs with GPUs, on an engine that takes itself for one with GPUs: what each gets, that none is given twice, and that all are given back
//! when the container is gone and not before.

use std::{fs, os::unix::fs::symlink, time::Duration};

use platform_docker::Kind;
use platform_domain::{JobState, LeaseState, UnixSeconds};
use platform_jobs::{JobError, JobStatus, Refused};
use platform_store::{gpu_leases, gpu_servers};
use tokio::time::timeout;

use crate::{
    fixture::{Host, PATIENCE, asks, other, own, shared},
    servers::{allowed, on, with, with_gpus},
};

#[tokio::test]
async fn a_job_has_the_gpus_that_it_was_given_on_their_server_and_no_others() {
    let host = Host::start_with(allowed()).await;
    host.server("gpu-1", &with_gpus().endpoint, "l4:1,a100:2").await;
    let result = host
        .run(with(2, "a100", "a", &["show", "/proc/self/environ"]))
        .await;
    let seen = String::from_utf8_lossy(&result.outcome.stdout).into_owned();
    let variables: Vec<&str> = seen.split('\0').collect();
    assert!(variables.contains(&"NVIDIA_VISIBLE_DEVICES=1,2"), "{variables:?}");
    let (row, _) = host.jobs.show(&result.id).await.unwrap();
    let place = row.gpus.unwrap();
    assert_eq!(
        (row.gpu_count, place.server.as_str(), place.devices),
        (Some(2), "gpu-1", [1, 2].into())
    );
    assert!(host.leases().await.is_empty());
    // What the engine is asked for, while it runs.
    let id = host
        .jobs
        .submit(&own(), with(1, "l4", "b", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_on_server(1).await;
    let name = host.jobs.container_name(&own(), &id);
    let asked = with_gpus().docker(&[
        "inspect",
        "--format",
        "{{json .HostConfig.DeviceRequests}}",
        &name,
    ]);
    let expected = r#"[{"Driver":"","Count":0,"DeviceIDs":["0"],"Capabilities":[["gpu"]],"Options":null}]"#;
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    let [one] = asked.as_array().unwrap().as_slice() else {
        panic!("{asked}")
    };
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    for key in ["Driver", "Count", "DeviceIDs", "Capabilities"] {
        assert_eq!(one[key], expected[0][key], "{key}: {asked}");
    }
    let [lease] = &host.leases().await[..] else {
        panic!("no lease")
    };
    assert_eq!(
        (lease.job.as_ref(), &lease.holder, lease.state),
        (Some(&id), &own(), LeaseState::Held)
    );
    // Whoever tidies up after challenges takes it for nobody's.
    let engines =
        platform_fleet::Engines::new(host.store.clone(), host.dir.path().join("key"), None).unwrap();
    let owner = host.config.owner.clone();
    let fleet = platform_fleet::Fleet::new(host.store.clone(), engines, owner, Duration::from_secs(1), None);
    fleet.tidy(|_| false).await.unwrap();
    fleet.stop(&own()).await.unwrap();
    assert_eq!(host.leases().await.len(), 1);
    host.until_on_server(1).await;
    host.jobs.cancel(None, &id).await.unwrap();
    assert!(host.leases().await.is_empty());
    host.nothing_is_left_on_server();
    // Without GPUs it runs here, and sees none.
    let result = host.run(asks("c", &["show", "/proc/self/environ"])).await;
    let seen = String::from_utf8_lossy(&result.outcome.stdout).into_owned();
    assert!(
        seen.split('\0').any(|one| one == "NVIDIA_VISIBLE_DEVICES=void"),
        "{seen}"
    );
    host.nothing_is_left();
}

#[tokio::test]
async fn no_gpu_is_given_twice_and_who_waits_for_one_comes_when_it_is_free() {
    let mut config = allowed();
    config.quotas.at_once = 9;
    config.quotas.at_once_per_challenge = 9;
    let host = Host::start_with(config).await;
    host.server("gpu-1", &with_gpus().endpoint, "a100:2").await;
    let submit = async |slug, job: &str| {
        let request = with(1, "", job, &["try", "sleep"]);
        host.jobs.submit(&slug, request).await.unwrap()
    };
    let (one, two) = (submit(own(), "one").await, submit(other(), "two").await);
    host.until_on_server(2).await;
    let three = submit(own(), "three").await;
    let waits = host.until(&three, JobState::Queued, true).await;
    let reason = waits.reason.unwrap();
    assert!(
        reason.contains("gpu-1: gpu_capacity_insufficient: wants 1, has 0 free of 2"),
        "{reason}"
    );
    // It keeps nobody from running who wants no GPU.
    host.run(asks("none", &["try", "nothing"])).await;
    host.jobs.cancel(None, &two).await.unwrap();
    let runs = host.until(&three, JobState::Running, false).await;
    assert_eq!((runs.gpus.unwrap().devices, runs.reason), ([1].into(), None));
    let held: Vec<_> = host
        .leases()
        .await
        .iter()
        .flat_map(|lease| lease.devices.clone())
        .collect();
    assert!(
        held.len() == 2 && held.contains(&0) && held.contains(&1),
        "{held:?}"
    );
    // One that waits can be cancelled too.
    let four = submit(own(), "four").await;
    host.until(&four, JobState::Queued, true).await;
    for id in [four, one, three] {
        host.jobs.cancel(Some(&own()), &id).await.unwrap();
        assert_eq!(host.jobs.status(&own(), &id).await.unwrap(), JobStatus::Cancelled);
    }
    // What ends by itself, and what is over its time, gives them back too.
    host.run(with(2, "", "ends", &["say", "out", "", "7"])).await;
    let mut late = with(2, "", "late", &["try", "sleep"]);
    late.timeout_seconds = Some(1);
    assert!(host.run(late).await.outcome.timed_out);
    assert!(host.leases().await.is_empty());
    host.nothing_is_left_on_server();
    host.nothing_is_left();
}

#[tokio::test]
async fn what_no_server_has_is_refused_and_what_none_gives_fails_with_the_reason() {
    let none = Host::start().await;
    let refused = none
        .jobs
        .submit(&own(), with(1, "", "a", &["try", "nothing"]))
        .await;
    assert!(
        matches!(refused, Err(JobError::Refused(Refused::NoGpus))),
        "{refused:?}"
    );
    let mut config = allowed();
    config.quotas.gpu_wait = Duration::ZERO;
    let host = Host::start_with(config).await;
    let submit = async |count, kind: &str| {
        let request = with(count, kind, "a", &["try", "nothing"]);
        host.jobs.run(&own(), request).await.unwrap_err()
    };
    let error = submit(1, "").await;
    assert!(
        matches!(error, JobError::Refused(Refused::NoGpuServer)),
        "{error:?}"
    );
    // An engine without NVIDIA's toolkit.
    host.server("here", &shared().endpoint, "a100:2").await;
    let error = submit(3, "").await;
    assert!(
        matches!(error, JobError::Refused(Refused::Gpus { asked: 3, most: 2 })),
        "{error:?}"
    );
    let error = submit(1, "h100").await;
    assert!(
        matches!(error, JobError::Refused(Refused::NoGpuServer)),
        "{error:?}"
    );
    assert!(
        !error.to_string().contains("here"),
        "which servers there are is not theirs to know"
    );
    assert!(host.jobs.list(None).await.unwrap().is_empty());
    let error = submit(2, "a100").await;
    assert!(
        matches!(&error, JobError::Failed(reason) if reason.contains("could not give its container the GPUs")),
        "{error:?}"
    );
    assert!(host.leases().await.is_empty());
    // All of them are somebody else's, and it may not wait.
    let hold = |connection: &platform_store::Connection| {
        let placement = platform_domain::Placement {
            server: "here".parse().unwrap(),
            devices: [0].into(),
        };
        let id = "of-the-challenge".parse().unwrap();
        gpu_leases::acquire(connection, &id, &other(), &placement, UnixSeconds(1))
    };
    host.store.write("test", hold).await.unwrap();
    let error = submit(2, "a100").await;
    assert!(
        matches!(&error, JobError::Failed(reason) if reason.starts_with("gpu_capacity_insufficient: 2")),
        "{error:?}"
    );
    host.jobs.reap().await.unwrap();
    assert_eq!(host.leases().await.len(), 1, "a challenge's own");
    host.nothing_is_left();
}

#[test]
fn what_a_killed_host_ran_with_gpus_is_removed_and_its_gpus_given_back() {
    let (config, dir) = (allowed(), tempfile::tempdir().unwrap());
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let killed = runtime();
    let (id, dir) = killed.block_on(async {
        let host = Host::start_in(dir, config.clone()).await;
        host.server("gpu-1", &with_gpus().endpoint, "a100:2").await;
        let request = with(2, "", "long", &["try", "sleep"]);
        let id = host.jobs.submit(&own(), request).await.unwrap();
        host.until_on_server(1).await;
        (id, host.dir)
    });
    killed.shutdown_background();
    runtime().block_on(async {
        let host = Host::start_in(dir, config).await;
        assert_eq!(host.leases().await.len(), 1);
        let swept = host.jobs.reap().await.unwrap();
        assert_eq!((swept.lost, swept.containers.len()), (vec![id.clone()], 1));
        assert!(host.leases().await.is_empty());
        host.nothing_is_left_on_server();
        assert_eq!(host.jobs.status(&own(), &id).await.unwrap(), JobStatus::Lost);
        assert_eq!(host.jobs.reap().await.unwrap(), Default::default());
    });
}

#[tokio::test]
async fn gpus_of_a_server_that_is_lost_expire_and_are_given_back_when_it_is_found_and_cleared() {
    let host = Host::start_with(allowed()).await;
    // A way to the engine that can be cut.
    let way = host.dir.path().join("way.sock");
    let socket = with_gpus().endpoint.trim_start_matches("unix://").to_owned();
    symlink(&socket, &way).unwrap();
    host.server("gpu-1", &format!("unix://{}", way.display()), "a100:1")
        .await;
    let id = host
        .jobs
        .submit(&own(), with(1, "", "long", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_on_server(1).await;
    host.until(&id, JobState::Running, false).await;
    fs::remove_file(&way).unwrap();
    timeout(PATIENCE, host.jobs.cancel(None, &id))
        .await
        .unwrap()
        .unwrap();
    let state = async || host.leases().await.first().map(|lease| lease.state);
    assert_eq!(state().await, Some(LeaseState::Expired), "it may still run there");
    // Nobody gets it meanwhile, and the challenge does not go before it.
    let waits = with(1, "", "waits", &["try", "nothing"]);
    let waits = host.jobs.submit(&own(), waits).await.unwrap();
    let reason = host.until(&waits, JobState::Queued, true).await.reason.unwrap();
    assert!(reason.contains("gpu_server_lost"), "{reason}");
    assert_eq!(host.jobs.reap().await.unwrap(), Default::default());
    assert_eq!(state().await, Some(LeaseState::Expired));
    symlink(&socket, &way).unwrap();
    let found =
        |connection: &platform_store::Connection| gpu_servers::found(connection, &"gpu-1".parse().unwrap());
    host.store.write("test", found).await.unwrap();
    assert_eq!(host.jobs.reap().await.unwrap().containers.len(), 1);
    host.until(&waits, JobState::Done, false).await;
    assert!(host.leases().await.is_empty());
    assert!(
        on(&way)
            .list(&host.config.owner, Kind::Job)
            .await
            .unwrap()
            .is_empty()
    );
    host.nothing_is_left_on_server();
}

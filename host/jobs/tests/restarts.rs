//! A host that is killed, one that stops, and challenges that go.

use std::time::{Duration, Instant};

use platform_domain::JobState;
use platform_jobs::{JobError, JobStatus, Jobs};
use platform_store::{StoreError, challenges};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Host, PATIENCE, asks, config, file, input, own, packed, unlike_any};

#[test]
fn what_a_killed_host_had_under_way_is_lost_and_removed_and_what_was_done_is_kept() {
    let config = {
        let mut config = config();
        config.network = [own()].into();
        config
    };
    let dir = tempfile::tempdir().unwrap();
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let killed = runtime();
    let (kept, dir) = killed.block_on(async {
        let host = Host::start_in(dir, config.clone()).await;
        let kept = host.run(unlike_any("done")).await;
        let mut long = asks("long", &["try", "sleep"]);
        long.network = platform_jobs::JobNetwork::World;
        long.inputs = vec![input("/in", packed(|tar| file(tar, "a", b"b")))];
        host.jobs.submit(&own(), long).await.unwrap();
        host.jobs
            .submit(&own(), asks("second", &["try", "sleep"]))
            .await
            .unwrap();
        host.jobs
            .submit(&own(), asks("waits", &["try", "sleep"]))
            .await
            .unwrap();
        host.until_running(2).await;
        (kept, host.dir)
    });
    // As a kill does: nothing of it is polled again.
    killed.shutdown_background();
    runtime().block_on(async {
        let host = Host::start_in(dir, config).await;
        // Before anything was looked for, what is kept is right already.
        assert_eq!(host.run(unlike_any("done")).await, kept);
        let swept = host.jobs.reap().await.unwrap();
        assert_eq!((swept.lost.len(), swept.containers.len()), (3, 3), "{swept:?}");
        host.nothing_is_left();
        for id in &swept.lost {
            assert_eq!(host.jobs.status(&own(), id).await.unwrap(), JobStatus::Lost);
        }
        let again = host
            .jobs
            .run(&own(), asks("waits", &["try", "sleep"]))
            .await
            .unwrap_err();
        assert!(matches!(again, JobError::Lost), "{again:?}");
        assert_eq!(host.jobs.reap().await.unwrap(), Default::default());
        host.run(asks("new", &["try", "nothing"])).await;
    });
}

#[tokio::test]
async fn a_sweep_leaves_alone_what_is_under_way() {
    let host = Host::start().await;
    let id = host
        .jobs
        .submit(&own(), asks("a", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_running(1).await;
    assert_eq!(host.jobs.reap().await.unwrap(), Default::default());
    assert_eq!(host.jobs.status(&own(), &id).await.unwrap(), JobStatus::Running);
    // Another host on the same engine has another owner.
    let neighbour = Host::start().await;
    assert_eq!(neighbour.jobs.reap().await.unwrap(), Default::default());
    host.until_running(1).await;
    host.jobs.cancel(None, &id).await.unwrap();
    host.nothing_is_left();
}

#[tokio::test]
async fn a_stop_lets_short_jobs_end_and_cuts_the_others_off() {
    let host = Host::start().await;
    let stop = CancellationToken::new();
    let (jobs, token): (Jobs, _) = (host.jobs.clone(), stop.clone());
    let mut keeping = tokio::task::JoinSet::new();
    keeping.spawn(async move { jobs.keep(token).await });
    let long = host
        .jobs
        .submit(&own(), asks("long", &["try", "sleep"]))
        .await
        .unwrap();
    let mut short = asks("short", &["try", "sleep"]);
    short.timeout_seconds = Some(2);
    let short = host.jobs.submit(&own(), short).await.unwrap();
    let waits = host
        .jobs
        .submit(&own(), asks("waits", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_running(2).await;
    let begun = Instant::now();
    stop.cancel();
    keeping.join_next().await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    let status = async |id| host.jobs.status(&own(), id).await.unwrap();
    assert!(matches!(status(&short).await, JobStatus::Done(outcome) if outcome.timed_out));
    assert_eq!(
        (status(&long).await, status(&waits).await),
        (JobStatus::Lost, JobStatus::Lost)
    );
    host.nothing_is_left();
    let error = host
        .jobs
        .run(&own(), asks("late", &["try", "nothing"]))
        .await
        .unwrap_err();
    assert!(matches!(error, JobError::Stopping), "{error:?}");
}

#[tokio::test]
async fn jobs_of_a_challenge_that_is_deleted_end() {
    let host = Host::start().await;
    let running = host
        .jobs
        .submit(&own(), asks("a", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_running(1).await;
    let delete = |connection: &platform_store::Connection| {
        challenges::delete(connection, &own())?;
        Ok::<_, StoreError>(())
    };
    host.store.write("test", delete).await.unwrap();
    host.jobs.reap().await.unwrap();
    let gone = host.jobs.status(&own(), &running).await.unwrap_err();
    assert!(matches!(gone, JobError::NotFound), "{gone:?}");
    let removed = async {
        host.until_running(0).await;
        host.jobs.stop().await;
    };
    tokio::time::timeout(PATIENCE, removed).await.unwrap();
    host.nothing_is_left();
    let error = Host::start_in(host.dir, host.config).await;
    assert!(
        error
            .jobs
            .list(None)
            .await
            .unwrap()
            .iter()
            .all(|row| row.state != JobState::Running)
    );
}

#[tokio::test]
async fn a_challenge_that_is_none_hands_in_nothing() {
    let host = Host::start().await;
    let nobody = "nobody".parse().unwrap();
    let error = host
        .jobs
        .run(&nobody, asks("a", &["try", "nothing"]))
        .await
        .unwrap_err();
    assert!(matches!(error, JobError::NoChallenge(slug) if slug == nobody));
    host.nothing_is_left();
}

//! How many jobs there may be, and that nobody has them all.

use std::time::Duration;

use platform_jobs::{Busy, JobError, JobStatus, Quotas};

use crate::fixture::{Host, asks, config, other, own, unlike_any};

#[tokio::test]
async fn every_room_is_bounded_and_says_when_to_come_again() {
    let mut config = config();
    config.quotas = Quotas {
        at_once: 2,
        at_once_per_challenge: 1,
        waiting: 3,
        waiting_per_challenge: 2,
        per_hour: 99,
        ..config.quotas
    };
    let host = Host::start_with(config).await;
    let submit = async |slug: platform_domain::Slug, job: &str| {
        host.jobs.submit(&slug, asks(job, &["try", "sleep"])).await
    };
    for job in ["runs", "waits-1", "waits-2"] {
        submit(own(), job).await.unwrap();
    }
    let full = submit(own(), "too-many").await.unwrap_err();
    assert!(
        matches!(full, JobError::Busy { why: Busy::ChallengeWaits, retry_after } if retry_after > Duration::ZERO)
    );
    // Nothing of it was written down, and what is known is known though there is no room.
    assert_eq!(host.jobs.list(None).await.unwrap().len(), 3);
    assert!(submit(own(), "waits-2").await.is_ok());
    let theirs = submit(other(), "runs").await.unwrap();
    host.until_running(2).await;
    assert_eq!(
        host.jobs.status(&other(), &theirs).await.unwrap(),
        JobStatus::Running
    );
    submit(other(), "waits-1").await.unwrap();
    let full = submit(other(), "waits-2").await.unwrap_err();
    assert!(
        matches!(
            full,
            JobError::Busy {
                why: Busy::AllWait,
                ..
            }
        ),
        "{full:?}"
    );
    assert_eq!(host.jobs.clean_up(&own(), None).await.unwrap(), 3);
    assert_eq!(host.jobs.clean_up(&other(), None).await.unwrap(), 2);
    host.nothing_is_left();
}

#[tokio::test]
async fn a_full_queue_of_one_challenge_keeps_no_other_from_running() {
    let mut config = config();
    config.quotas.at_once = 1;
    config.quotas.at_once_per_challenge = 1;
    let host = Host::start_with(config).await;
    let mut greedy = Vec::new();
    for n in 0..8 {
        let mut request = asks(&format!("greedy-{n}"), &["try", "sleep"]);
        request.timeout_seconds = Some(1);
        greedy.push(host.jobs.submit(&own(), request).await.unwrap());
    }
    let modest = host
        .jobs
        .run(&other(), asks("modest", &["say", "done", "", "0"]))
        .await
        .unwrap();
    assert_eq!(modest.outcome.stdout, b"done\n");
    // It came after the one that ran, or the one after it, and not after all of them.
    let last = host.jobs.status(&own(), greedy.last().unwrap()).await.unwrap();
    assert_eq!(last, JobStatus::Queued);
    host.jobs.clean_up(&own(), None).await.unwrap();
    host.nothing_is_left();
}

#[tokio::test]
async fn an_hour_has_so_many_jobs_of_a_challenge() {
    let mut config = config();
    config.quotas.per_hour = 2;
    let host = Host::start_with(config).await;
    let kept = host.run(unlike_any("1")).await;
    host.run(unlike_any("2")).await;
    let error = host.jobs.run(&own(), unlike_any("3")).await.unwrap_err();
    let JobError::Busy {
        why: Busy::Hour,
        retry_after,
    } = error
    else {
        panic!("{error:?}")
    };
    assert!((3500..=3600).contains(&retry_after.as_secs()), "{retry_after:?}");
    assert_eq!(host.run(unlike_any("1")).await, kept);
    host.jobs.run(&other(), unlike_any("3")).await.unwrap();
    host.nothing_is_left();
}

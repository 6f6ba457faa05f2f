//! A job from its beginning to its end, and what is known of it afterwards.

use platform_domain::{JobName, JobState, PlainToken, UnixSeconds};
use platform_jobs::{JobError, JobStatus, NotAdmitted};
use platform_store::tokens::{self, PreviousToken, TokenRow};

use crate::fixture::{Host, asks, file, input, other, own, packed, shared, token, unlike_any};

#[tokio::test]
async fn a_job_gives_outputs_and_exit_code_and_leaves_nothing() {
    let host = Host::start().await;
    let mut request = asks("a", &["say", "out", "err", "7"]);
    request.labels.insert("kind".into(), "test".into());
    let result = host.run(request).await;
    assert_eq!((result.outcome.exit_code, result.outcome.timed_out), (7, false));
    assert_eq!(
        (&result.outcome.stdout[..], &result.outcome.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert!(result.container.starts_with("job-own-") && result.container.ends_with(result.id.as_str()));
    let row = &host.jobs.list(Some(&own())).await.unwrap()[0];
    assert_eq!((row.state, row.exit.unwrap().code), (JobState::Done, 7));
    assert!(host.jobs.list(Some(&other())).await.unwrap().is_empty());
    host.nothing_is_left();
}

#[tokio::test]
async fn the_same_request_again_is_the_same_job_and_another_is_refused() {
    let host = Host::start().await;
    // At the same moment.
    let (one, two) = tokio::join!(host.run(unlike_any("a")), host.run(unlike_any("a")));
    assert_eq!(one, two);
    assert_eq!(one.outcome.stdout.len(), 37);
    // Afterwards.
    assert_eq!(host.run(unlike_any("a")).await, one);
    // Under other names.
    assert_ne!(host.run(unlike_any("b")).await.outcome.stdout, one.outcome.stdout);
    let theirs = host.jobs.run(&other(), unlike_any("a")).await.unwrap();
    assert_ne!(theirs.outcome.stdout, one.outcome.stdout);
    let mut different = unlike_any("a");
    different.timeout_seconds = Some(59);
    let error = host.jobs.run(&own(), different).await.unwrap_err();
    assert!(matches!(error, JobError::Conflict(id) if id == one.id));
    host.nothing_is_left();
}

#[tokio::test]
async fn a_job_finds_each_archive_in_its_place() {
    let host = Host::start().await;
    let with = |job: &str, words: &[&str]| {
        let mut request = asks(job, words);
        request.inputs = vec![
            input("/one", packed(|tar| file(tar, "a/b", b"the first"))),
            input("/two", packed(|tar| file(tar, "a/b", b"the second"))),
        ];
        request
    };
    assert_eq!(
        host.run(with("a", &["show", "/one/a/b"])).await.outcome.stdout,
        b"the first"
    );
    assert_eq!(
        host.run(with("b", &["show", "/two/a/b"])).await.outcome.stdout,
        b"the second"
    );
    let wrote = host.run(with("c", &["try", "write", "/one/new"])).await;
    assert_eq!(wrote.outcome.stdout, b"did: wrote /one/new\n");
    let mut twice = with("d", &["show", "/one/a/b"]);
    twice.inputs[1].target = "/one".parse().unwrap();
    let error = host.jobs.run(&own(), twice).await.unwrap_err();
    assert!(error.to_string().contains("/one"), "{error}");
    host.nothing_is_left();
}

#[tokio::test]
async fn a_job_that_is_cancelled_ends_at_once_and_only_by_its_own_challenge() {
    let host = Host::start().await;
    let id = host
        .jobs
        .submit(&own(), asks("a", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_running(1).await;
    assert_eq!(host.jobs.status(&own(), &id).await.unwrap(), JobStatus::Running);
    for stranger in [
        host.jobs.cancel(Some(&other()), &id).await.unwrap_err(),
        host.jobs.status(&other(), &id).await.unwrap_err(),
    ] {
        assert!(matches!(stranger, JobError::NotFound), "{stranger:?}");
    }
    assert_eq!(host.jobs.clean_up(&other(), None).await.unwrap(), 0);
    assert_eq!(host.jobs.status(&own(), &id).await.unwrap(), JobStatus::Running);
    host.jobs.cancel(Some(&own()), &id).await.unwrap();
    assert_eq!(host.jobs.status(&own(), &id).await.unwrap(), JobStatus::Cancelled);
    host.nothing_is_left();
    // And stays so.
    host.jobs.cancel(None, &id).await.unwrap();
    let again = host
        .jobs
        .run(&own(), asks("a", &["try", "sleep"]))
        .await
        .unwrap_err();
    assert!(matches!(again, JobError::Cancelled), "{again:?}");
}

#[tokio::test]
async fn a_clean_up_ends_the_jobs_of_one_name_or_of_all() {
    let host = Host::start().await;
    let mut ids = Vec::new();
    for job in ["a", "b", "b-2"] {
        ids.push(
            host.jobs
                .submit(&own(), asks(job, &["try", "sleep"]))
                .await
                .unwrap(),
        );
    }
    let theirs = host
        .jobs
        .submit(&other(), asks("b", &["try", "sleep"]))
        .await
        .unwrap();
    host.until_running(3).await;
    let b: JobName = "b".parse().unwrap();
    assert_eq!(host.jobs.clean_up(&own(), Some(&b)).await.unwrap(), 1);
    assert_eq!(
        host.jobs.status(&own(), &ids[1]).await.unwrap(),
        JobStatus::Cancelled
    );
    assert_eq!(host.jobs.clean_up(&own(), None).await.unwrap(), 2);
    assert_eq!(
        host.jobs.status(&other(), &theirs).await.unwrap(),
        JobStatus::Running
    );
    assert_eq!(host.jobs.clean_up(&other(), None).await.unwrap(), 1);
    host.nothing_is_left();
}

#[tokio::test]
async fn what_failed_is_tried_again_and_says_why() {
    let host = Host::start().await;
    let mut request = asks("a", &["say", "now", "", "0"]);
    request.image = "test.local/jobs/later:1".parse().unwrap();
    let error = host.jobs.run(&own(), request.clone()).await.unwrap_err();
    assert!(matches!(&error, JobError::Failed(_)), "{error:?}");
    assert!(!error.to_string().contains("docker.sock"), "{error}");
    shared().docker(&["tag", crate::fixture::IMAGE, "test.local/jobs/later:1"]);
    assert_eq!(host.run(request).await.outcome.stdout, b"now\n");
    host.nothing_is_left();
}

#[tokio::test]
async fn the_token_before_a_rotation_is_accepted_as_long_as_it_counts() {
    let host = Host::start().await;
    let now = UnixSeconds::from(std::time::SystemTime::now());
    let before = token(&own());
    let after = PlainToken::from_text("plt_another_one_for_the_challenge");
    let hash = after.hash();
    host.change(own(), move |record| record.token_hash = hash).await;
    for (seconds, hash, counts) in [
        (60, Some(before.hash()), true),
        (60, Some(token(&other()).hash()), false),
        (60, None, false),
        (-1, Some(before.hash()), false),
    ] {
        let previous = PreviousToken {
            sealed: vec![1],
            key_id: "k".into(),
            hash,
            until: UnixSeconds(now.0.saturating_add_signed(seconds)),
        };
        let row = TokenRow {
            sealed: vec![2],
            key_id: "k".into(),
            previous: Some(previous),
        };
        let put = move |connection: &platform_store::Connection| tokens::put(connection, &own(), &row);
        host.store.write("test", put).await.unwrap();
        assert!(host.jobs.admit(&own(), &after).await.is_ok());
        let admitted = host.jobs.admit(&own(), &before).await;
        match counts {
            true => assert!(admitted.is_ok(), "{admitted:?}"),
            false => assert!(matches!(admitted, Err(NotAdmitted::Token)), "{admitted:?}"),
        }
        // It is nobody else's.
        assert!(host.jobs.admit(&other(), &before).await.is_err());
    }
}

#[tokio::test]
async fn jobs_of_a_challenge_that_is_taken_down_end() {
    let host = Host::start().await;
    let sleep = || asks("a", &["try", "sleep"]);
    let ours = host.jobs.submit(&own(), sleep()).await.unwrap();
    let theirs = host.jobs.submit(&other(), sleep()).await.unwrap();
    host.until_running(2).await;
    host.change(own(), |record| record.status = platform_domain::Status::Disabled)
        .await;
    host.jobs.reap().await.unwrap();
    host.until_running(1).await;
    host.jobs.cancel(Some(&other()), &theirs).await.unwrap();
    host.jobs.cancel(Some(&own()), &ours).await.unwrap();
    let status = host.jobs.status(&own(), &ours).await.unwrap();
    assert_eq!(status, JobStatus::Cancelled);
    host.nothing_is_left();
}

#[tokio::test]
async fn who_may_hand_in_jobs_has_the_token_the_capability_and_runs() {
    let host = Host::start().await;
    let admit = async |slug: &str, token_of: &str| {
        let token = token(&token_of.parse().unwrap());
        host.jobs.admit(&slug.parse().unwrap(), &token).await.err()
    };
    assert!(admit("own", "own").await.is_none());
    assert!(matches!(admit("own", "other").await, Some(NotAdmitted::Token)));
    assert!(matches!(admit("nobody", "own").await, Some(NotAdmitted::Unknown)));
    host.change(own(), |record| record.status = platform_domain::Status::Inactive)
        .await;
    assert!(matches!(admit("own", "own").await, Some(NotAdmitted::NotActive)));
    assert!(matches!(admit("own", "other").await, Some(NotAdmitted::Token)));
    host.change(other(), |record| record.capabilities.clear()).await;
    assert!(matches!(
        admit("other", "other").await,
        Some(NotAdmitted::Capability)
    ));
}

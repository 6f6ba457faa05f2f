//! The life of a container, and how it can go wrong.

use std::sync::atomic::{AtomicBool, Ordering};

use platform_docker::{EngineError, State};
use platform_fleet::{FleetError, Wish};
use tokio::time::timeout;

use crate::scene::{LONG, OTHER_IMAGE, Scene, shared};

#[tokio::test]
async fn a_container_is_started_found_again_and_stopped_and_its_volume_stays() {
    let mut scene = Scene::new();
    let first = scene.fleet.start(&scene.wish()).await.unwrap();
    assert!(first.shown.is_empty() && first.server.is_none());
    let again = scene.fleet.start(&scene.wish()).await.unwrap();
    assert_eq!(
        again.container, first.container,
        "what runs and is as wanted is left alone"
    );
    let used = scene.fleet.stats(&first).await.unwrap();
    assert!(
        used.stats.memory > 0 && used.stats.memory < used.stats.memory_limit,
        "{used:?}"
    );
    assert!(
        used.stats.pids > 0 && used.stats.pids < used.stats.pids_limit,
        "{used:?}"
    );
    assert!(used.stats.received > 0 && used.milli_cpus.is_some(), "{used:?}");
    scene.again();
    let adopted = scene.fleet.start(&scene.wish()).await.unwrap();
    assert_eq!(adopted.container, first.container);
    assert_eq!(scene.listed("container").len(), 1);
    scene.fleet.stop(&scene.slug).await.unwrap();
    assert!(scene.listed("container").is_empty() && scene.listed("network").is_empty());
    assert_eq!(scene.listed("volume").len(), 1, "what it keeps stays");
    let gone = scene.fleet.stats(&first).await.unwrap_err();
    assert!(matches!(gone, FleetError::Gone), "{gone}");
    let kept = scene.fleet.volumes(Some(&scene.slug)).await.unwrap().volumes;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].bytes.is_some(), "{kept:?}");
    assert_eq!(scene.fleet.volumes(None).await.unwrap().volumes, kept);
    assert!(
        scene
            .fleet
            .volumes(Some(&"another".parse().unwrap()))
            .await
            .unwrap()
            .volumes
            .is_empty()
    );
    let purged = scene.fleet.purge(&scene.slug).await.unwrap();
    assert_eq!(purged.volumes, kept);
    assert!(purged.unreached.is_empty());
    assert!(scene.listed("volume").is_empty());
    scene.fleet.stop(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn whatever_is_wanted_otherwise_makes_another_container() {
    let scene = Scene::new();
    let changes: [fn(&mut Wish); 6] = [
        |wish| wish.image = OTHER_IMAGE.parse().unwrap(),
        |wish| drop(wish.env.insert("LEVEL".into(), "debug".into())),
        |wish| {
            wish.resources =
                serde_json::from_str(r#"{"memory":"128MiB","pids":"99","cpu":"0.5","shm":"16MiB"}"#).unwrap()
        },
        |wish| {
            wish.secrets = vec![(
                "api-key".parse().unwrap(),
                platform_domain::SecretValue::new(b"1".to_vec()),
            )]
        },
        |wish| wish.loosened = ["exec-tmp".parse().unwrap()].into(),
        |wish| wish.volumes = [("models".to_owned(), "/models".to_owned())].into(),
    ];
    let mut before = scene.fleet.start(&scene.wish()).await.unwrap();
    for (at, change) in changes.into_iter().enumerate() {
        let mut wish = scene.wish();
        change(&mut wish);
        let running = scene.fleet.start(&wish).await.unwrap();
        assert_ne!(running.container, before.container, "change {at}");
        assert_eq!(scene.listed("container").len(), 1, "change {at}");
        before = running;
    }
    let mut wish = scene.wish();
    wish.loosened = ["exec-tmp".parse().unwrap()].into();
    assert_eq!(scene.fleet.start(&wish).await.unwrap().shown, ["exec-tmp"]);
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn a_successor_is_ready_before_its_predecessor_goes_where_they_share_no_files() {
    let scene = Scene::new();
    for data in [false, true] {
        let mut wish = scene.wish();
        wish.data = data;
        let first = scene.fleet.start(&wish).await.unwrap();
        // One that does not get ready.
        wish.env.insert("MISBEHAVE".into(), "exit".into());
        let error = scene.fleet.start(&wish).await.unwrap_err();
        assert!(matches!(error, FleetError::Ended { code: 3, .. }), "{error}");
        assert!(error.to_string().contains("I do not want to"), "{error}");
        let left = scene.engine().inspect(&first.container).await;
        match data {
            false => assert_eq!(left.unwrap().state, State::Running),
            true => assert!(matches!(left, Err(EngineError::NotFound(_)))),
        }
        assert_eq!(scene.listed("container").len(), usize::from(!data));
        scene.fleet.stop(&scene.slug).await.unwrap();
    }
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn a_container_that_is_no_challenge_is_removed_with_its_reason() {
    let scene = Scene::new();
    let version = |version: &str| {
        let mut wish = scene.wish();
        version.clone_into(&mut wish.version);
        wish
    };
    let misbehaves = |how: &str| {
        let mut wish = scene.wish();
        wish.env.insert("MISBEHAVE".into(), how.into());
        wish
    };
    let table = [
        (
            misbehaves("exit"),
            "ended with code 3; it wrote: I do not want to",
        ),
        (misbehaves("unhealthy"), "not ready within 5s: its /health"),
        (misbehaves("deaf"), "not ready within 5s: its /health"),
        (misbehaves("hang"), "not ready within 5s: its /health"),
        (misbehaves("huge"), "not ready within 5s: its /health"),
        (
            misbehaves("other-slug"),
            "its /health says it is \"somebody-else\"",
        ),
        (version("9.9.9"), "and 9.9.9 is registered"),
    ];
    for (wish, reason) in table {
        let error = scene.fleet.start(&wish).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(scene.listed("container").is_empty(), "{error}");
    }
    let mut missing = scene.wish();
    missing.image = "test.local/nobody-has-this:1".parse().unwrap();
    let error = scene.fleet.start(&missing).await.unwrap_err();
    assert!(matches!(error, FleetError::Engine(_)), "{error}");
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn what_happens_to_a_container_is_noticed() {
    let scene = Scene::new();
    for (command, expected) in [
        (vec!["rm", "--force"], "the container is gone"),
        (vec!["kill"], "the container ended with code 137"),
        (vec!["pause"], "the container is halted"),
    ] {
        let running = scene.fleet.start(&scene.wish()).await.unwrap();
        let lost = scene.fleet.lost(&running);
        shared().docker(&[&command[..], &[&running.container]].concat());
        let error = timeout(LONG, lost).await.unwrap();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    // It is replaced as soon as it is wanted again.
    let running = scene.fleet.start(&scene.wish()).await.unwrap();
    assert_eq!(scene.listed("container").len(), 1);
    assert_eq!(
        scene.engine().inspect(&running.container).await.unwrap().state,
        State::Running
    );
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn what_is_wanted_again_while_somebody_tidies_up_stays() {
    let scene = Scene::new();
    scene.fleet.start(&scene.wish()).await.unwrap();
    let is_wanted = AtomicBool::new(false);
    let again = async {
        let running = scene.fleet.start(&scene.wish()).await.unwrap();
        is_wanted.store(true, Ordering::Relaxed);
        running
    };
    // Begins while it is being started, and nobody has said yet that it is wanted.
    let tidied = scene.fleet.tidy(|_| is_wanted.load(Ordering::Relaxed));
    let (running, tidied) = tokio::join!(again, tidied);
    tidied.unwrap();
    let seen = scene.engine().inspect(&running.container).await.unwrap();
    assert_eq!(seen.state, State::Running);
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn what_nobody_wants_is_removed_and_what_others_have_is_not() {
    let (one, other) = (Scene::new(), Scene::new());
    let kept = one.fleet.start(&one.wish()).await.unwrap();
    let theirs = other.fleet.start(&other.wish()).await.unwrap();
    one.fleet.tidy(|slug| *slug == one.slug).await.unwrap();
    assert_eq!(
        one.engine().inspect(&kept.container).await.unwrap().state,
        State::Running
    );
    one.fleet.tidy(|_| false).await.unwrap();
    assert!(one.listed("container").is_empty() && one.listed("network").is_empty());
    assert_eq!(
        one.engine().inspect(&theirs.container).await.unwrap().state,
        State::Running
    );
    for scene in [one, other] {
        scene.fleet.purge(&scene.slug).await.unwrap();
        assert!(scene.listed("volume").is_empty());
    }
}

#[tokio::test]
async fn a_start_that_is_abandoned_leaves_nothing_that_the_next_does_not_clear() {
    let scene = Scene::new();
    let mut never = scene.wish();
    never.env.insert("MISBEHAVE".into(), "unhealthy".into());
    let start = scene.fleet.start(&never);
    let there = async {
        while scene.listed("container").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        ended = start => panic!("{ended:?}"),
        () = there => {}
    }
    scene.fleet.start(&scene.wish()).await.unwrap();
    assert_eq!(scene.listed("container").len(), 1);
    scene.fleet.purge(&scene.slug).await.unwrap();
}

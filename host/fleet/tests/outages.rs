//! GPU servers that are out of reach for a while, and come back: with what ran there, or without.

use std::time::Duration;

use platform_domain::LeaseState;
use platform_fleet::FleetError;
use tokio::{net::UnixListener, time::timeout};

use crate::{
    gpus::is_lost,
    scene::{LONG, gpu_engines},
    servers::{away, back, leases, prepared, runs, there},
};

#[tokio::test]
async fn what_ran_on_a_server_that_was_lost_runs_on_and_holds_its_gpus_again() {
    let (scene, mut wish, wanted) = prepared().await;
    // Nowhere else.
    wish.resources = serde_json::from_str(r#"{"gpu_count":"1","gpu_server":"one"}"#).unwrap();
    let [one, _] = gpu_engines();
    let first = scene.fleet.start(&wish).await.unwrap();
    let held = leases(&scene).await;
    assert_eq!(first.lease.as_ref(), Some(&held[0].id));
    // Who is asked first once it is back.
    for tidied in [false, true] {
        away(&scene, "one");
        for _ in 0..2 {
            let error = scene.fleet.start(&wish).await.unwrap_err();
            assert!(matches!(error, FleetError::NoPlace(_)), "{error}");
            scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
        }
        assert_eq!(leases(&scene).await[0].state, LeaseState::Expired);
        assert!(is_lost(&scene, "one").await && runs(one, &first));
        back(&scene, "one", one);
        if tidied {
            scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
            assert_eq!(leases(&scene).await[0].state, LeaseState::Expired);
            assert!(!is_lost(&scene, "one").await && runs(one, &first));
        }
        let again = scene.fleet.start(&wish).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(leases(&scene).await, held);
        assert!(!is_lost(&scene, "one").await && runs(one, &first));
        // Whoever would have something run there hears of it, and no more when nothing was lost.
        timeout(LONG, scene.fleet.found()).await.unwrap();
        scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
        assert!(timeout(Duration::ZERO, scene.fleet.found()).await.is_err());
        assert_eq!(leases(&scene).await, held);
    }
    assert_eq!(there(&scene, one), [1, 1]);
    scene.fleet.tidy(|_| false).await.unwrap();
    assert_eq!(there(&scene, one), [0, 0]);
    assert!(leases(&scene).await.is_empty());
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn what_ended_during_an_outage_gives_its_gpus_back() {
    let (scene, mut wish, wanted) = prepared().await;
    wish.resources = serde_json::from_str(r#"{"gpu_count":"4","gpu_server":"one"}"#).unwrap();
    let [one, _] = gpu_engines();
    for tidied in [false, true] {
        let first = scene.fleet.start(&wish).await.unwrap();
        away(&scene, "one");
        scene.fleet.start(&wish).await.unwrap_err();
        one.docker(&["kill", &first.container]);
        back(&scene, "one", one);
        if tidied {
            scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
            assert_eq!((there(&scene, one), leases(&scene).await.len()), ([0, 0], 0));
        }
        let second = scene.fleet.start(&wish).await.unwrap();
        assert_ne!(second.container, first.container);
        let held = leases(&scene).await;
        assert_eq!((held.len(), held[0].state), (1, LeaseState::Held));
    }
    scene.fleet.purge(&scene.slug).await.unwrap();
    assert!(leases(&scene).await.is_empty());
}

#[tokio::test]
async fn a_server_is_asked_twice_before_it_is_lost() {
    let (scene, wish, _) = prepared().await;
    let [one, _] = gpu_engines();
    let first = scene.fleet.start(&wish).await.unwrap();
    away(&scene, "one");
    let deaf = UnixListener::bind(scene.way("one")).unwrap();
    let once = async {
        drop(deaf.accept().await.unwrap());
        away(&scene, "one");
        back(&scene, "one", one);
    };
    let (again, ()) = timeout(LONG, async { tokio::join!(scene.fleet.start(&wish), once) })
        .await
        .unwrap();
    assert_eq!(again.unwrap(), first);
    assert!(!is_lost(&scene, "one").await);
    scene.fleet.purge(&scene.slug).await.unwrap();
}

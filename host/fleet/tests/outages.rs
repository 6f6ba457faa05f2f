//! GPU servers that are out of reach for a while, and come back: with what ran there, or without.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink};

use platform_docker::State;
use platform_domain::{GpuLease, LeaseState, Slug};
use platform_fleet::{Engines, Fleet, FleetError, Running, Wish};
use platform_store::gpu_leases;
use tokio::{net::UnixListener, time::timeout};

use crate::{
    engine::TestEngine,
    gpus::{is_lost, with_gpus},
    scene::{LONG, Scene, challenge, gpu_engines, server_of},
};

const ONE: &str = r#"{"gpu_count":"1"}"#;

/// Servers `one` and `two`, each at a path that can be taken away.
pub(crate) async fn servers(scene: &Scene) {
    for (name, engine) in ["one", "two"].into_iter().zip(gpu_engines()) {
        back(scene, name, engine);
        let endpoint = format!("unix://{}", scene.way(name).display());
        server_of(scene, name, &endpoint, "a100:4").await;
    }
}

pub(crate) fn back(scene: &Scene, name: &str, engine: &TestEngine) {
    let socket = engine.endpoint.trim_start_matches("unix://");
    symlink(socket, scene.way(name)).unwrap();
}

pub(crate) fn away(scene: &Scene, name: &str) {
    fs::remove_file(scene.way(name)).unwrap();
}

pub(crate) async fn leases(scene: &Scene) -> Vec<GpuLease> {
    scene.store.read("test", gpu_leases::list).await.unwrap()
}

async fn prepared() -> (Scene, Wish, BTreeSet<Slug>) {
    let scene = Scene::new();
    challenge(&scene, &scene.slug).await;
    servers(&scene).await;
    let (wish, wanted) = (with_gpus(&scene, ONE), [scene.slug.clone()].into());
    (scene, wish, wanted)
}

/// The containers and networks of a host on one engine.
fn there(scene: &Scene, engine: &TestEngine) -> [usize; 2] {
    ["container", "network"].map(|what| scene.listed_on(engine, what).len())
}

fn runs(engine: &TestEngine, running: &Running) -> bool {
    engine.docker(&["inspect", "--format", "{{.State.Running}}", &running.container]) == "true"
}

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
            scene.fleet.tidy(&wanted).await.unwrap();
        }
        assert_eq!(leases(&scene).await[0].state, LeaseState::Expired);
        assert!(is_lost(&scene, "one").await && runs(one, &first));
        back(&scene, "one", one);
        if tidied {
            scene.fleet.tidy(&wanted).await.unwrap();
            assert_eq!(leases(&scene).await[0].state, LeaseState::Expired);
            assert!(!is_lost(&scene, "one").await && runs(one, &first));
        }
        let again = scene.fleet.start(&wish).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(leases(&scene).await, held);
        assert!(!is_lost(&scene, "one").await && runs(one, &first));
        scene.fleet.tidy(&wanted).await.unwrap();
        assert_eq!(leases(&scene).await, held);
    }
    assert_eq!(there(&scene, one), [1, 1]);
    scene.fleet.tidy(&BTreeSet::new()).await.unwrap();
    assert_eq!(there(&scene, one), [0, 0]);
    assert!(leases(&scene).await.is_empty());
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn what_runs_elsewhere_by_then_is_removed_where_it_was_with_its_lease() {
    let (scene, wish, wanted) = prepared().await;
    let [one, two] = gpu_engines();
    let first = scene.fleet.start(&wish).await.unwrap();
    away(&scene, "one");
    let second = scene.fleet.start(&wish).await.unwrap();
    assert_eq!(second.server, Some("two".parse().unwrap()));
    assert!(runs(one, &first) && runs(two, &second));
    assert_eq!(leases(&scene).await.len(), 2);
    back(&scene, "one", one);
    scene.fleet.tidy(&wanted).await.unwrap();
    assert_eq!((there(&scene, one), there(&scene, two)), ([0, 0], [1, 1]));
    let left = leases(&scene).await;
    assert_eq!(
        left.iter().map(|lease| &lease.id).collect::<Vec<_>>(),
        [second.lease.as_ref().unwrap()]
    );
    // And to a machine that is no server.
    away(&scene, "two");
    let third = scene.fleet.start(&scene.wish()).await.unwrap();
    assert_eq!((third.server.as_ref(), runs(two, &second)), (None, true));
    back(&scene, "two", two);
    scene.fleet.tidy(&wanted).await.unwrap();
    assert_eq!(there(&scene, two), [0, 0]);
    assert!(leases(&scene).await.is_empty());
    assert_eq!(scene.fleet.start(&scene.wish()).await.unwrap(), third);
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
            scene.fleet.tidy(&wanted).await.unwrap();
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

#[tokio::test]
async fn other_gpus_than_before_make_another_container() {
    let (scene, wish, wanted) = prepared().await;
    let first = scene.fleet.start(&wish).await.unwrap();
    let more = with_gpus(&scene, r#"{"gpu_count":"2"}"#);
    let second = scene.fleet.start(&more).await.unwrap();
    assert_ne!(second.container, first.container);
    let devices = async || {
        leases(&scene)
            .await
            .into_iter()
            .map(|lease| lease.devices.len())
            .collect::<Vec<_>>()
    };
    assert_eq!(devices().await, [2]);
    let mut there = more.clone();
    there.resources = serde_json::from_str(r#"{"gpu_count":"2","gpu_server":"two"}"#).unwrap();
    let third = scene.fleet.start(&there).await.unwrap();
    assert_eq!(third.server, Some("two".parse().unwrap()));
    assert_eq!(scene.fleet.start(&more).await.unwrap(), third, "which is as good");
    scene.fleet.tidy(&wanted).await.unwrap();
    assert_eq!(devices().await, [2]);
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn a_machine_may_be_the_hosts_own_and_a_server_at_once() {
    let (scene, wish, _) = prepared().await;
    let [one, two] = gpu_engines();
    let engines = Engines::new(
        scene.store.clone(),
        scene.way("key"),
        Some(&one.endpoint.parse().unwrap()),
    );
    let fleet = Fleet::new(scene.store.clone(), engines.unwrap(), scene.owner.clone(), LONG);
    let mut without = scene.wish();
    without.slug = format!("{}-without", scene.slug).parse().unwrap();
    let wanted: BTreeSet<Slug> = [&wish, &without].map(|wish| wish.slug.clone()).into();
    let started = [
        fleet.start(&wish).await.unwrap(),
        fleet.start(&without).await.unwrap(),
    ];
    for _ in 0..2 {
        fleet.tidy(&wanted).await.unwrap();
        assert_eq!((there(&scene, one), there(&scene, two)), ([2, 2], [0, 0]));
        let again = [
            fleet.start(&wish).await.unwrap(),
            fleet.start(&without).await.unwrap(),
        ];
        assert_eq!(again, started);
    }
    // What has run on a machine that was the host's own, and is a server only, is nobody's.
    let seen = scene.fleet.engines().of(&"one".parse().unwrap()).await.unwrap();
    assert_eq!(
        seen.inspect(&started[1].container).await.unwrap().state,
        State::Running
    );
    scene.fleet.tidy(&wanted).await.unwrap();
    assert_eq!(there(&scene, one), [1, 1]);
    assert!(runs(one, &started[0]));
    fleet.tidy(&BTreeSet::new()).await.unwrap();
    assert_eq!(there(&scene, one), [0, 0]);
    for wish in [wish, without] {
        fleet.purge(&wish.slug).await.unwrap();
    }
}

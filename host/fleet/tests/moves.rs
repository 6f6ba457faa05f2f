//! Challenges with GPUs that run elsewhere than before, and machines that are something else than before.

use std::collections::BTreeSet;

use platform_docker::State;
use platform_domain::Slug;
use platform_fleet::{Engines, Fleet};

use crate::{
    gpus::with_gpus,
    scene::{LONG, gpu_engines},
    servers::{away, back, leases, prepared, runs, there},
};

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
    scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
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
    scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
    assert_eq!(there(&scene, two), [0, 0]);
    assert!(leases(&scene).await.is_empty());
    assert_eq!(scene.fleet.start(&scene.wish()).await.unwrap(), third);
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
    scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
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
    let fleet = Fleet::new(
        scene.store.clone(),
        engines.unwrap(),
        scene.owner.clone(),
        LONG,
        None,
    );
    let mut without = scene.wish();
    without.slug = format!("{}-without", scene.slug).parse().unwrap();
    let wanted: BTreeSet<Slug> = [&wish, &without].map(|wish| wish.slug.clone()).into();
    let started = [
        fleet.start(&wish).await.unwrap(),
        fleet.start(&without).await.unwrap(),
    ];
    for _ in 0..2 {
        fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
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
    scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
    assert_eq!(there(&scene, one), [1, 1]);
    assert!(runs(one, &started[0]));
    fleet.tidy(|_| false).await.unwrap();
    assert_eq!(there(&scene, one), [0, 0]);
    for wish in [wish, without] {
        fleet.purge(&wish.slug).await.unwrap();
    }
}

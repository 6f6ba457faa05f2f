//! Challenges with GPUs, as far as a machine without any goes: the engine's own refusal.

use platform_docker::EngineError;
use platform_domain::{LeaseState, UnixSeconds};
use platform_fleet::{FleetError, Wish};
use platform_store::{gpu_leases, gpu_servers};

use crate::scene::{Scene, registered, shared};

pub(crate) fn with_gpus(scene: &Scene, resources: &str) -> Wish {
    let mut wish = scene.wish();
    wish.resources = serde_json::from_str(resources).unwrap();
    wish
}

async fn leases(scene: &Scene) -> Vec<LeaseState> {
    let listed = scene.store.read("test", gpu_leases::list).await.unwrap();
    listed.into_iter().map(|lease| lease.state).collect()
}

pub(crate) async fn is_lost(scene: &Scene, server: &str) -> bool {
    let id = server.parse().unwrap();
    let row = scene
        .store
        .read("test", move |connection| gpu_servers::get(connection, &id));
    row.await.unwrap().unwrap().lost_at.is_some()
}

#[tokio::test]
async fn an_engine_without_gpus_says_so_and_nothing_is_held_or_left() {
    let scene = Scene::new();
    registered(&scene, "here", &shared().endpoint).await;
    for resources in [
        r#"{"gpu_count":"1"}"#,
        r#"{"gpu_device_ids":"0,1","gpu_kind":"a100"}"#,
    ] {
        let error = scene
            .fleet
            .start(&with_gpus(&scene, resources))
            .await
            .unwrap_err();
        assert!(
            matches!(error, FleetError::Engine(EngineError::NoGpu(_))),
            "{error}"
        );
        assert!(leases(&scene).await.is_empty());
        assert!(scene.listed("container").is_empty());
    }
    scene.fleet.purge(&scene.slug).await.unwrap();
}

#[tokio::test]
async fn where_nothing_fits_the_reason_of_each_server_is_told() {
    let scene = Scene::new();
    let error = scene
        .fleet
        .start(&with_gpus(&scene, r#"{"gpu_count":"1"}"#))
        .await
        .unwrap_err();
    assert!(matches!(error, FleetError::NoPlace(_)), "{error}");
    registered(&scene, "here", &shared().endpoint).await;
    for (resources, reason) in [
        (
            r#"{"gpu_count":"3"}"#,
            "gpu_capacity_insufficient: wants 3, has 2 free of 2",
        ),
        (r#"{"gpu_count":"1","gpu_kind":"h100"}"#, "gpu_kind_missing"),
        (
            r#"{"gpu_count":"1","gpu_labels":"zone=eu"}"#,
            "gpu_labels_mismatch",
        ),
        (r#"{"gpu_count":"1","gpu_server":"there"}"#, "gpu_server_unknown"),
    ] {
        let error = scene
            .fleet
            .start(&with_gpus(&scene, resources))
            .await
            .unwrap_err();
        let told = platform_domain::with_causes(&error);
        assert!(told.contains(reason), "{told}");
    }
    assert!(leases(&scene).await.is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_lost_and_another_one_is_taken() {
    let scene = Scene::new();
    let nowhere = format!("{}.gone", shared().endpoint);
    registered(&scene, "gone", &nowhere).await;
    let wish = with_gpus(&scene, r#"{"gpu_count":"2"}"#);
    let error = scene.fleet.start(&wish).await.unwrap_err();
    assert!(error.is_absence(), "{error}");
    assert!(is_lost(&scene, "gone").await);
    assert_eq!(leases(&scene).await, [LeaseState::Expired], "it may run there");
    registered(&scene, "here", &shared().endpoint).await;
    let error = scene.fleet.start(&wish).await.unwrap_err();
    assert!(
        matches!(error, FleetError::Engine(EngineError::NoGpu(_))),
        "{error}"
    );
    // As long as nobody has looked what runs on the other.
    assert_eq!(leases(&scene).await, [LeaseState::Expired]);
    scene.fleet.tidy(|_| false).await.unwrap();
    assert_eq!(leases(&scene).await, [LeaseState::Expired]);
}

#[tokio::test]
async fn a_lease_that_no_container_has_is_given_back() {
    let scene = Scene::new();
    registered(&scene, "here", &shared().endpoint).await;
    let slug = scene.slug.clone();
    // As a host leaves it that is killed between the lease and the container.
    let leased = scene.store.write("test", move |connection| {
        let wanted = serde_json::from_str::<platform_domain::Resources>(r#"{"gpu_count":"1"}"#).unwrap();
        let candidates = gpu_leases::candidates(connection)?;
        let placement = platform_domain::place(&wanted.gpu.unwrap(), &candidates).unwrap();
        let id = platform_domain::GpuLeaseId::from_random([7; 16]);
        gpu_leases::acquire(connection, &id, &slug, &placement, UnixSeconds(1))
    });
    leased.await.unwrap();
    assert_eq!(leases(&scene).await, [LeaseState::Held]);
    scene.fleet.tidy(|slug| *slug == scene.slug).await.unwrap();
    assert!(leases(&scene).await.is_empty());
}

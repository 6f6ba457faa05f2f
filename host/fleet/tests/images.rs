//! Images on an engine: which this host had it fetch, and which of those it removes.

use std::{collections::BTreeSet, path::Path};

use platform_docker::{EngineError, Image};
use platform_domain::{ImageRef, UnixSeconds};
use platform_store::fetched_images;

use crate::{
    docker_registry::Registry,
    engine::gpu_container,
    scene::{IMAGE, Scene, shared},
};

/// Pushes a new image under this name with Docker's own command line, and has the engine forget all of it.
fn publish(name: &str, mark: u32) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = gpu_container(&repository, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let label = format!("LABEL mark={mark}");
    let changes = [
        "ENTRYPOINT [\"/gpu-container\"]",
        "EXPOSE 8000",
        "USER 1000:1000",
        &label,
    ];
    shared().import(&program, &changes, name);
    shared().docker(&["push", "--quiet", name]);
    shared().docker(&["rmi", name]);
}

async fn on_engine(scene: &Scene, image: &ImageRef) -> Option<Image> {
    match scene.engine().image(image).await {
        Ok(found) => Some(found),
        Err(EngineError::ImageMissing(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// As if nobody had asked for any of it for years.
async fn age(scene: &Scene) {
    let aged = scene.store.write("test", |connection| {
        for mut fetched in fetched_images::list(connection)? {
            fetched.at = UnixSeconds(1);
            fetched_images::touch(connection, &fetched)?;
        }
        Ok::<_, platform_store::StoreError>(())
    });
    aged.await.unwrap();
}

async fn removed(scene: &Scene, wanted: &[&ImageRef], dry_run: bool) -> Vec<ImageRef> {
    let wanted: BTreeSet<_> = wanted.iter().copied().cloned().collect();
    let collected = scene.fleet.collect_images(&wanted, dry_run).await.unwrap();
    assert!(collected.unreached.is_empty());
    collected.removed.into_iter().map(|image| image.image).collect()
}

#[tokio::test]
async fn an_image_that_nobody_wants_is_removed_and_no_other() {
    let (scene, registry) = (Scene::new(), Registry::start());
    let name = |tag: &str| format!("{}/team/images:{tag}", registry.address);
    let tag: ImageRef = name("1").parse().unwrap();
    publish(&name("1"), 1);
    let first = scene.fleet.pull(None, &tag, None, |_| ()).await.unwrap();
    assert_eq!((first.tag(), first.digest().is_some()), (Some("1"), true));
    // A moment ago somebody asked for it, and may be about to register it.
    assert!(removed(&scene, &[], false).await.is_empty());
    age(&scene).await;
    let mut wish = scene.wish();
    wish.image = first.clone();
    scene.fleet.start(&wish).await.unwrap();
    assert!(
        removed(&scene, &[], false).await.is_empty(),
        "whoever starts it has asked for it"
    );
    age(&scene).await;
    assert!(
        removed(&scene, &[], false).await.is_empty(),
        "there is a container of it"
    );
    assert!(on_engine(&scene, &first).await.is_some());
    scene.fleet.purge(&scene.slug).await.unwrap();

    // The tag moves, and the old image stays by its digest alone.
    publish(&name("1"), 2);
    let second = scene.fleet.pull(None, &tag, None, |_| ()).await.unwrap();
    assert_ne!(first, second);
    age(&scene).await;
    assert!(removed(&scene, &[&first, &second], false).await.is_empty());
    let by_digest = first.by_digest().unwrap();
    assert!(
        removed(&scene, &[&by_digest, &second], false).await.is_empty(),
        "it is wanted by another name"
    );
    let told = removed(&scene, &[&second], true).await;
    assert!(told.len() == 1 && told[0] == by_digest, "{told:?}");
    assert!(on_engine(&scene, &first).await.is_some(), "it was only told");
    assert_eq!(removed(&scene, &[&second], false).await, [by_digest]);
    assert!(on_engine(&scene, &first).await.is_none());
    assert!(
        on_engine(&scene, &tag).await.is_some(),
        "the tag is the second one's"
    );

    // What somebody else fetched is somebody else's.
    publish(&name("3"), 3);
    shared().docker(&["pull", "--quiet", &name("3")]);
    let theirs = scene
        .fleet
        .pull(None, &name("3").parse().unwrap(), None, |_| ())
        .await
        .unwrap();
    age(&scene).await;
    assert_eq!(removed(&scene, &[], false).await, [second.by_digest().unwrap()]);
    assert!(on_engine(&scene, &tag).await.is_none());
    assert!(on_engine(&scene, &theirs).await.is_some());
    assert!(scene.fleet.fetched_images().await.unwrap().is_empty());

    // A registry that is down says nothing of its tags, and an image that comes from none is what it is.
    drop(registry);
    assert_eq!(
        scene
            .fleet
            .pull(None, &theirs.moving().unwrap(), None, |_| ())
            .await
            .unwrap(),
        theirs
    );
    let local: ImageRef = IMAGE.parse().unwrap();
    assert_eq!(scene.fleet.pull(None, &local, None, |_| ()).await.unwrap(), local);
    shared().docker(&["rmi", &theirs.moving().unwrap().to_string()]);
}

//! What jobs have fetched and nobody asks for any more.

use platform_admin_types::CollectRequest;
use platform_domain::UnixSeconds;
use platform_store::{Store, StoreError, fetched_images};
use platform_tests::TestHost;
use reqwest::Method;
use serde_json::json;

use super::{ask, foreman, host_with, until};
use crate::{
    containers::{
        images::publish,
        scene::{IMAGE, OTHER_IMAGE, engine},
    },
    docker_registry::Registry,
};

#[tokio::test]
async fn images_of_jobs_stay_while_they_are_among_the_newest_and_go_afterwards() {
    let registry = Registry::start();
    let name = |tag: &str| format!("{}/team/scorer:{tag}", registry.address);
    let digests = [publish(IMAGE, &name("1")), publish(OTHER_IMAGE, &name("2"))];
    let mut host = host_with(&format!("{}/team", registry.address)).await;
    host.configure(|config| config.docker.keep_images = 1);
    host.restart().await;
    foreman(&host, "collected", &["kv", "jobs", "gpu-jobs"])
        .await
        .unwrap();
    for tag in ["1", "2"] {
        let body = json!({ "image": name(tag), "command": ["say", tag, "", "0"], "seconds": 60 });
        let (status, answer) = ask(
            &host,
            Method::POST,
            "collected",
            &format!("/jobs/{tag}"),
            Some(body),
        )
        .await;
        assert_eq!(status, 202, "{answer}");
        until(&host, "collected", tag, "done").await;
    }
    let of = async |host: &TestHost| {
        let images = host.admin.store_list().await.unwrap().images;
        let shown = images
            .iter()
            .map(|image| (image.image.digest(), image.challenges.len()));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(of(&host).await, [(Some(digests[0]), 0), (Some(digests[1]), 1)]);
    // A moment ago somebody asked for both.
    let collect = async |host: &TestHost| {
        let collected = host
            .admin
            .store_collect(&CollectRequest { dry_run: false })
            .await
            .unwrap();
        assert!(collected.unreached.is_empty(), "{collected:?}");
        collected.images
    };
    assert!(collect(&host).await.is_empty());
    age(&host).await;
    let gone = collect(&host).await;
    assert!(
        gone.len() == 1 && gone[0].image.digest() == Some(digests[0]),
        "{gone:?}"
    );
    assert_eq!(of(&host).await, [(Some(digests[1]), 1)]);
    let has = engine().docker(&["images", "--quiet", &format!("{}/team/scorer", registry.address)]);
    assert_eq!(has.lines().count(), 1, "{has}");
}

/// As if nobody had asked for any of it for years.
async fn age(host: &TestHost) {
    let store = Store::open(&host.state().join("host.sqlite3")).unwrap();
    let aged = store.write("test", |connection| {
        for mut fetched in fetched_images::list(connection)? {
            fetched.at = UnixSeconds(1);
            fetched_images::touch(connection, &fetched)?;
        }
        Ok::<_, StoreError>(())
    });
    aged.await.unwrap();
}

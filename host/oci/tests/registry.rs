//! Publishing to and fetching from a real registry process.

use platform_domain::Digest;
use platform_oci::{INDEX_TYPE, MANIFEST_TYPE, OciError, PublishInfo};
use serde_json::json;

use crate::{
    docker_registry::Registry,
    given::{COMPONENT, about, chain, publish, reference, store},
};

#[tokio::test]
async fn a_component_goes_through_a_registry_and_survives_its_end() {
    let registry = Registry::start();
    let name = format!("{}/team/echo", registry.address);
    let tagged = reference(format!("{name}:1.2.0"));
    let published = publish(COMPONENT, &about(), &tagged).await.unwrap();
    assert_eq!(published.component, Digest::of(COMPONENT));
    let again = publish(COMPONENT, &about(), &tagged).await.unwrap();
    assert_eq!(again, published, "the same bytes have the same digest");

    let (_dir, store) = store();
    let fetched = store.fetch(&tagged).await.unwrap();
    assert_eq!(fetched.bytes, COMPONENT);
    assert_eq!(fetched.pinned.manifest, Some(published.manifest));
    assert_eq!(fetched.pinned.component, published.component);
    assert_eq!(fetched.pinned.reference, tagged);

    let missing = store.fetch(&reference(format!("{name}:9"))).await.unwrap_err();
    assert!(matches!(&missing, OciError::NotFound { reference } if reference.ends_with("team/echo:9")));
    let other = reference(format!("{name}:1.2.0@{}", Digest::of(b"other")));
    assert!(matches!(
        store.fetch(&other).await,
        Err(OciError::Mismatch { .. })
    ));

    drop(registry);
    let pinned = reference(format!("{name}@{}", published.manifest));
    assert_eq!(store.fetch(&pinned).await.unwrap().bytes, COMPONENT);
    assert_eq!(
        store.read(&published.component).await.unwrap().unwrap(),
        COMPONENT
    );
    let down = store.fetch(&tagged).await.unwrap_err();
    assert!(matches!(down, OciError::Unreachable { .. }), "{}", chain(&down));
}

#[tokio::test]
async fn a_tag_that_moves_leads_to_the_new_component_and_the_old_one_stays_readable() {
    let registry = Registry::start();
    let tagged = reference(format!("{}/echo", registry.address));
    let (_dir, store) = store();
    let mut large = COMPONENT.to_vec();
    // More than one chunk of an upload.
    large.resize(9 << 20, 7);
    for bytes in [COMPONENT, &large] {
        publish(bytes, &PublishInfo::default(), &tagged).await.unwrap();
        let fetched = store.fetch(&tagged).await.unwrap();
        assert_eq!(fetched.pinned.component, Digest::of(bytes));
        assert_eq!(fetched.bytes, bytes);
    }
    assert_eq!(
        store.read(&Digest::of(COMPONENT)).await.unwrap().unwrap(),
        COMPONENT
    );
}

#[tokio::test]
async fn an_image_index_in_a_registry_resolves_to_its_wasm_entry() {
    let registry = Registry::start();
    let name = format!("{}/echo", registry.address);
    let published = publish(COMPONENT, &about(), &reference(format!("{name}:wasm")))
        .await
        .unwrap();
    let url = format!("http://{}/v2/echo/manifests/wasm", registry.address);
    let get = reqwest::Client::new()
        .get(url)
        .header("accept", MANIFEST_TYPE)
        .send();
    let manifest_size = get.await.unwrap().bytes().await.unwrap().len();
    let entry = json!({
        "mediaType": MANIFEST_TYPE, "digest": published.manifest.to_string(),
        "size": manifest_size, "platform": {"architecture": "wasm", "os": "wasip2"},
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry],
    });
    let put = reqwest::Client::new()
        .put(format!("http://{}/v2/echo/manifests/multi", registry.address))
        .header("content-type", INDEX_TYPE)
        .body(index.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(put.status().as_u16(), 201);
    let (_dir, store) = store();
    let fetched = store.fetch(&reference(format!("{name}:multi"))).await.unwrap();
    assert_eq!(fetched.pinned.manifest, Some(published.manifest));
}

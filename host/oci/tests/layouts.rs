//! Layouts on disk and the host's own store: written, read, moved and shared.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use platform_domain::Digest;
use platform_oci::{
    CONFIG_TYPE, ContentStore, LAYER_TYPE, MANIFEST_ANNOTATION, MANIFEST_TYPE, OciError, Part, PublishInfo,
    limits,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::given::*;

#[tokio::test]
async fn a_published_component_is_an_artifact_of_one_layer_with_its_annotations() {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("a/layout");
    let got = published(&layout, ":1.2.0").await;
    assert_eq!((got.component, got.size), (Digest::of(COMPONENT), 8));
    assert_eq!(
        read_json(layout.join("oci-layout")),
        json!({"imageLayoutVersion": "1.0.0"})
    );
    let index = read_json(layout.join("index.json"));
    assert_eq!(index["manifests"][0]["digest"], got.manifest.to_string());
    let manifest = read_json(blob(&layout, &got.manifest));
    assert_eq!(manifest["mediaType"], MANIFEST_TYPE);
    assert_eq!(manifest["config"]["mediaType"], CONFIG_TYPE);
    assert_eq!(manifest["layers"], json!([descriptor(LAYER_TYPE, COMPONENT)]));
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.title"], "Echo");
    assert_eq!(annotations["org.opencontainers.image.version"], "1.2.0");
    assert_eq!(
        annotations["org.opencontainers.image.description"],
        "Says it again"
    );
    let embedded: Value = serde_json::from_str(annotations[MANIFEST_ANNOTATION].as_str().unwrap()).unwrap();
    assert_eq!(embedded["name"], "Echo");
    assert_eq!(fs::read(blob(&layout, &got.component)).unwrap(), COMPONENT);
    let leftovers = fs::read_dir(&layout)
        .unwrap()
        .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(leftovers.count(), 0);
}

#[tokio::test]
async fn publishing_again_moves_the_tag_and_leaves_others_alone() {
    let dir = TempDir::new().unwrap();
    let layout = dir.path();
    let first = published(layout, "").await;
    assert_eq!(published(layout, ":stable").await, first);
    let index = read_json(layout.join("index.json"));
    let to = in_layout(layout, ":latest");
    let second = publish(b"another", &PublishInfo::default(), &to).await.unwrap();
    let (_dir, store) = store();
    let digest_of = async |rest| {
        store
            .fetch(&in_layout(layout, rest))
            .await
            .unwrap()
            .pinned
            .manifest
    };
    assert_eq!(digest_of("").await, Some(second.manifest));
    assert_eq!(digest_of(":stable").await, Some(first.manifest));
    assert_eq!(
        digest_of(&format!("@{}", first.manifest)).await,
        Some(first.manifest)
    );
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(
        read_json(layout.join("index.json"))["manifests"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_many_tags_at_once_loses_none() {
    let dir = TempDir::new().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let to = in_layout(dir.path(), &format!(":t{n}"));
        tasks.spawn(async move { publish(COMPONENT, &about(), &to).await.unwrap() });
    }
    tasks.join_all().await;
    let index = read_json(dir.path().join("index.json"));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn what_other_tools_wrote_into_an_index_is_kept() {
    let dir = TempDir::new().unwrap();
    published(dir.path(), "").await;
    let path = dir.path().join("index.json");
    let mut index = read_json(path.clone());
    index["annotations"] = json!({"made-by": "hand"});
    index["manifests"][0]["artifactType"] = json!("application/x");
    fs::write(&path, index.to_string()).unwrap();
    published(dir.path(), ":other").await;
    let after = read_json(path);
    assert_eq!(after["annotations"], index["annotations"]);
    assert_eq!(after["manifests"][0], index["manifests"][0]);
}

#[tokio::test]
async fn the_store_is_private_a_layout_itself_and_needs_no_source_for_what_it_has() {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    let got = published(&layout, "").await;
    let (home, store) = store();
    let fetched = store.fetch(&in_layout(&layout, "")).await.unwrap();
    assert_eq!(
        (fetched.pinned.manifest, fetched.bytes.as_ref()),
        (Some(got.manifest), COMPONENT)
    );
    fs::remove_dir_all(&layout).unwrap();
    let pinned = in_layout(&layout, &format!("@{}", got.manifest));
    assert_eq!(store.fetch(&pinned).await.unwrap().bytes, COMPONENT);
    assert_eq!(store.read(&got.component).await.unwrap().unwrap(), COMPONENT);
    assert_eq!(store.read(&Digest::of(b"never seen")).await.unwrap(), None);

    let own = home.path().join("store");
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(
        fs::metadata(blob(&own, &got.component))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let index = read_json(own.join("index.json"));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1, "listed once");
    let (_second, copy) = crate::given::store();
    let from_store = in_layout(&own, &format!("@{}", got.manifest));
    assert_eq!(
        copy.fetch(&from_store).await.unwrap().pinned.component,
        got.component
    );
    let reopened = ContentStore::open(&own).unwrap();
    assert_eq!(reopened.read(&got.component).await.unwrap().unwrap(), COMPONENT);
}

#[tokio::test]
async fn a_damaged_copy_in_the_store_is_never_given_out_and_is_replaced_by_fetching() {
    let dir = TempDir::new().unwrap();
    let got = published(dir.path(), "").await;
    let (home, store) = store();
    let source = in_layout(dir.path(), "");
    store.fetch(&source).await.unwrap();
    let path = blob(&home.path().join("store"), &got.component);
    for damage in [&b"\0asm\x0d\0\x01\x01"[..], b"", b"longer than it was"] {
        fs::write(&path, damage).unwrap();
        let error = store.read(&got.component).await.unwrap_err();
        assert!(
            matches!(
                error,
                OciError::Mismatch {
                    part: Part::Component,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(store.fetch(&source).await.unwrap().bytes, COMPONENT);
        assert_eq!(store.read(&got.component).await.unwrap().unwrap(), COMPONENT);
    }
    fs::remove_file(&path).unwrap();
    symlink(blob(dir.path(), &got.component), &path).unwrap();
    assert!(matches!(
        store.read(&got.component).await,
        Err(OciError::Unsafe { .. })
    ));
    store.fetch(&source).await.unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[tokio::test]
async fn a_reference_with_a_digest_must_match_it() {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    let wrong = in_layout(&layout, &format!(":latest@{}", Digest::of(b"x")));
    let error = publish(COMPONENT, &about(), &wrong).await.unwrap_err();
    assert!(matches!(
        error,
        OciError::Mismatch {
            part: Part::Manifest,
            ..
        }
    ));
    assert!(!layout.exists(), "nothing was written");
    let got = published(&layout, "").await;
    let right = in_layout(&layout, &format!(":latest@{}", got.manifest));
    assert_eq!(publish(COMPONENT, &about(), &right).await.unwrap(), got);
    let (_dir, store) = store();
    assert!(store.fetch(&right).await.is_ok());
    assert!(matches!(
        store.fetch(&wrong).await,
        Err(OciError::Mismatch { .. })
    ));
    let absent = in_layout(&layout, &format!("@{}", Digest::of(b"x")));
    assert!(matches!(
        store.fetch(&absent).await,
        Err(OciError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_not_found() {
    let dir = TempDir::new().unwrap();
    published(dir.path(), "").await;
    let (_dir, store) = store();
    for text in [
        format!("oci:{}:1", dir.path().display()),
        format!("oci:{}/none", dir.path().display()),
        format!("file:{}/none.wasm", dir.path().display()),
    ] {
        let error = store.fetch(&reference(&text)).await.unwrap_err();
        assert!(matches!(error, OciError::NotFound { .. }), "{text}: {error}");
    }
}

#[tokio::test]
async fn a_file_is_copied_into_the_store() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("echo.wasm");
    fs::write(&path, COMPONENT).unwrap();
    let (_dir, store) = store();
    let file = reference(format!("file:{}", path.display()));
    let fetched = store.fetch(&file).await.unwrap();
    assert_eq!(
        (fetched.pinned.manifest, fetched.pinned.component),
        (None, Digest::of(COMPONENT))
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(
        store.read(&fetched.pinned.component).await.unwrap().unwrap(),
        COMPONENT
    );

    make_pipe(&path);
    assert!(matches!(store.fetch(&file).await, Err(OciError::Unsafe { .. })));
    let directory = reference(format!("file:{}", dir.path().display()));
    assert!(matches!(
        store.fetch(&directory).await,
        Err(OciError::Unreadable { .. })
    ));
    fs::remove_file(&path).unwrap();
    fs::File::create(&path)
        .unwrap()
        .set_len(limits::MAX_COMPONENT + 1)
        .unwrap();
    assert!(matches!(store.fetch(&file).await, Err(OciError::TooLarge { .. })));
    let error = publish(COMPONENT, &about(), &file).await.unwrap_err();
    assert!(matches!(error, OciError::NotPublishable));
    let large = vec![0; limits::MAX_COMPONENT as usize + 1];
    let error = publish(&large, &about(), &in_layout(dir.path(), ""))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        OciError::TooLarge {
            part: Part::Component,
            ..
        }
    ));
}

#[tokio::test]
async fn publishing_never_writes_through_a_link() {
    let dir = TempDir::new().unwrap();
    let (layout, outside) = (dir.path().join("layout"), dir.path().join("outside"));
    fs::create_dir_all(outside.join("sha256")).unwrap();
    fs::create_dir(&layout).unwrap();
    symlink(&outside, layout.join("blobs")).unwrap();
    let error = publish(COMPONENT, &about(), &in_layout(&layout, ""))
        .await
        .unwrap_err();
    assert!(matches!(error, OciError::Unsafe { .. }));
    assert_eq!(fs::read_dir(outside.join("sha256")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_directory_with_other_things_in_it_is_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    let mode = || fs::metadata(dir.path()).unwrap().permissions().mode();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let before = mode();
    let error = publish(COMPONENT, &about(), &in_layout(dir.path(), ""))
        .await
        .unwrap_err();
    assert!(matches!(error, OciError::NotALayout { .. }));
    assert!(matches!(
        ContentStore::open(dir.path()),
        Err(OciError::NotALayout { .. })
    ));
    assert_eq!((mode(), fs::read_dir(dir.path()).unwrap().count()), (before, 1));

    // What a crash in the middle of the creation leaves.
    let half = dir.path().join("half");
    fs::create_dir_all(half.join("blobs")).unwrap();
    fs::write(half.join(".tmp-x"), "{").unwrap();
    published(&half, "").await;
}

//! The store's end of things: what is collected, what stays, and what does not fit.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use platform_domain::{ByteSize, Digest};
use platform_oci::{ContentKind, ContentStore, OciError, limits};
use tempfile::TempDir;

use crate::given::*;

/// As if everything had been fetched before the time that the store keeps it in any case.
pub(crate) fn age(store: &Path) {
    let then = SystemTime::now() - limits::GRACE - Duration::from_secs(1);
    for entry in fs::read_dir(store.join("blobs/sha256")).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        file.set_modified(then).unwrap();
    }
}

fn blobs(store: &Path) -> usize {
    fs::read_dir(store.join("blobs/sha256")).unwrap().count()
}

fn listed(store: &Path) -> usize {
    read_json(store.join("index.json"))["manifests"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn what_no_root_leads_to_is_removed_when_nobody_fetched_it_lately() {
    let from = TempDir::new().unwrap();
    let (home, store) = store();
    let dir = home.path().join("store");
    let mut digests = Vec::new();
    for bytes in [&b"one"[..], b"two", b"three"] {
        let to = in_layout(from.path(), ":x");
        publish(bytes, &about(), &to).await.unwrap();
        let pinned = store.fetch(&to).await.unwrap().pinned;
        digests.push((pinned.manifest.unwrap(), pinned.component));
    }
    assert_eq!((blobs(&dir), listed(&dir)), (9, 3));
    let contents = store.contents().await.unwrap();
    let kinds = |kind| contents.iter().filter(|content| content.kind == kind).count();
    let counts = [ContentKind::Manifest, ContentKind::Config, ContentKind::Component].map(kinds);
    assert_eq!(counts, [3, 3, 3]);

    let young = store.collect([], false).await.unwrap();
    assert_eq!((young.removed.len(), blobs(&dir)), (0, 9), "fetched a moment ago");
    age(&dir);
    let by_manifest = [digests[0].0, digests[0].1];
    let told = store.collect(by_manifest, true).await.unwrap();
    assert_eq!(
        (told.removed.len(), blobs(&dir), listed(&dir)),
        (6, 9, 3),
        "only told"
    );
    let done = store.collect(by_manifest, false).await.unwrap();
    assert_eq!(done, told);
    assert_eq!((blobs(&dir), listed(&dir)), (3, 1));
    assert_eq!(store.read(&digests[0].1).await.unwrap().unwrap(), "one");
    assert_eq!(store.read(&digests[1].1).await.unwrap(), None);
    let pinned = in_layout(Path::new("/nowhere"), &format!("@{}", digests[0].0));
    assert_eq!(store.fetch(&pinned).await.unwrap().bytes, "one", "it is whole");

    // Of a bare file there is only the component.
    age(&dir);
    store.collect([digests[0].1], false).await.unwrap();
    assert_eq!((blobs(&dir), listed(&dir)), (1, 0));
    assert_eq!(store.collect([], false).await.unwrap().removed.len(), 1);
    assert_eq!(blobs(&dir), 0);
}

#[tokio::test]
async fn fetching_again_what_is_there_keeps_it_from_a_collection() {
    let from = TempDir::new().unwrap();
    let got = published(from.path(), "").await;
    let (home, store) = store();
    let dir = home.path().join("store");
    let file = from.path().join("echo.wasm");
    fs::write(&file, b"bare").unwrap();
    let references = [
        in_layout(from.path(), ""),
        in_layout(from.path(), &format!("@{}", got.manifest)),
        reference(format!("file:{}", file.display())),
    ];
    for reference in &references {
        store.fetch(reference).await.unwrap();
        age(&dir);
        let component = store.fetch(reference).await.unwrap().pinned.component;
        store.collect([], false).await.unwrap();
        assert!(store.read(&component).await.unwrap().is_some(), "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fetches_and_collections_at_once_leave_every_fetched_component_whole() {
    let from = TempDir::new().unwrap();
    let (home, store) = store();
    let dir = home.path().join("store");
    for n in 0..8 {
        let bytes = format!("component {n}");
        publish(
            bytes.as_bytes(),
            &about(),
            &in_layout(from.path(), &format!(":{n}")),
        )
        .await
        .unwrap();
    }
    for _ in 0..4 {
        let mut fetches = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (store, reference) = (store.clone(), in_layout(from.path(), &format!(":{n}")));
            fetches.spawn(async move { store.fetch(&reference).await.unwrap().pinned });
        }
        let collecting = store.clone();
        let mut collections = tokio::task::JoinSet::new();
        collections.spawn(async move {
            for _ in 0..16 {
                collecting.collect([], false).await.unwrap();
            }
        });
        for pinned in fetches.join_all().await {
            let again = in_layout(Path::new("/nowhere"), &format!("@{}", pinned.manifest.unwrap()));
            assert_eq!(
                store.fetch(&again).await.unwrap().pinned.component,
                pinned.component
            );
        }
        collections.join_all().await;
        age(&dir);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_it_is_fetched_and_fits_after_a_collection() {
    let from = TempDir::new().unwrap();
    let home = TempDir::new().unwrap();
    let store = ContentStore::open(home.path())
        .unwrap()
        .with_quota(ByteSize(4096));
    let put = async |n: u8| {
        let to = in_layout(from.path(), &format!(":{n}"));
        publish(&[n; 2000], &about(), &to).await.unwrap();
        to
    };
    let (first, second) = (put(1).await, put(2).await);
    store.fetch(&first).await.unwrap();
    store.fetch(&first).await.unwrap();
    let before = blobs(home.path());
    let error = store.fetch(&second).await.unwrap_err();
    assert!(
        matches!(error, OciError::StoreFull { quota: 4096, needed, .. } if needed > 2000),
        "{error}"
    );
    assert_eq!(blobs(home.path()), before);
    let file = from.path().join("bare.wasm");
    fs::write(&file, [3; 4000]).unwrap();
    let bare = reference(format!("file:{}", file.display()));
    assert!(matches!(
        store.fetch(&bare).await,
        Err(OciError::StoreFull { .. })
    ));
    age(home.path());
    store.collect([], false).await.unwrap();
    assert_eq!(store.fetch(&second).await.unwrap().bytes.as_ref(), [2; 2000]);
    assert_eq!(store.read(&Digest::of(&[1; 2000])).await.unwrap(), None);
}

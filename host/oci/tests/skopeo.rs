//! Another reader and writer of layouts: what we write it copies, and what it copies we read, with the same digests.

use std::{fs, path::Path, process::Command};

use platform_domain::ComponentRef;
use platform_oci::Published;
use tempfile::TempDir;

use crate::{docker_registry::Registry, given::*};

/// Copies an artifact with `skopeo`, which fails when it cannot keep its digests.
fn copy(from: &ComponentRef, to: &ComponentRef) {
    copy_named(&from.to_string(), &to.to_string());
}

fn copy_named(from: &str, to: &str) {
    let output = Command::new("skopeo")
        .args(["--insecure-policy", "copy", "--quiet", "--preserve-digests"])
        .args(["--src-tls-verify=false", "--dest-tls-verify=false", from, to])
        .output();
    let output = output.expect("skopeo is missing: apt-get install skopeo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{from} to {to}: {said}");
}

fn check_same(dir: &Path, published: &Published) {
    assert_eq!(fs::read(blob(dir, &published.component)).unwrap(), COMPONENT);
    assert!(blob(dir, &published.manifest).exists());
}

#[tokio::test]
async fn our_layouts_archives_and_store_are_copied_byte_for_byte() {
    let dir = TempDir::new().unwrap();
    let place = |name: &str| dir.path().join(name);
    let published = published(&place("layout"), ":1").await;
    copy(
        &in_layout(&place("layout"), ":1"),
        &in_layout(&place("from-layout"), ":x"),
    );
    check_same(&place("from-layout"), &published);

    let ours = reference(format!("oci-archive:{}:1", place("ours.tar").display()));
    publish(COMPONENT, &about(), &ours).await.unwrap();
    copy(&ours, &in_layout(&place("from-archive"), ":x"));
    check_same(&place("from-archive"), &published);

    let (home, store) = store();
    let other = in_layout(&place("other"), "");
    publish(b"another", &about(), &other).await.unwrap();
    for reference in [&ours, &other] {
        store.fetch(reference).await.unwrap();
    }
    let tag = format!(":sha256-{}", published.manifest.hex());
    copy(
        &in_layout(&home.path().join("store"), &tag),
        &in_layout(&place("from-store"), ":x"),
    );
    check_same(&place("from-store"), &published);
}

#[tokio::test]
async fn its_archives_and_layouts_are_read_with_their_digests() {
    let dir = TempDir::new().unwrap();
    let published = published(&dir.path().join("layout"), ":1").await;
    let archive = |name: &str, tag: &str| {
        let file = dir.path().join(name);
        reference(format!("oci-archive:{}{tag}", file.display()))
    };
    for to in [
        archive("tagged.tar", ":1"),
        archive("bare.tar", ""),
        in_layout(&dir.path().join("theirs"), ":1"),
    ] {
        copy(&in_layout(&dir.path().join("layout"), ":1"), &to);
        let (_dir, store) = store();
        let fetched = store.fetch(&to).await.unwrap();
        assert_eq!(fetched.pinned.manifest, Some(published.manifest), "{to}");
        assert_eq!(fetched.bytes, COMPONENT, "{to}");
    }
}

#[tokio::test]
async fn what_we_publish_to_a_registry_is_copied_from_there_and_what_is_copied_there_is_ours() {
    let (registry, dir) = (Registry::start(), TempDir::new().unwrap());
    let in_registry = |tag: &str| format!("{}/team/echo:{tag}", registry.address);
    let docker = |tag: &str| format!("docker://{}", in_registry(tag));
    let ours = reference(in_registry("1"));
    let published = publish(COMPONENT, &about(), &ours).await.unwrap();
    let layout = in_layout(&dir.path().join("layout"), ":1");
    copy_named(&docker("1"), &layout.to_string());
    check_same(&dir.path().join("layout"), &published);
    copy_named(&layout.to_string(), &docker("2"));
    let (_dir, store) = store();
    let fetched = store.fetch(&reference(in_registry("2"))).await.unwrap();
    assert_eq!(fetched.pinned.manifest, Some(published.manifest));
    assert_eq!(fetched.bytes, COMPONENT);
}

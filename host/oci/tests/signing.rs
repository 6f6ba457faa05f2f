//! Signatures beside components: where they are put, where they are found, and what becomes of them.

use std::path::Path;

use platform_domain::{ComponentRef, Digest, KeyName};
use platform_oci::{Attached, AttachedForm, ContentStore, OciError, Published, Registries};
use platform_signatures::{Algorithm, Payload, PrivateKey, Trusted, names::signature_tag};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{collecting::age, docker_registry::Registry, given::*};

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::P256).unwrap()
}

pub(crate) fn trusting(keys: &[(&str, &PrivateKey)]) -> Trusted {
    let mut trusted = Trusted::default();
    for (name, key) in keys {
        trusted.add(name.parse().unwrap(), key.public()).unwrap();
    }
    trusted
}

fn sign(key: &PrivateKey, repository: &str, manifest: &Digest) -> Attached {
    let payload = Payload::new(repository, *manifest).to_bytes();
    let signature = key.sign(&payload).to_string();
    Attached::payload(payload, &signature)
}

pub(crate) async fn publish_signed(key: &PrivateKey, to: &ComponentRef) -> Published {
    let signer = |repository: &str, manifest: &Digest| sign(key, repository, manifest);
    let (registries, about) = (Registries::default(), about());
    let published = registries.publish(COMPONENT, &about, to, Some(&signer));
    published.await.unwrap()
}

async fn sign_also(key: &PrivateKey, reference: &ComponentRef) -> Result<Digest, OciError> {
    let signer = |repository: &str, manifest: &Digest| sign(key, repository, manifest);
    Registries::default().sign(reference, &signer).await
}

pub(crate) fn store_of(dir: &Path, trusted: Trusted) -> ContentStore {
    ContentStore::open(dir).unwrap().with_trusted(trusted)
}

pub(crate) async fn signers(store: &ContentStore, manifest: &Digest) -> Vec<String> {
    let signers = store.signers(manifest).await.unwrap();
    signers.keys.iter().map(KeyName::to_string).collect()
}

#[tokio::test]
async fn a_signature_goes_wherever_its_component_goes() {
    let (registry, dir) = (Registry::start(), TempDir::new().unwrap());
    let (alice, bob, eve) = (key(), PrivateKey::generate(Algorithm::Ed25519).unwrap(), key());
    let place = |name: &str| dir.path().join(name);
    let trusted = || trusting(&[("alice", &alice), ("bob", &bob)]);
    let references = [
        in_layout(&place("layout"), ":1"),
        reference(format!("oci-archive:{}:1", place("one.tar").display())),
        reference(format!("{}/team/echo:1", registry.address)),
    ];
    for (round, to) in references.iter().enumerate() {
        let Published { manifest, .. } = publish_signed(&alice, to).await;
        let of_archive = matches!(to, ComponentRef::Archive { .. });
        for key in [&bob, &eve, &bob] {
            match sign_also(key, to).await {
                Ok(signed) => assert!(!of_archive && signed == manifest),
                Err(error) => assert!(of_archive && matches!(error, OciError::NotSignable), "{error}"),
            }
        }
        let expected: &[&str] = if of_archive { &["alice"] } else { &["alice", "bob"] };

        // Over another archive and another layout, as to a host that reaches no registry.
        let mut from = to.clone();
        for (step, kind) in ["oci-archive", "oci"].into_iter().enumerate() {
            let pulled = Registries::default().pull(&from, None).await.unwrap();
            assert!(pulled.unread.is_none(), "{:?}", pulled.unread);
            let payloads = pulled.signatures.iter().filter_map(|it| match it.form() {
                AttachedForm::Payload(payload, _) => Payload::parse(payload).ok(),
                AttachedForm::Bundle(_) => None,
            });
            assert_eq!(payloads.count(), pulled.signatures.len());
            let copy = place(&format!("copy-{round}-{step}"));
            from = reference(format!("{kind}:{}:x", copy.display()));
            pulled.write(&from, true).await.unwrap();
        }
        for reference in [to, &from] {
            let home = TempDir::new().unwrap();
            let store = store_of(home.path(), trusted());
            let fetched = store.fetch(reference).await.unwrap();
            assert!(fetched.unread.is_none());
            assert_eq!(signers(&store, &manifest).await, expected, "{reference}");
        }
    }
    // Without any network, and with other keys.
    drop(registry);
    let home = TempDir::new().unwrap();
    store_of(home.path(), trusted())
        .fetch(&references[0])
        .await
        .unwrap();
    let later = store_of(home.path(), trusting(&[("carol", &eve)]));
    let manifest = publish_signed(&alice, &references[0]).await.manifest;
    assert_eq!(signers(&later, &manifest).await, ["carol"]);
    assert!(signers(&later, &Digest::of(b"other")).await.is_empty());
}

#[tokio::test]
async fn what_others_put_beside_a_component_stays_there() {
    let dir = TempDir::new().unwrap();
    let (layout, alice) = (dir.path().join("layout"), key());
    let to = in_layout(&layout, ":1");
    let Published { manifest, .. } = publish_signed(&key(), &to).await;
    // A layer that is nothing to us, as other tools add them.
    let index = |layout: &Path| read_json(layout.join("index.json"));
    let image = |index: &Value| -> (usize, Value) {
        let name = signature_tag(&manifest);
        let entries = index["manifests"].as_array().unwrap();
        let of_name = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"] == *name;
        let at = entries.iter().position(of_name).unwrap();
        let digest = entries[at]["digest"].as_str().unwrap().parse().unwrap();
        (at, read_json(blob(&layout, &digest)))
    };
    let mut listed = index(&layout);
    let (at, mut changed) = image(&listed);
    let other = descriptor("application/vnd.example", b"other");
    changed["layers"].as_array_mut().unwrap().push(other.clone());
    let changed = changed.to_string().into_bytes();
    std::fs::write(blob(&layout, &Digest::of(&changed)), &changed).unwrap();
    listed["manifests"][at]["digest"] = json!(Digest::of(&changed).to_string());
    listed["manifests"][at]["size"] = json!(changed.len());
    std::fs::write(layout.join("index.json"), listed.to_string()).unwrap();

    sign_also(&alice, &to).await.unwrap();
    let (_, after) = image(&index(&layout));
    let layers = after["layers"].as_array().unwrap();
    assert!(layers.len() == 3 && layers.contains(&other), "{layers:?}");
}

#[tokio::test]
async fn what_counts_is_kept_when_there_are_too_many() {
    let (alice, dir) = (key(), TempDir::new().unwrap());
    let to = in_layout(&dir.path().join("layout"), ":1");
    let home = TempDir::new().unwrap();
    let store = store_of(home.path(), trusting(&[("alice", &alice)]));
    let manifest = publish_signed(&key(), &to).await.manifest;
    for _ in 1..platform_oci::limits::MAX_SIGNATURES {
        sign_also(&key(), &to).await.unwrap();
    }
    let full = sign_also(&alice, &to).await.unwrap_err();
    assert!(matches!(full, OciError::Invalid { .. }), "{full}");
    store.fetch(&to).await.unwrap();
    assert!(signers(&store, &manifest).await.is_empty());
    // Of another source, where hers is the only one; then the others again.
    let own = in_layout(&dir.path().join("own"), ":1");
    publish_signed(&alice, &own).await;
    for from in [&own, &to] {
        store.fetch(from).await.unwrap();
        assert_eq!(signers(&store, &manifest).await, ["alice"]);
    }
}

#[tokio::test]
async fn signatures_are_collected_with_what_they_sign() {
    let (alice, dir) = (key(), TempDir::new().unwrap());
    let home = TempDir::new().unwrap();
    let store = store_of(home.path(), trusting(&[("alice", &alice)]));
    let to = in_layout(&dir.path().join("layout"), ":1");
    let manifest = publish_signed(&alice, &to).await.manifest;
    store.fetch(&to).await.unwrap();
    let kinds = |contents: &[platform_oci::Content]| {
        let of_signature = |it: &&platform_oci::Content| it.kind == platform_oci::ContentKind::Signature;
        (contents.len(), contents.iter().filter(of_signature).count())
    };
    assert_eq!(kinds(&store.contents().await.unwrap()), (6, 3));
    age(home.path());
    store.collect([manifest], false).await.unwrap();
    assert_eq!(signers(&store, &manifest).await, ["alice"]);
    assert_eq!(kinds(&store.contents().await.unwrap()), (6, 3));
    age(home.path());
    store.collect([], false).await.unwrap();
    assert_eq!(kinds(&store.contents().await.unwrap()), (0, 0));
    assert!(signers(&store, &manifest).await.is_empty());
}

#[tokio::test]
async fn a_damaged_signature_in_the_store_hides_no_other_and_is_told() {
    let (alice, bob, dir) = (key(), key(), TempDir::new().unwrap());
    let to = in_layout(&dir.path().join("layout"), ":1");
    let home = TempDir::new().unwrap();
    let store = store_of(home.path(), trusting(&[("alice", &alice), ("bob", &bob)]));
    let manifest = publish_signed(&alice, &to).await.manifest;
    let payload = Payload::new("elsewhere", manifest).to_bytes();
    let other = |_: &str, _: &Digest| {
        let signature = bob.sign(&payload).to_string();
        Attached::payload(payload.clone(), &signature)
    };
    Registries::default().sign(&to, &other).await.unwrap();
    store.fetch(&to).await.unwrap();
    assert_eq!(signers(&store, &manifest).await, ["alice", "bob"]);
    std::fs::write(blob(home.path(), &Digest::of(&payload)), b"damaged").unwrap();
    let found = store.signers(&manifest).await.unwrap();
    assert!(found.unread.is_some());
    assert_eq!(signers(&store, &manifest).await, ["alice"]);
    store.fetch(&to).await.unwrap();
    assert_eq!(
        signers(&store, &manifest).await,
        ["alice", "bob"],
        "it is replaced"
    );
}

#[tokio::test]
async fn what_is_there_by_its_digest_still_learns_who_signed_it_since() {
    let (registry, alice, home) = (Registry::start(), key(), TempDir::new().unwrap());
    let tag = reference(format!("{}/echo:1", registry.address));
    let manifest = publish(COMPONENT, &about(), &tag).await.unwrap().manifest;
    let pinned = reference(format!("{}/echo@{manifest}", registry.address));
    let store = store_of(home.path(), trusting(&[("alice", &alice)]));
    store.fetch(&pinned).await.unwrap();
    assert!(signers(&store, &manifest).await.is_empty());
    sign_also(&alice, &tag).await.unwrap();
    let fetched = store.fetch(&pinned).await.unwrap();
    assert!(fetched.unread.is_none());
    assert_eq!(signers(&store, &manifest).await, ["alice"]);
    drop(registry);
    let fetched = store.fetch(&pinned).await.unwrap();
    assert!(fetched.unread.is_some() && fetched.bytes == COMPONENT);
    assert_eq!(signers(&store, &manifest).await, ["alice"]);
}

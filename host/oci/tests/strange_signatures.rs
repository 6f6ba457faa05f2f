//! Registries that are asked for signatures and say what they like.

use std::time::Duration;

use platform_domain::Digest;
use platform_oci::{OciError, Patience, Registries};
use platform_signatures::{
    Payload,
    names::{
        PAYLOAD_MEDIA_TYPE, SIGNATURE_ANNOTATION, SIGNATURE_ARTIFACT_TYPE, referrers_tag, signature_tag,
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    given::*,
    hostile::{honest, not_found, ok},
    server::{Answer, Server},
    signing::{key, signers, store_of, trusting},
};

/// A registry of the one component, with more under other names.
fn registry_with(more: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Server {
    Server::start(move |path, _| more(path).unwrap_or_else(|| honest(path)))
}

fn manifest_of_honest() -> Digest {
    let (manifest, _) = artifact_of(COMPONENT);
    Digest::of(manifest.to_string().as_bytes())
}

fn image_of(signatures: &[(&[u8], &str)]) -> Vec<u8> {
    let layers = signatures.iter().map(|(payload, signature)| {
        let mut layer = descriptor(PAYLOAD_MEDIA_TYPE, payload);
        layer["annotations"] = json!({ SIGNATURE_ANNOTATION: signature });
        layer
    });
    let config = descriptor("application/vnd.oci.empty.v1+json", b"{}");
    let image = json!({"schemaVersion": 2, "config": config, "layers": layers.collect::<Vec<_>>()});
    image.to_string().into_bytes()
}

#[tokio::test]
async fn signatures_are_found_among_what_refers_to_a_component() {
    let (alice, manifest) = (key(), manifest_of_honest());
    let payload = Payload::new("r.example/echo", manifest).to_bytes();
    let signature = alice.sign(&payload).to_string();
    let image = image_of(&[(&payload, &signature)]);
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &image);
    entry["artifactType"] = json!(SIGNATURE_ARTIFACT_TYPE);
    let mut others = entry.clone();
    others["artifactType"] = json!("application/spdx+json");
    others["digest"] = json!(Digest::of(b"never asked for").to_string());
    let index = json!({"schemaVersion": 2, "manifests": [others, entry]}).to_string();
    // By the registry itself, or under the tag that stands in for that.
    for by in [
        format!("/referrers/{manifest}"),
        format!("/manifests/{}", referrers_tag(&manifest)),
    ] {
        let (image, payload, index) = (image.clone(), payload.clone(), index.clone());
        let server = registry_with(move |path| match path.rsplit_once('/')?.1 {
            _ if path.ends_with(&by) => Some(ok(index.clone())),
            name if name == Digest::of(&image).to_string() => Some(ok(image.clone())),
            name if name == Digest::of(&payload).to_string() => Some(ok(payload.clone())),
            _ => None,
        });
        let home = TempDir::new().unwrap();
        let store = store_of(home.path(), trusting(&[("alice", &alice)]));
        let fetched = store.fetch(&server.reference()).await.unwrap();
        assert!(fetched.unread.is_none(), "{:?}", fetched.unread);
        assert_eq!(signers(&store, &manifest).await, ["alice"]);
        assert!(
            !server
                .requests()
                .iter()
                .any(|path| path.contains(&Digest::of(b"never asked for").hex()))
        );
    }
}

#[tokio::test]
async fn a_hostile_registry_cannot_make_its_signatures_cost_the_component() {
    let (alice, manifest) = (key(), manifest_of_honest());
    let tag = signature_tag(&manifest);
    let payload = Payload::new("r.example/echo", Digest::of(b"something else")).to_bytes();
    let for_else = alice.sign(&payload).to_string();
    let large = vec![b' '; 100 << 10];
    let many = json!({"schemaVersion": 2, "manifests": vec![
        descriptor("application/vnd.oci.image.manifest.v1+json", b"absent"); 1000
    ]});
    // What is answered to the tag of signatures, what to every other question, and whether that is told.
    let cases: [(&str, Vec<u8>, Vec<u8>, bool); 6] = [
        ("no JSON", b"<html>".to_vec(), vec![], false),
        (
            "signed for something else",
            image_of(&[(&payload, &for_else)]),
            payload.clone(),
            false,
        ),
        (
            "no signature",
            image_of(&[(&payload, "AAAA")]),
            payload.clone(),
            false,
        ),
        (
            "another payload",
            image_of(&[(&payload, &for_else)]),
            b"other".to_vec(),
            true,
        ),
        (
            "too large to look at",
            image_of(&[(&large, &for_else)]),
            large.clone(),
            false,
        ),
        (
            "an index of a thousand",
            many.to_string().into_bytes(),
            vec![],
            false,
        ),
    ];
    for (name, image, rest, told) in cases {
        let (tag, of_rest) = (tag.clone(), Digest::of(&payload).hex());
        let of_large = Digest::of(&large).hex();
        let server = registry_with(move |path| match path {
            _ if path.ends_with(&tag) => Some(ok(image.clone())),
            _ if path.ends_with(&of_rest) || path.ends_with(&of_large) => Some(ok(rest.clone())),
            _ => None,
        });
        let home = TempDir::new().unwrap();
        let store = store_of(home.path(), trusting(&[("alice", &alice)]));
        let fetched = store.fetch(&server.reference()).await.unwrap();
        assert_eq!(fetched.bytes, COMPONENT, "{name}");
        assert_eq!(fetched.unread.is_some(), told, "{name}: {:?}", fetched.unread);
        assert!(signers(&store, &manifest).await.is_empty(), "{name}");
        assert!(
            !server
                .requests()
                .iter()
                .any(|path| path.ends_with(&Digest::of(&large).hex())),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_signature_that_cannot_be_read_takes_no_other_with_it() {
    let (alice, manifest) = (key(), manifest_of_honest());
    let payload = Payload::new("r.example/echo", manifest).to_bytes();
    let signature = alice.sign(&payload).to_string();
    let good = image_of(&[(&payload, &signature)]);
    let missing = descriptor("application/vnd.oci.image.manifest.v1+json", b"missing");
    let mut strange = missing.clone();
    strange["digest"] = json!("sha512:00");
    let listed = json!({"schemaVersion": 2, "manifests": [strange, missing]}).to_string();
    // What stands beside the good one: under its tag, and among the referrers.
    let cases: [(&str, Vec<u8>, Vec<u8>, bool); 4] = [
        (
            "a payload that is missing",
            image_of(&[(b"missing", "AAAA"), (&payload, &signature)]),
            vec![],
            true,
        ),
        (
            "referrers that are missing",
            good.clone(),
            listed.into_bytes(),
            true,
        ),
        (
            "referrers that are no JSON",
            good.clone(),
            b"<html>".to_vec(),
            true,
        ),
        ("nothing", good.clone(), vec![], false),
    ];
    for (name, image, referrers, told) in cases {
        let (tag, of_payload, payload) = (
            signature_tag(&manifest),
            Digest::of(&payload).hex(),
            payload.clone(),
        );
        let server = registry_with(move |path| match path {
            _ if path.ends_with(&tag) => Some(ok(image.clone())),
            _ if path.ends_with(&of_payload) => Some(ok(payload.clone())),
            _ if path.contains("/referrers/") && !referrers.is_empty() => Some(ok(referrers.clone())),
            _ => None,
        });
        let home = TempDir::new().unwrap();
        let store = store_of(home.path(), trusting(&[("alice", &alice)]));
        let fetched = store.fetch(&server.reference()).await.unwrap();
        assert_eq!(fetched.unread.is_some(), told, "{name}: {:?}", fetched.unread);
        assert_eq!(signers(&store, &manifest).await, ["alice"], "{name}");
    }
}

#[tokio::test]
async fn what_a_registry_adds_to_signatures_is_not_kept() {
    let (alice, manifest) = (key(), manifest_of_honest());
    let payload = Payload::new("r.example/echo", manifest).to_bytes();
    let signature = alice.sign(&payload).to_string();
    for (field, value) in [
        ("annotations", json!({"x": "x".repeat(200 << 10)})),
        ("data", json!("x".repeat(3 << 20))),
    ] {
        // Each of the two is what may be read, and both together are not.
        let bulky = |payload: &[u8], signature: &str| -> Vec<u8> {
            let mut image: Value = serde_json::from_slice(&image_of(&[(payload, signature)])).unwrap();
            let layer = &mut image["layers"][0];
            match field {
                "annotations" => layer["annotations"]["x"] = value["x"].clone(),
                field => layer[field] = value.clone(),
            }
            image.to_string().into_bytes()
        };
        let (one, two) = (bulky(b"other", "AAAA"), bulky(&payload, &signature));
        let entry = descriptor("application/vnd.oci.image.manifest.v1+json", &two);
        let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
        let (tag, payload) = (signature_tag(&manifest), payload.clone());
        let server = registry_with(move |path| match path.rsplit_once('/')?.1 {
            name if name == tag => Some(ok(one.clone())),
            _ if path.contains("/referrers/") => Some(ok(index.clone())),
            name if name == Digest::of(&two).to_string() => Some(ok(two.clone())),
            name if name == Digest::of(b"other").to_string() => Some(ok(b"other")),
            name if name == Digest::of(&payload).to_string() => Some(ok(payload.clone())),
            _ => None,
        });
        let home = TempDir::new().unwrap();
        let store = store_of(home.path(), trusting(&[("alice", &alice)]));
        for _ in 0..2 {
            let fetched = store.fetch(&server.reference()).await.unwrap();
            assert!(fetched.unread.is_none(), "{:?}", fetched.unread);
            assert_eq!(signers(&store, &manifest).await, ["alice"], "{field}");
        }
        let kept = store.contents().await.unwrap();
        let largest = kept
            .iter()
            .filter(|it| it.kind == platform_oci::ContentKind::Signature);
        assert!(largest.map(|it| it.size).max().unwrap() < 4096);
    }
}

#[tokio::test]
async fn a_registry_that_is_slow_about_signatures_is_not_waited_for() {
    let manifest = manifest_of_honest();
    let slow = || Answer::Drip(Duration::from_millis(50), vec![b' '; 10_000]);
    let server = registry_with(move |path| path.ends_with(".sig").then(slow));
    let home = TempDir::new().unwrap();
    let registries = Registries::default().with_patience(Patience {
        signatures: Duration::from_millis(200),
        ..Patience::default()
    });
    let store = store_of(home.path(), trusting(&[("alice", &key())])).with_registries(registries);
    // The same artifact from where nobody is slow.
    let quick = registry_with(|_| None);
    store.fetch(&quick.reference()).await.unwrap();
    let pinned = reference(format!("{}/echo@{manifest}", server.address));
    let fetched = store.fetch(&pinned).await.unwrap();
    assert!(
        matches!(fetched.unread, Some(OciError::TimedOut { .. })),
        "{:?}",
        fetched.unread
    );
    assert_eq!(fetched.bytes, COMPONENT);
}

#[tokio::test]
async fn a_thousand_referrers_are_not_all_asked_for() {
    let manifest = manifest_of_honest();
    let listed = (0..1000_u32).map(|n| {
        descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            &image_of(&[(&n.to_le_bytes(), "AAAA")]),
        )
    });
    let index = json!({"schemaVersion": 2, "manifests": listed.collect::<Vec<_>>()}).to_string();
    let server = registry_with(
        move |path| match path.rsplit_once('/')?.1.strip_prefix("sha256:")? {
            _ if path.contains("/referrers/") => Some(ok(index.clone())),
            hex if path.contains("/manifests/") => (0..1000_u32)
                .map(|n| image_of(&[(&n.to_le_bytes(), "AAAA")]))
                .find(|image| Digest::of(image).hex() == hex)
                .map(ok),
            hex => (0..1000_u32)
                .find(|n| Digest::of(&n.to_le_bytes()).hex() == hex)
                .map(|n| ok(n.to_le_bytes())),
        },
    );
    let (_dir, store) = store();
    let fetched = store.fetch(&server.reference()).await.unwrap();
    assert!(fetched.unread.is_none(), "{:?}", fetched.unread);
    let of_kind = |kind: &str| {
        server
            .requests()
            .iter()
            .filter(|path| path.contains(kind))
            .count()
    };
    // The component's own tag and the tag of its signatures; its config and itself.
    assert_eq!(of_kind("/manifests/"), platform_oci::limits::MAX_REFERRERS + 2);
    assert_eq!(of_kind("/blobs/"), platform_oci::limits::MAX_SIGNATURES + 2);
    assert!(signers(&store, &manifest).await.is_empty());
}

#[tokio::test]
async fn a_registry_without_signatures_is_asked_for_them_once() {
    let server = registry_with(|path| path.contains("/referrers/").then(not_found));
    let (_dir, store) = store();
    store.fetch(&server.reference()).await.unwrap();
    assert_eq!(server.requests().len(), 6, "{:?}", server.requests());
}

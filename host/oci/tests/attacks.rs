//! What a hostile registry may try, a row each.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use platform_domain::Digest;
use platform_oci::{INDEX_TYPE, MANIFEST_TYPE, OciError, Part, Patience, Registries};
use serde_json::json;

use crate::{
    given::*,
    hostile::{honest, is_component, not_found, ok},
    server::{Answer, Server},
};

/// What it does, how it answers a path, and what the operator reads.
type Row = (&'static str, fn(&str) -> Answer, fn(&OciError) -> bool);

fn is_manifest(path: &str) -> bool {
    path.contains("/manifests/")
}

/// All but the component as an honest registry has it.
fn component(path: &str, answer: Answer) -> Answer {
    if is_component(path) { answer } else { honest(path) }
}

/// The manifest after `change`, and nothing else of interest.
fn manifest(path: &str, change: fn(&mut serde_json::Value)) -> Answer {
    let (mut manifest, _) = artifact_of(COMPONENT);
    change(&mut manifest);
    if is_manifest(path) {
        ok(manifest.to_string())
    } else {
        honest(path)
    }
}

/// An index whose one entry leads to it by the digest of another index.
fn index_of(to: &[u8]) -> Vec<u8> {
    let mut entry = descriptor(INDEX_TYPE, to);
    entry["platform"] = json!({"architecture": "wasm", "os": "wasip2"});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]});
    index.to_string().into_bytes()
}

fn gzipped(body: &[u8]) -> Answer {
    Answer::Plain("200 OK", "content-encoding: gzip\r\n".to_owned(), body.to_vec())
}

const ROWS: [Row; 18] = [
    (
        "moves the tag, and has no longer what the manifest names",
        |path| {
            if is_manifest(path) {
                honest(path)
            } else {
                not_found()
            }
        },
        |e| matches!(e, OciError::NotFound { .. }),
    ),
    (
        "moves the tag, and answers with the new component for the old one",
        |path| component(path, ok(*b"\0asm\x0d\0\x01\x01")),
        |e| {
            matches!(
                e,
                OciError::Mismatch {
                    part: Part::Component,
                    ..
                }
            )
        },
    ),
    (
        "answers with another config",
        |path| {
            if is_manifest(path) {
                honest(path)
            } else {
                ok(config_of(b"other").to_string())
            }
        },
        |e| {
            matches!(
                e,
                OciError::Size {
                    part: Part::Config,
                    ..
                } | OciError::Mismatch { .. }
            )
        },
    ),
    (
        "cuts the component off",
        |path| component(path, Answer::Short(COMPONENT.len(), COMPONENT[..3].to_vec())),
        |e| matches!(e, OciError::Unreachable { .. }),
    ),
    (
        "declares 5 GiB",
        |path| {
            manifest(path, |manifest| {
                manifest["layers"][0]["size"] = json!(5_u64 << 30)
            })
        },
        |e| {
            matches!(
                e,
                OciError::TooLarge {
                    part: Part::Component,
                    size: 0x1_4000_0000,
                    ..
                }
            )
        },
    ),
    (
        "announces 5 GiB where eight bytes are declared",
        |path| {
            let headers = format!("content-length: {}\r\n", 5_u64 << 30);
            component(path, Answer::Plain("200 OK", headers, Vec::new()))
        },
        |e| {
            matches!(
                e,
                OciError::Size {
                    expected: 8,
                    actual: 0x1_4000_0000,
                    ..
                }
            )
        },
    ),
    (
        "never ends",
        |path| component(path, Answer::Endless("200 OK", String::new())),
        |e| matches!(e, OciError::Size { expected: 8, .. }),
    ),
    (
        "never ends an error",
        |_| Answer::Endless("500 Internal Server Error", String::new()),
        |e| matches!(e, OciError::Unavailable { status: 500, .. }),
    ),
    (
        "redirects in a circle",
        |path| {
            Answer::Plain(
                "307 Temporary Redirect",
                format!("location: {path}\r\n"),
                Vec::new(),
            )
        },
        |e| matches!(e, OciError::Redirects { .. }),
    ),
    (
        "redirects nowhere",
        |_| Answer::Plain("307 Temporary Redirect", String::new(), Vec::new()),
        |e| matches!(e, OciError::Redirects { .. }),
    ),
    (
        "wants credentials and does not say which",
        |_| Answer::Plain("401 Unauthorized", String::new(), Vec::new()),
        |e| matches!(e, OciError::Denied { .. }),
    ),
    (
        "wants to be left alone for a day",
        |_| {
            Answer::Plain(
                "429 Too Many Requests",
                "retry-after: 86400\r\n".to_owned(),
                Vec::new(),
            )
        },
        |e| {
            matches!(
                e,
                OciError::Unavailable {
                    status: 429,
                    pause: Some(_),
                    ..
                }
            )
        },
    ),
    (
        "wants to be left alone for longer than time lasts",
        |_| {
            let headers = format!("retry-after: {}\r\n", u64::MAX);
            Answer::Plain("429 Too Many Requests", headers, Vec::new())
        },
        |e| matches!(e, OciError::Unavailable { status: 429, .. }),
    ),
    (
        "drips",
        |path| component(path, Answer::Drip(Duration::from_millis(200), COMPONENT.to_vec())),
        |e| matches!(e, OciError::TimedOut { .. }),
    ),
    (
        "falls silent",
        |path| component(path, Answer::Drip(Duration::from_secs(60), COMPONENT.to_vec())),
        |e| matches!(e, OciError::Unreachable { .. } | OciError::TimedOut { .. }),
    ),
    (
        "has an index of indexes",
        |path| {
            let inner = index_of(b"x");
            let is_inner = path.ends_with(&Digest::of(&inner).hex());
            ok(if is_inner { inner } else { index_of(&inner) })
        },
        |e| matches!(e, OciError::NoWasmEntry),
    ),
    (
        "compresses what nobody asked to be compressed",
        |path| {
            if is_manifest(path) {
                gzipped(b"\x1f\x8b\x08")
            } else {
                honest(path)
            }
        },
        |e| matches!(e, OciError::Refused { answer, .. } if answer.contains("encoding")),
    ),
    (
        "annotates without end",
        |path| {
            manifest(path, |manifest| {
                manifest["layers"][0]["annotations"] = json!({"x": "x".repeat(300 << 10)})
            })
        },
        |e| {
            matches!(
                e,
                OciError::TooLarge {
                    part: Part::Annotations,
                    ..
                }
            )
        },
    ),
];

#[tokio::test]
async fn every_row_of_the_table_ends_in_its_own_error_and_leaves_nothing_behind() {
    for (name, answer, expected) in ROWS {
        let server = Server::start(move |path, _| answer(path));
        let patience = Patience {
            tries: 2,
            first_pause: Duration::from_millis(1),
            silence: Duration::from_millis(400),
            total: Duration::from_secs(1),
            ..Patience::default()
        };
        let (dir, store) = store_with(Registries::default().with_patience(patience));
        let error = store.fetch(&server.reference()).await.unwrap_err();
        assert!(expected(&error), "{name}: {}", chain(&error));
        let blobs = std::fs::read_dir(dir.path().join("store/blobs/sha256")).unwrap();
        assert_eq!(blobs.count(), 0, "{name}");
        assert!(server.requests().len() <= 12, "{name}: {:?}", server.requests());
    }
}

#[tokio::test]
async fn a_tag_that_moves_in_between_changes_nothing_of_what_was_resolved() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |path, _| {
        let moved = is_manifest(path) && asked.fetch_add(1, Ordering::SeqCst) > 0;
        if moved {
            ok(artifact_of(b"other").0.to_string())
        } else {
            honest(path)
        }
    });
    let (_dir, store) = store();
    let fetched = store.fetch(&server.reference()).await.unwrap();
    let (manifest, _) = artifact_of(COMPONENT);
    assert_eq!(fetched.bytes, COMPONENT);
    assert_eq!(
        fetched.pinned.manifest,
        Some(Digest::of(manifest.to_string().as_bytes()))
    );
}

#[tokio::test]
async fn layers_of_older_tools_are_read_with_the_configs_that_they_had() {
    let (old_config, empty) = (
        "application/vnd.wasm.config.v1+json",
        "application/vnd.oci.empty.v1+json",
    );
    let spin = "application/vnd.wasm.content.layer.v1+wasm";
    let shim = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
    let current = platform_oci::CONFIG_TYPE;
    for (config, layer, fits) in [
        (old_config, spin, true),
        (
            old_config,
            "application/vnd.module.wasm.content.layer.v1+wasm",
            true,
        ),
        ("application/vnd.oci.image.config.v1+json", shim, true),
        (empty, shim, true),
        // This config says something of another component.
        (current, spin, false),
        (empty, platform_oci::LAYER_TYPE, false),
        (old_config, "application/vnd.oci.image.layer.v1.tar", false),
        ("application/vnd.fermyon.spin.application.v1+config", spin, false),
    ] {
        let content = config_of(b"other").to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": descriptor(config, &content), "layers": [descriptor(layer, COMPONENT)],
        });
        let server = Server::start(move |path, _| {
            if is_manifest(path) {
                ok(manifest.to_string())
            } else if is_component(path) {
                ok(COMPONENT)
            } else {
                ok(content.clone())
            }
        });
        let (_dir, store) = store();
        let fetched = store.fetch(&server.reference()).await;
        assert_eq!(fetched.is_ok(), fits, "{config} {layer}: {fetched:?}");
    }
}

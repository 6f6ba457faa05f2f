//! Layouts that somebody spoiled, byte by byte or document by document.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use platform_domain::Digest;
use platform_oci::{
    CONFIG_TYPE, ContentStore, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, OciError, Part, Published, limits,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::given::*;

type Spoil = fn(&Path, &Published);
type Expected = fn(&OciError) -> bool;

async fn refused(dir: &Path) -> OciError {
    let (_dir, store) = store();
    store.fetch(&in_layout(dir, "")).await.unwrap_err()
}

#[tokio::test]
async fn a_spoiled_layout_is_refused_with_its_own_reason() {
    let cases: [(&str, Spoil, Expected); 12] = [
        (
            "truncated component",
            |dir, p| fs::write(blob(dir, &p.component), b"\0asm").unwrap(),
            |e| {
                matches!(
                    e,
                    OciError::Size {
                        part: Part::Component,
                        expected: 8,
                        actual: 4
                    }
                )
            },
        ),
        (
            "other component",
            |dir, p| fs::write(blob(dir, &p.component), b"\0asm\x0d\0\x01\x01").unwrap(),
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
            "missing component",
            |dir, p| fs::remove_file(blob(dir, &p.component)).unwrap(),
            |e| {
                matches!(
                    e,
                    OciError::Missing {
                        part: Part::Component,
                        ..
                    }
                )
            },
        ),
        (
            "other manifest",
            |dir, p| {
                let text = fs::read_to_string(blob(dir, &p.manifest)).unwrap();
                fs::write(blob(dir, &p.manifest), text.replace("Echo", "Ohce")).unwrap();
            },
            |e| {
                matches!(
                    e,
                    OciError::Mismatch {
                        part: Part::Manifest,
                        ..
                    }
                )
            },
        ),
        (
            "linked component",
            |dir, p| {
                fs::rename(blob(dir, &p.component), dir.join("elsewhere")).unwrap();
                symlink("../../elsewhere", blob(dir, &p.component)).unwrap();
            },
            |e| matches!(e, OciError::Unsafe { .. }),
        ),
        (
            "component that is a directory",
            |dir, p| {
                fs::remove_file(blob(dir, &p.component)).unwrap();
                fs::create_dir(blob(dir, &p.component)).unwrap();
            },
            |e| matches!(e, OciError::Unsafe { .. }),
        ),
        (
            "linked directory",
            |dir, _| {
                fs::rename(dir.join("blobs"), dir.join("real")).unwrap();
                symlink("real", dir.join("blobs")).unwrap();
            },
            |e| matches!(e, OciError::Unsafe { path } if path.ends_with("blobs")),
        ),
        (
            "index that is a pipe",
            |dir, _| {
                fs::remove_file(dir.join("index.json")).unwrap();
                make_pipe(&dir.join("index.json"));
            },
            |e| matches!(e, OciError::Unsafe { .. }),
        ),
        (
            "index without end",
            |dir, _| {
                let index = fs::OpenOptions::new()
                    .write(true)
                    .open(dir.join("index.json"))
                    .unwrap();
                index.set_len(limits::MAX_INDEX + 1).unwrap();
            },
            |e| {
                matches!(
                    e,
                    OciError::TooLarge {
                        part: Part::Index,
                        ..
                    }
                )
            },
        ),
        (
            "index that is no JSON",
            |dir, _| fs::write(dir.join("index.json"), "{").unwrap(),
            |e| {
                matches!(
                    e,
                    OciError::Json {
                        part: Part::Index,
                        ..
                    }
                )
            },
        ),
        (
            "two entries of one name",
            |dir, _| {
                let mut index = read_json(dir.join("index.json"));
                let entry = index["manifests"][0].clone();
                index["manifests"].as_array_mut().unwrap().push(entry);
                fs::write(dir.join("index.json"), index.to_string()).unwrap();
            },
            |e| matches!(e, OciError::Ambiguous { .. }),
        ),
        (
            "layout of another version",
            |dir, _| {
                fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
            },
            |e| {
                matches!(
                    e,
                    OciError::Invalid {
                        part: Part::Marker,
                        ..
                    }
                )
            },
        ),
    ];
    for (name, spoil, expected) in cases {
        let dir = TempDir::new().unwrap();
        let got = published(dir.path(), "").await;
        spoil(dir.path(), &got);
        let error = refused(dir.path()).await;
        assert!(expected(&error), "{name}: {}", chain(&error));
    }
}

#[tokio::test]
async fn an_artifact_that_is_no_component_is_refused_before_its_layer_is_read() {
    let (good, config) = artifact_of(COMPONENT);
    let changed = |pointer: &str, value: Value| {
        let mut manifest = good.clone();
        match pointer.rsplit_once('/') {
            Some((parent, key)) if !parent.is_empty() => manifest.pointer_mut(parent).unwrap()[key] = value,
            _ => manifest[pointer.trim_start_matches('/')] = value,
        }
        manifest.to_string()
    };
    let layer = descriptor(LAYER_TYPE, COMPONENT);
    let huge =
        json!([{"mediaType": LAYER_TYPE, "digest": layer["digest"], "size": limits::MAX_COMPONENT + 1}]);
    let sha512 = json!(format!("sha512:{}", "0".repeat(128)));
    let cases: [(String, Expected); 11] = [
        (
            changed(
                "/config/mediaType",
                json!("application/vnd.oci.image.config.v1+json"),
            ),
            |e| matches!(e, OciError::ConfigType { .. }),
        ),
        (changed("/layers", json!([])), |e| {
            matches!(e, OciError::Layers { found: 0 })
        }),
        (changed("/layers", json!([layer, layer])), |e| {
            matches!(e, OciError::Layers { found: 2 })
        }),
        (
            changed("/layers", json!([descriptor("application/gzip", COMPONENT)])),
            |e| matches!(e, OciError::LayerType { .. }),
        ),
        (changed("/layers", huge), |e| {
            matches!(
                e,
                OciError::TooLarge {
                    part: Part::Component,
                    ..
                }
            )
        }),
        (changed("/config/size", json!(limits::MAX_CONFIG + 1)), |e| {
            matches!(
                e,
                OciError::TooLarge {
                    part: Part::Config,
                    ..
                }
            )
        }),
        (changed("/config/size", json!(-1)), |e| {
            matches!(
                e,
                OciError::Json {
                    part: Part::Manifest,
                    ..
                }
            )
        }),
        (changed("/config/digest", sha512), |e| {
            matches!(
                e,
                OciError::Invalid {
                    part: Part::Config,
                    ..
                }
            )
        }),
        (changed("/schemaVersion", json!(1)), |e| {
            matches!(e, OciError::Invalid { .. })
        }),
        (changed("/mediaType", json!(INDEX_TYPE)), |e| {
            matches!(e, OciError::Invalid { .. })
        }),
        (changed("/manifests", json!([])), |e| {
            matches!(e, OciError::Invalid { .. })
        }),
    ];
    for (manifest, expected) in cases {
        let dir = TempDir::new().unwrap();
        write_layout(dir.path(), MANIFEST_TYPE, &[manifest.as_bytes(), &config]);
        let error = refused(dir.path()).await;
        assert!(expected(&error), "{manifest}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_config_of_something_else_is_refused() {
    let cases: [(&str, Value, Expected); 4] = [
        (
            "os",
            json!("wasip1"),
            |e| matches!(e, OciError::Os { found } if found == "wasip1"),
        ),
        ("architecture", json!("amd64"), |e| {
            matches!(e, OciError::Os { .. })
        }),
        ("layerDigests", json!([Digest::of(b"x").to_string()]), |e| {
            matches!(
                e,
                OciError::Invalid {
                    part: Part::Config,
                    ..
                }
            )
        }),
        ("layerDigests", json!(7), |e| {
            matches!(
                e,
                OciError::Json {
                    part: Part::Config,
                    ..
                }
            )
        }),
    ];
    for (field, value, expected) in cases {
        let mut config = config_of(COMPONENT);
        config[field] = value;
        let config = config.to_string();
        let (mut manifest, _) = artifact_of(COMPONENT);
        manifest["config"] = descriptor(CONFIG_TYPE, config.as_bytes());
        let dir = TempDir::new().unwrap();
        write_layout(
            dir.path(),
            MANIFEST_TYPE,
            &[manifest.to_string().as_bytes(), config.as_bytes(), COMPONENT],
        );
        let error = refused(dir.path()).await;
        assert!(expected(&error), "{field}: {}", chain(&error));
    }
}

#[tokio::test]
async fn an_image_index_resolves_to_its_wasm_entry() {
    let (manifest, config) = artifact_of(COMPONENT);
    let manifest = manifest.to_string();
    let entry = |os: &str, architecture: &str, bytes: &[u8]| {
        let mut entry = descriptor(MANIFEST_TYPE, bytes);
        entry["platform"] = json!({"os": os, "architecture": architecture, "variant": "v8"});
        entry
    };
    let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
    let amd64 = entry("linux", "amd64", b"not here");
    let nested = entry("wasip2", "wasm", b"{\"schemaVersion\":2,\"manifests\":[]}");
    let cases = [
        (
            INDEX_TYPE,
            vec![amd64.clone(), entry("wasip2", "wasm", manifest.as_bytes())],
            true,
        ),
        (
            docker,
            vec![amd64.clone(), entry("", "wasm", manifest.as_bytes())],
            true,
        ),
        (
            INDEX_TYPE,
            vec![amd64, descriptor(MANIFEST_TYPE, manifest.as_bytes())],
            false,
        ),
        (INDEX_TYPE, vec![], false),
        (INDEX_TYPE, vec![nested], false),
    ];
    for (media_type, entries, found) in cases {
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).to_string();
        let dir = TempDir::new().unwrap();
        let nested = &b"{\"schemaVersion\":2,\"manifests\":[]}"[..];
        let blobs = [index.as_bytes(), manifest.as_bytes(), &config, COMPONENT, nested];
        write_layout(dir.path(), media_type, &blobs);
        let (_dir, store) = store();
        match store.fetch(&in_layout(dir.path(), "")).await {
            Ok(fetched) => {
                assert!(found, "{index}");
                assert_eq!(fetched.pinned.manifest, Some(Digest::of(manifest.as_bytes())));
                let pinned = in_layout(dir.path(), &format!(":latest@{}", Digest::of(index.as_bytes())));
                assert!(
                    store.fetch(&pinned).await.is_ok(),
                    "the index's own digest is a pin"
                );
            }
            Err(error) => assert!(!found && matches!(error, OciError::NoWasmEntry), "{error}"),
        }
    }
}

/// Every ninth byte of every file, the whole of the short ones.
#[tokio::test]
async fn no_changed_byte_leads_to_another_component() {
    let dir = TempDir::new().unwrap();
    let got = published(dir.path(), "").await;
    let (home, source) = (TempDir::new().unwrap(), in_layout(dir.path(), ""));
    let blobs = fs::read_dir(dir.path().join("blobs/sha256")).unwrap();
    let mut files: Vec<PathBuf> = blobs.map(|entry| entry.unwrap().path()).collect();
    files.extend(["oci-layout", "index.json"].map(|name| dir.path().join(name)));
    assert_eq!(files.len(), 5);
    let mut refusals = 0;
    for path in &files {
        let good = fs::read(path).unwrap();
        for at in (0..good.len()).step_by(if good.len() < 50 { 1 } else { 9 }) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(path, &bad).unwrap();
            // A store that is new each time, or it would already have the component.
            let store = ContentStore::open(&home.path().join(format!("{refusals}-{at}"))).unwrap();
            match store.fetch(&source).await {
                Ok(fetched) => assert_eq!(
                    (fetched.pinned.component, fetched.bytes.as_ref()),
                    (got.component, COMPONENT)
                ),
                Err(_) => refusals += 1,
            }
        }
        fs::write(path, &good).unwrap();
    }
    assert!(refusals > 100, "{refusals}");
}

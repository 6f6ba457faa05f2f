//! Archives: written, read as other tools write them, and spoiled entry by entry.

use std::{
    fs,
    path::{Path, PathBuf},
};

use platform_domain::{ComponentRef, Digest};
use platform_oci::{LAYER_TYPE, MANIFEST_TYPE, OciError, Part, PublishInfo, limits};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::given::*;

fn in_archive(file: &Path, rest: &str) -> ComponentRef {
    reference(format!("oci-archive:{}{rest}", file.display()))
}

/// The entries of an archive with one artifact, without a tag, as `skopeo` and `docker buildx` write them.
fn entries() -> Vec<(String, Vec<u8>)> {
    let (manifest, config) = artifact_of(COMPONENT);
    let manifest = manifest.to_string().into_bytes();
    let index = json!({"schemaVersion": 2, "manifests": [descriptor(MANIFEST_TYPE, &manifest)]});
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    vec![
        (blob(&manifest), manifest),
        (blob(&config), config),
        (blob(COMPONENT), COMPONENT.to_vec()),
        ("index.json".to_owned(), index.to_string().into_bytes()),
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ),
    ]
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn add(tar: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    append(tar, name, header(EntryType::Regular, bytes.len() as u64), bytes);
}

/// The name as it is: the library would make it tidy.
fn append(tar: &mut Builder<Vec<u8>>, name: &str, mut header: Header, bytes: &[u8]) {
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    tar.append(&header, bytes).unwrap();
}

fn tar_of(entries: &[(String, Vec<u8>)]) -> Builder<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for (name, bytes) in entries {
        add(&mut tar, name, bytes);
    }
    tar
}

fn written(dir: &TempDir, bytes: &[u8]) -> PathBuf {
    let file = dir.path().join("a.tar");
    fs::write(&file, bytes).unwrap();
    file
}

async fn fetch(file: &Path, rest: &str) -> Result<platform_oci::Fetched, OciError> {
    store().1.fetch(&in_archive(file, rest)).await
}

#[tokio::test]
async fn a_component_goes_through_an_archive_byte_for_byte() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("echo.tar");
    let to = in_archive(&file, ":1.2.0");
    let published = publish(COMPONENT, &about(), &to).await.unwrap();
    let first = fs::read(&file).unwrap();
    for rest in [
        ":1.2.0",
        "",
        &format!("@{}", published.manifest),
        &format!(":1.2.0@{}", published.manifest),
    ] {
        let fetched = fetch(&file, rest).await.unwrap();
        assert_eq!(fetched.bytes, COMPONENT, "{rest}");
        assert_eq!(fetched.pinned.manifest, Some(published.manifest), "{rest}");
    }
    for (rest, digest) in [(":2", None), ("@", Some(Digest::of(b"x")))] {
        let rest = digest.map_or(rest.to_owned(), |digest| format!("@{digest}"));
        let error = fetch(&file, &rest).await.unwrap_err();
        assert!(matches!(error, OciError::NotFound { .. }), "{rest}: {error}");
    }
    // The same again is the same file; another component is another file.
    assert_eq!(publish(COMPONENT, &about(), &to).await.unwrap(), published);
    let other = publish(b"another", &PublishInfo::default(), &to)
        .await
        .unwrap_err();
    assert!(
        matches!(&other, OciError::Exists { path } if *path == file),
        "{other}"
    );
    assert_eq!(fs::read(&file).unwrap(), first);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_other_tools_put_around_the_layout_is_not_looked_at() {
    let dir = TempDir::new().unwrap();
    let mut tar = Builder::new(Vec::new());
    for name in ["./", "./blobs/", "./blobs/sha256/"] {
        append(&mut tar, name, header(EntryType::Directory, 0), b"");
    }
    for (name, bytes) in entries() {
        let times: [(&str, &[u8]); 1] = [("mtime", b"1700000000.5")];
        tar.append_pax_extensions(times).unwrap();
        add(&mut tar, &format!("./{name}"), &bytes);
    }
    add(&mut tar, "manifest.json", b"[]");
    let mut link = header(EntryType::Symlink, 0);
    tar.append_link(&mut link, "elsewhere", "/etc/passwd").unwrap();
    let file = written(&dir, &tar.into_inner().unwrap());
    assert_eq!(fetch(&file, "").await.unwrap().bytes, COMPONENT);
}

#[tokio::test]
async fn an_archive_of_several_needs_a_tag() {
    let dir = TempDir::new().unwrap();
    let mut entries = entries();
    let mut index: Value = serde_json::from_slice(&entries[3].1).unwrap();
    let only = index["manifests"][0].clone();
    index["manifests"].as_array_mut().unwrap().push(only);
    index["manifests"][1]["annotations"] = json!({"org.opencontainers.image.ref.name": "one"});
    entries[3].1 = index.to_string().into_bytes();
    let file = written(&dir, &tar_of(&entries).into_inner().unwrap());
    assert!(matches!(fetch(&file, "").await, Err(OciError::NotFound { .. })));
    assert_eq!(fetch(&file, ":one").await.unwrap().bytes, COMPONENT);
}

type Spoil = fn(&mut Vec<(String, Vec<u8>)>) -> Builder<Vec<u8>>;
type Expected = fn(&OciError) -> bool;

fn says(error: &OciError, word: &str) -> bool {
    matches!(error, OciError::Archive { reason, .. } if reason.contains(word))
}

/// An entry that is not what its name says.
fn in_place_of(entries: &mut Vec<(String, Vec<u8>)>, n: usize, kind: EntryType) -> Builder<Vec<u8>> {
    let (name, _) = entries.remove(n);
    let mut tar = tar_of(entries);
    let mut header = header(kind, 0);
    tar.append_link(&mut header, name, "/etc/passwd").unwrap();
    tar
}

fn extended(entries: &[(String, Vec<u8>)], key: &str, value: &[u8]) -> Builder<Vec<u8>> {
    let mut tar = tar_of(entries);
    tar.append_pax_extensions([(key, value)]).unwrap();
    add(&mut tar, "other", b"");
    tar
}

#[tokio::test]
async fn a_spoiled_archive_is_refused_with_its_own_reason() {
    let cases: [(&str, Spoil, Expected); 16] = [
        (
            "no marker",
            |e| {
                e.truncate(4);
                tar_of(e)
            },
            |e| says(e, "no oci-layout"),
        ),
        (
            "no index",
            |e| {
                e.remove(3);
                tar_of(e)
            },
            |e| says(e, "no index.json"),
        ),
        (
            "two indexes",
            |e| {
                let index = e[3].1.clone();
                e.push(("./index.json".to_owned(), index));
                tar_of(e)
            },
            |e| says(e, "one name"),
        ),
        (
            "two blobs of one digest",
            |e| {
                let twice = e[2].clone();
                e.push(twice);
                tar_of(e)
            },
            |e| says(e, "one name"),
        ),
        (
            "linked component",
            |e| in_place_of(e, 2, EntryType::Symlink),
            |e| matches!(e, OciError::Unsafe { .. }),
        ),
        (
            "component linked hard",
            |e| in_place_of(e, 2, EntryType::Link),
            |e| matches!(e, OciError::Unsafe { .. }),
        ),
        (
            "index that is a pipe",
            |e| in_place_of(e, 3, EntryType::Fifo),
            |e| matches!(e, OciError::Unsafe { .. }),
        ),
        (
            "other component",
            |e| {
                e[2].1[4] ^= 1;
                tar_of(e)
            },
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
            "longer component",
            |e| {
                e[2].1.push(0);
                tar_of(e)
            },
            |e| {
                matches!(
                    e,
                    OciError::Size {
                        part: Part::Component,
                        actual: 9,
                        ..
                    }
                )
            },
        ),
        (
            "missing config",
            |e| {
                e.remove(1);
                tar_of(e)
            },
            |e| {
                matches!(
                    e,
                    OciError::Missing {
                        part: Part::Config,
                        ..
                    }
                )
            },
        ),
        (
            "large index",
            |e| {
                e[3].1.resize(limits::MAX_INDEX as usize + 1, b' ');
                tar_of(e)
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
            "renamed entry",
            |e| extended(e, "path", b"index.json"),
            |e| says(e, "another name"),
        ),
        (
            "resized entry",
            |e| extended(e, "size", b"1"),
            |e| says(e, "another name"),
        ),
        (
            "sparse entry",
            |e| extended(e, "GNU.sparse.major", b"1"),
            |e| says(e, "another name"),
        ),
        (
            "long name",
            |e| {
                let mut tar = tar_of(e);
                let mut long = Header::new_gnu();
                long.set_size(0);
                tar.append_data(&mut long, "x".repeat(300), &b""[..]).unwrap();
                tar
            },
            |e| says(e, "another name"),
        ),
        (
            "extended header without end",
            |e| extended(e, "comment", &vec![b'x'; limits::MAX_ARCHIVE_EXTENSION as usize]),
            |e| says(e, "too large"),
        ),
    ];
    for (name, spoil, expected) in cases {
        let dir = TempDir::new().unwrap();
        let bytes = spoil(&mut entries()).into_inner().unwrap();
        let error = fetch(&written(&dir, &bytes), "").await.unwrap_err();
        assert!(expected(&error), "{name}: {}", chain(&error));
    }
}

#[tokio::test]
async fn what_is_no_archive_is_told_apart() {
    let dir = TempDir::new().unwrap();
    let whole = tar_of(&entries()).into_inner().unwrap();
    // In the middle of the last entry's header, and of its bytes.
    let last = whole.len() - 1024 - 1024;
    for (name, bytes, word) in [
        ("nothing", &b""[..], "no oci-layout"),
        ("text", &[b'x'; 2048][..], "no tar file"),
        ("component", COMPONENT, "no tar file"),
        (
            "gzip",
            &[b"\x1f\x8b\x08".as_slice(), &[0; 2048]].concat(),
            "compressed",
        ),
        (
            "zstd",
            &[b"\x28\xb5\x2f\xfd".as_slice(), &[0; 2048]].concat(),
            "compressed",
        ),
        ("half a header", &whole[..last + 100], "no tar file"),
        ("header without its bytes", &whole[..last + 512], "cut off"),
    ] {
        let error = fetch(&written(&dir, bytes), "").await.unwrap_err();
        assert!(says(&error, word), "{name}: {}", chain(&error));
    }
    let missing = fetch(&dir.path().join("none.tar"), "").await.unwrap_err();
    assert!(matches!(missing, OciError::NotFound { .. }), "{missing}");
    let directory = fetch(dir.path(), "").await.unwrap_err();
    assert!(matches!(directory, OciError::Unreadable { .. }), "{directory}");
    let pipe = dir.path().join("pipe");
    make_pipe(&pipe);
    assert!(matches!(fetch(&pipe, "").await, Err(OciError::Unsafe { .. })));
}

#[tokio::test]
async fn an_archive_has_a_number_of_entries_and_a_size_that_is_true() {
    let dir = TempDir::new().unwrap();
    let mut tar = tar_of(&entries());
    for n in entries().len()..limits::MAX_ARCHIVE_ENTRIES {
        add(&mut tar, &format!("other/{n}"), b"");
    }
    let full = tar.get_ref().clone();
    let file = written(&dir, &[full.as_slice(), &[0; 1024]].concat());
    assert_eq!(fetch(&file, "").await.unwrap().bytes, COMPONENT);
    add(&mut tar, "one-more", b"");
    let file = written(&dir, &tar.into_inner().unwrap());
    assert!(says(&fetch(&file, "").await.unwrap_err(), "too many entries"));

    // A component of an exabyte, by its header.
    let mut tar = tar_of(&entries());
    let mut huge = header(EntryType::Regular, 1 << 60);
    huge.set_path(format!(
        "blobs/sha256/{}",
        Digest::of(LAYER_TYPE.as_bytes()).hex()
    ))
    .unwrap();
    huge.set_cksum();
    tar.get_mut().extend_from_slice(huge.as_bytes());
    let file = written(&dir, &tar.into_inner().unwrap());
    assert!(says(&fetch(&file, "").await.unwrap_err(), "cut off"));
}

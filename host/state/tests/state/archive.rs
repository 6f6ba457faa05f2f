use std::{fs, io::Write as _, path::Path};

use platform_domain::UnixSeconds;
use platform_state::{ArchiveError, ArchiveWriter, unpack};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// An archive of two challenges, one of which keeps nothing.
fn archive() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file("data/deep/er/a file \u{e9}", "first");
    file("database.sqlite3", "second");
    file("empty", "");
    fs::create_dir(dir.path().join("nothing-in-it")).unwrap();
    let none = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::new(Vec::new(), UnixSeconds(7));
    writer.add(&"tsp".parse().unwrap(), dir.path()).unwrap();
    writer.add(&"echo".parse().unwrap(), none.path()).unwrap();
    writer.finish().unwrap().0
}

fn read(bytes: &[u8]) -> Result<TempDir, ArchiveError> {
    let dir = tempfile::tempdir().unwrap();
    unpack(bytes, dir.path()).map(|_| dir)
}

/// One entry more, at the end.
fn with(kind: EntryType, name: &[u8], text: &[u8]) -> Vec<u8> {
    let whole = archive();
    // What a tar file ends with.
    let mut bytes = whole[..whole.len() - 1024].to_vec();
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(text.len() as u64);
    header.set_cksum();
    bytes.extend(header.as_bytes());
    bytes.extend(text);
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}

#[test]
fn an_archive_comes_back_as_it_was() {
    let dir = read(&archive()).unwrap();
    let text = |name: &str| fs::read_to_string(dir.path().join("tsp").join(name)).unwrap();
    assert_eq!(text("data/deep/er/a file \u{e9}"), "first");
    assert_eq!(
        (text("database.sqlite3"), text("empty")),
        ("second".into(), String::new())
    );
    assert!(dir.path().join("tsp/nothing-in-it").is_dir());
}

#[test]
fn one_byte_that_changed_is_enough_to_refuse_all_of_it() {
    let whole = archive();
    let at = |text: &[u8]| whole.windows(text.len()).position(|part| part == text).unwrap();
    for position in [
        at(b"first"),
        at(b"second"),
        at(b"\"digest\": \"sha256:") + 19,
        at(b"\"size\": 6") + 8,
    ] {
        let mut changed = whole.clone();
        changed[position] ^= 1;
        assert!(
            matches!(read(&changed), Err(ArchiveError::Invalid(_))),
            "at {position}"
        );
    }
    for length in (0..whole.len()).step_by(256) {
        // Its last kilobyte is nothing but zeros.
        let result = read(&whole[..length]);
        assert!(
            result.is_err() || length >= whole.len() - 1024,
            "{length} of {}",
            whole.len()
        );
    }
}

#[test]
fn a_name_that_leads_elsewhere_or_is_no_file_is_refused() {
    for name in [
        &b"../x"[..],
        b"/etc/x",
        b"tsp/../../x",
        b"tsp/./x",
        b".",
        b"tsp/\xff",
        b"tsp/database.sqlite3",
        b"tsp/more",
        b"contents.json",
    ] {
        let shown = String::from_utf8_lossy(name);
        assert!(
            matches!(
                read(&with(EntryType::Regular, name, b"x")),
                Err(ArchiveError::Invalid(_))
            ),
            "{shown}"
        );
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Fifo,
        EntryType::GNUSparse,
    ] {
        assert!(read(&with(kind, b"tsp/link", b"")).is_err(), "{kind:?}");
    }
}

#[test]
fn a_list_without_end_is_not_read() {
    let mut header = Header::new_gnu();
    header.set_path("contents.json").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let error = read(header.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn another_format_is_refused_by_its_number() {
    let mut tar = Builder::new(Vec::new());
    let list = br#"{"format":2,"made_at":1,"challenges":{}}"#;
    let mut header = Header::new_gnu();
    header.set_size(list.len() as u64);
    tar.append_data(&mut header, Path::new("contents.json"), &list[..])
        .unwrap();
    let mut bytes = tar.into_inner().unwrap();
    bytes.flush().unwrap();
    assert!(read(&bytes).unwrap_err().to_string().contains("format is 2"));
}

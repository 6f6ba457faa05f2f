//! Archives of strangers, good and bad.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, Header};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// What an entry says it is, its path, what is in it.
type Raw<'a> = (EntryType, &'a str, &'a [u8]);

/// Written by hand, because the library refuses to write most of these.
fn tar(members: &[Raw]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (kind, path, content) in members {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o6755);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn files_and_directories_come_through_with_plain_modes() {
    let packed = gzip(&tar(&[
        (EntryType::Directory, "./", b""),
        (EntryType::Regular, "./a/b/run", b"x"),
        (EntryType::Directory, "a/", b""),
        (EntryType::Regular, "c", b""),
    ]));
    let members = unpacked(&packed).unwrap();
    let shown: Vec<_> = members
        .iter()
        .map(|m| (m.path.as_str(), m.content.is_some(), m.mode()))
        .collect();
    assert_eq!(
        shown,
        [
            ("a/", false, 0o755),
            ("a/b/", false, 0o755),
            ("a/b/run", true, 0o755),
            ("c", true, 0o755)
        ]
    );
}

#[test]
fn what_is_not_plainly_a_file_inside_is_refused() {
    let regular = EntryType::Regular;
    let table: &[(&[Raw], &str)] = &[
        (&[(regular, "/etc/passwd", b"")], "Path"),
        (&[(regular, "a/../../b", b"")], "Path"),
        (&[(regular, "..", b"")], "Path"),
        (&[(regular, "a\\..\\b", b"")], "Path"),
        (&[(regular, "a\nb", b"")], "Path"),
        (&[(EntryType::Symlink, "a", b"")], "NotAFile"),
        (&[(EntryType::Link, "a", b"")], "NotAFile"),
        (&[(EntryType::Char, "a", b"")], "NotAFile"),
        (&[(EntryType::Block, "a", b"")], "NotAFile"),
        (&[(EntryType::Fifo, "a", b"")], "NotAFile"),
        (&[(EntryType::GNUSparse, "a", b"")], "Unreadable"),
        (&[(EntryType::Continuous, "a", b"")], "NotAFile"),
        (&[(regular, "a", b"1"), (regular, "./a", b"2")], "Twice"),
        (&[(regular, "a", b"1"), (regular, "a/b", b"2")], "Twice"),
        (&[(regular, "a/b", b"1"), (regular, "a", b"2")], "Twice"),
        (
            &[(regular, "a", b"1"), (EntryType::Directory, "a/", b"")],
            "Twice",
        ),
    ];
    for (members, expected) in table {
        let error = format!("{:?}", unpacked(&gzip(&tar(members))).unwrap_err());
        assert!(error.starts_with(expected), "{members:?}: {error}");
    }
}

#[test]
fn a_name_that_comes_in_a_header_of_its_own_is_checked_like_any_other() {
    let packed = |long: &str| {
        gzip(&tar(&[
            (EntryType::GNULongName, "././@LongLink", long.as_bytes()),
            (EntryType::Regular, "a", b""),
        ]))
    };
    assert!(unpacked(&packed(&"a".repeat(ARCHIVE_PATH))).is_ok());
    for long in ["../".repeat(40), "a".repeat(ARCHIVE_PATH + 1)] {
        let outcome = unpacked(&packed(&long));
        assert!(
            matches!(outcome, Err(ArchiveError::Path(_))),
            "{long}: {outcome:?}"
        );
    }
}

#[test]
fn an_archive_is_bounded_in_bytes_and_in_members() {
    let zeros = gzip(&tar(&[(
        EntryType::Regular,
        "zeros",
        &vec![0; ARCHIVE_BYTES as usize],
    )]));
    assert!(zeros.len() < ARCHIVE_PACKED_BYTES);
    assert!(matches!(
        unpacked(&zeros),
        Err(ArchiveError::TooLarge(ARCHIVE_BYTES))
    ));
    assert!(matches!(
        unpacked(&vec![0; ARCHIVE_PACKED_BYTES + 1]),
        Err(ArchiveError::TooLarge(_))
    ));
    let names: Vec<String> = (0..=ARCHIVE_MEMBERS).map(|n| n.to_string()).collect();
    let many: Vec<_> = names
        .iter()
        .map(|n| (EntryType::Regular, n.as_str(), &b""[..]))
        .collect();
    assert!(matches!(unpacked(&gzip(&tar(&many))), Err(ArchiveError::TooMany)));
    let deep = ["a/".repeat(120), "b/".repeat(120)].map(|path| path + "x");
    assert_eq!(unpacked(&gzip(&tar(&[]))).unwrap(), []);
    // Directories that are only named by what is in them count as well: paths of 241 bytes do not fit in a plain header.
    assert!(deep.iter().all(|path| safe(path).is_ok()));
    for garbage in [
        &b"no gzip"[..],
        &gzip(b"no tar at all, whatever it is, for as long as a header is"),
        b"",
    ] {
        let outcome = unpacked(garbage);
        assert!(matches!(outcome, Err(ArchiveError::Unreadable(_))), "{outcome:?}");
    }
}

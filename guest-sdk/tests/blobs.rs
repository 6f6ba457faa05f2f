//! Blobs, as a challenge uses them.

use std::{
    io::{self, BufWriter, Cursor, Read as _, Seek as _, SeekFrom, Write as _},
    iter,
};

use platform_domain::Manifest;
use platform_guest_sdk::{
    Challenge,
    blobs::{MAX_LISTED, MAX_NAME_BYTES, MAX_OPEN, MAX_STEP},
    prelude::*,
    testing::{Harness, get, request},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

struct Files;

#[challenge(name = "files", limits(blobs = "1GiB"))]
impl Files {
    #[put("/files/{name}")]
    fn store(request: &Request) -> Result<(u16, String)> {
        let name: String = request.param("name")?;
        let info = request.environment().blobs()?.put(&name, request.body())?;
        Ok((201, info.sha256_hex()))
    }

    #[get("/files/{name}")]
    fn file(request: &Request) -> Result<Response> {
        let name: String = request.param("name")?;
        let mut bytes = Vec::new();
        request
            .environment()
            .blobs()?
            .download(&name)?
            .read_to_end(&mut bytes)?;
        Ok(Response::new(200, bytes))
    }
}

fn environment() -> Environment {
    Harness::<Files>::new().environment()
}

/// No two places of it look alike.
fn bytes(length: usize) -> Vec<u8> {
    let numbers = (0..length / 4 + 1).flat_map(|n| (n as u32).wrapping_mul(2_654_435_761).to_le_bytes());
    numbers.take(length).collect()
}

fn names(found: Vec<BlobInfo>) -> Vec<String> {
    found.into_iter().map(|info| info.name).collect()
}

#[test]
fn what_a_request_has_stored_the_next_one_finds() {
    let files = Harness::<Files>::new();
    let stored = files.send(request("PUT", "/files/a").body("abc"));
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((stored.status(), stored.text()), (201, sha256));
    assert_eq!(files.send(get("/files/a")).text(), "abc");
    let none = files.send(get("/files/b"));
    assert_eq!(
        none.error().map(ToString::to_string),
        Some("500 there is no such blob".to_owned())
    );
    assert_eq!(
        environment().blobs().unwrap().stat("a"),
        Ok(None),
        "every harness has its own"
    );
    let nowhere = Environment::default().blobs().unwrap_err().to_string();
    assert!(nowhere.contains("testing::Harness"), "{nowhere}");
}

#[test]
fn the_host_finds_the_limit_in_the_manifest() {
    let manifest = Manifest::parse(Files::MANIFEST.as_bytes()).unwrap();
    assert_eq!(manifest.limits.blobs.unwrap().0, 1 << 30);
}

#[test]
fn a_blob_of_any_size_comes_back_with_what_is_known_of_it() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    for length in [0, 1, 100_000, MAX_STEP - 1, MAX_STEP, MAX_STEP + 1, 3 * MAX_STEP] {
        let bytes = bytes(length);
        let put = blobs.put("put", &bytes).unwrap();
        let mut upload = blobs.upload().unwrap();
        upload.write_all(&bytes).unwrap();
        upload.flush().unwrap();
        let written = upload.finish("written").unwrap();
        assert_eq!(
            (put.sha256, put.size),
            (written.sha256, length as u64),
            "{length}"
        );
        for info in [put, written] {
            assert!(info.stored_at > 1_700_000_000, "{info:?}");
            assert_eq!(blobs.stat(&info.name), Ok(Some(info.clone())));
            assert!(blobs.get(&info.name).unwrap().unwrap() == bytes, "{info:?}");
            let (mut download, mut read) = (blobs.download(&info.name).unwrap(), Vec::new());
            assert_eq!(download.info(), &info);
            assert_eq!(download.read_to_end(&mut read).unwrap(), length);
            assert!(read == bytes, "{info:?}");
        }
    }
    assert_eq!(blobs.get("none"), Ok(None));
}

#[test]
fn a_step_has_a_mebibyte_at_most() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    let bytes = bytes(2 * MAX_STEP);
    let mut upload = blobs.upload().unwrap();
    assert_eq!(upload.write(&bytes).unwrap(), MAX_STEP);
    assert_eq!(upload.write(&[]).unwrap(), 0);
    assert_eq!(upload.write(&bytes[MAX_STEP..]).unwrap(), MAX_STEP);
    upload.finish("a").unwrap();
    let (mut download, mut buffer) = (blobs.download("a").unwrap(), vec![0; 2 * MAX_STEP]);
    assert_eq!(download.read(&mut []).unwrap(), 0);
    assert_eq!(download.read(&mut buffer).unwrap(), MAX_STEP);
    assert!(buffer[..MAX_STEP] == bytes[..MAX_STEP]);
}

#[test]
fn nothing_of_an_upload_is_there_before_it_is_finished() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    blobs.put("a", "first").unwrap();
    let mut upload = BufWriter::new(blobs.upload().unwrap());
    write!(upload, "second").unwrap();
    let upload = upload.into_inner().unwrap();
    assert_eq!(blobs.get("a").unwrap().unwrap(), b"first");
    upload.finish("a").unwrap();
    assert_eq!(blobs.get("a").unwrap().unwrap(), b"second");
    let mut dropped = blobs.upload().unwrap();
    dropped.write_all(b"third").unwrap();
    drop(dropped);
    assert_eq!(names(blobs.list("", None, 10).unwrap()), ["a"]);
}

#[test]
fn whoever_reads_goes_on_whatever_becomes_of_the_name() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    blobs.put("a", "first").unwrap();
    let (mut one, mut two) = (blobs.download("a").unwrap(), blobs.download("a").unwrap());
    let rest = |download: &mut Download| io::read_to_string(download).unwrap();
    blobs.put("a", "second").unwrap();
    assert_eq!(rest(&mut one), "first");
    assert!(blobs.delete("a").unwrap() && !blobs.delete("a").unwrap());
    assert_eq!((rest(&mut two), two.info().size), ("first".to_owned(), 5));
    two.rewind().unwrap();
    assert_eq!(rest(&mut two), "first");
    assert_eq!(blobs.get("a"), Ok(None));
}

#[test]
fn a_name_that_is_replaced_all_the_time_always_has_a_blob() {
    let files = Harness::<Files>::new();
    let blobs = || files.environment().blobs().unwrap();
    blobs().put("a", "0").unwrap();
    std::thread::scope(|scope| {
        let writer =
            scope.spawn(|| (0..100).try_for_each(|n: u32| blobs().put("a", n.to_string()).map(drop)));
        while !writer.is_finished() {
            blobs().get("a").unwrap().unwrap();
        }
        writer.join().unwrap().unwrap();
    });
    assert_eq!(blobs().get("a").unwrap().unwrap(), b"99");
}

#[test]
fn blobs_are_listed_by_prefix_in_the_order_of_their_bytes() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    for name in [
        "a", "a/", "a/1", "a/2", "a/é", "a0", "b", "A/1", "%", "a/_", "n\0b", "n\0c",
    ] {
        blobs.put(name, name).unwrap();
    }
    let all = &[
        "%", "A/1", "a", "a/", "a/1", "a/2", "a/_", "a/é", "a0", "b", "n\0b", "n\0c",
    ][..];
    for (prefix, after, most, expected) in [
        ("", None, u32::MAX, all),
        ("a/", None, 10, &all[3..8]),
        ("a/", Some("a/1"), 2, &all[5..7]),
        ("a/", Some("z"), 2, &[]),
        ("%", None, 10, &all[..1]),
        ("n\0c", None, 10, &all[11..]),
        ("a", None, 0, &[]),
    ] {
        let found = blobs.list(prefix, after, most).unwrap();
        assert!(found.iter().all(|info| info.size == info.name.len() as u64));
        assert_eq!(names(found), expected, "{prefix} {after:?}");
        if after.is_none() && most > 0 {
            let all = blobs.all(prefix).collect::<Result<_, _>>();
            assert_eq!(names(all.unwrap()), expected, "{prefix}");
        }
    }
}

#[test]
fn all_blobs_are_listed_however_many_pages_they_have() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    let expected: Vec<_> = (0..=MAX_LISTED).map(|n| format!("b{n:05}")).collect();
    for name in &expected {
        blobs.put(name, "").unwrap();
    }
    let page = blobs.list("b", None, u32::MAX).unwrap();
    assert_eq!(names(page), expected[..MAX_LISTED as usize]);
    let all = blobs.all("b").collect::<Result<_, _>>();
    assert_eq!(names(all.unwrap()), expected);
    assert_eq!(blobs.all("c").count(), 0);
}

#[test]
fn what_the_host_would_refuse_is_refused() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    for (length, says) in [
        (0, Some("not empty")),
        (1, None),
        (MAX_NAME_BYTES, None),
        (MAX_NAME_BYTES + 1, Some("at most 512 bytes, this has 513")),
    ] {
        let name = "x".repeat(length);
        match (blobs.put(&name, "x"), says) {
            (Ok(info), None) => assert_eq!(info.name, name),
            (Err(BlobError::Misuse(message)), Some(says)) => assert!(message.contains(says), "{message}"),
            (done, _) => panic!("{length}: {done:?}"),
        }
        // Where nothing is stored, a name that is none is one that no blob has.
        assert_eq!(blobs.get(&name).unwrap().is_some(), says.is_none(), "{length}");
        assert_eq!(blobs.delete(&name), Ok(says.is_none()), "{length}");
    }

    blobs.put("a", "x").unwrap();
    let uploads: Vec<_> = iter::repeat_with(|| blobs.upload().unwrap())
        .take(MAX_OPEN / 2)
        .collect();
    let downloads: Vec<_> = iter::repeat_with(|| blobs.download("a").unwrap())
        .take(MAX_OPEN / 2)
        .collect();
    let too_many = BlobError::Misuse("a call has at most 16 blobs open".to_owned());
    assert_eq!(blobs.upload().unwrap_err(), too_many);
    assert_eq!(blobs.get("a").unwrap_err(), too_many);
    assert!(blobs.stat("a").unwrap().is_some(), "that opens nothing");
    drop((uploads, downloads));
    blobs.put("a", "y").unwrap();

    let database = environment.database().unwrap();
    let transaction = database.transaction().unwrap();
    for error in [blobs.put("a", "z").unwrap_err(), blobs.delete("a").unwrap_err()] {
        assert!(
            matches!(error, BlobError::Failed(_)),
            "it would wait for itself: {error}"
        );
    }
    assert_eq!(blobs.get("a").unwrap().unwrap(), b"y");
    drop(transaction);
    let sql = "SELECT name FROM platform_blobs";
    assert!(database.execute(sql, []).unwrap_err().is_denied());
}

#[test]
fn an_error_of_io_has_the_kind_and_the_error_of_the_blobs() {
    for (error, kind) in [
        (BlobError::Full, io::ErrorKind::StorageFull),
        (BlobError::NotFound, io::ErrorKind::NotFound),
        (BlobError::Misuse("so".into()), io::ErrorKind::Other),
        (BlobError::Failed("so".into()), io::ErrorKind::Other),
    ] {
        let outer = io::Error::from(error.clone());
        assert_eq!((outer.kind(), outer.to_string()), (kind, error.to_string()));
        assert_eq!(
            Error::from(io::Error::from(error.clone())).to_string(),
            format!("500 {error}")
        );
        assert_eq!(outer.downcast::<BlobError>().unwrap(), error);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read(usize),
    Seek(SeekFrom),
}

fn any_step() -> impl Strategy<Value = Step> {
    let place = -6000..6000_i64;
    let sizes = prop_oneof![0..3000_usize, Just(2 * MAX_STEP)];
    prop_oneof![
        sizes.prop_map(Step::Read),
        (0..6000_u64).prop_map(|to| Step::Seek(SeekFrom::Start(to))),
        place.clone().prop_map(|to| Step::Seek(SeekFrom::Current(to))),
        place.prop_map(|to| Step::Seek(SeekFrom::End(to))),
        prop_oneof![
            Just(SeekFrom::Start(u64::MAX)),
            Just(SeekFrom::Current(i64::MIN)),
            Just(SeekFrom::Current(i64::MAX)),
            Just(SeekFrom::End(i64::MIN)),
            Just(SeekFrom::End(i64::MAX)),
        ]
        .prop_map(Step::Seek),
    ]
}

/// Where a vector of this size would be after it: at its end, whatever is beyond it.
fn clamped(at: u64, size: u64, to: SeekFrom) -> u64 {
    let to = match to {
        SeekFrom::Start(to) => i128::from(to),
        SeekFrom::Current(by) => i128::from(at) + i128::from(by),
        SeekFrom::End(by) => i128::from(size) + i128::from(by),
    };
    to.clamp(0, size.into()) as u64
}

#[test]
fn however_it_is_written_and_read_it_is_the_same_bytes() {
    let environment = environment();
    let blobs = environment.blobs().unwrap();
    // Now and then more than one step of the host.
    let sizes = prop_oneof![9 => 0..2000_usize, 1 => Just(MAX_STEP + 1)];
    let cases = (vec(sizes, 0..6), vec(any_step(), 0..30));
    let same = |(writes, steps): (Vec<usize>, Vec<Step>)| {
        let all = bytes(writes.iter().sum());
        let (mut upload, mut rest) = (blobs.upload().unwrap(), all.as_slice());
        for size in writes {
            let (now, later) = rest.split_at(size);
            upload.write_all(now).unwrap();
            rest = later;
        }
        let info = upload.finish("a").unwrap();
        prop_assert_eq!(info.sha256, blobs.put("b", &all).unwrap().sha256);

        let (mut download, mut model) = (blobs.download("a").unwrap(), Cursor::new(&all));
        for step in steps {
            match step {
                Step::Read(size) => {
                    let size = size.min(MAX_STEP);
                    let (mut read, mut expected) = (vec![0; size], vec![0; size]);
                    let count = model.read(&mut expected).unwrap();
                    prop_assert_eq!(download.read(&mut read).unwrap(), count);
                    prop_assert!(read == expected, "{step:?}");
                }
                Step::Seek(to) => {
                    let expected = clamped(model.position(), info.size, to);
                    model.set_position(expected);
                    prop_assert_eq!(download.seek(to).unwrap(), expected);
                }
            }
            prop_assert_eq!(download.stream_position().unwrap(), model.position());
        }
        Ok(())
    };
    TestRunner::default().run(&cases, same).unwrap();
}

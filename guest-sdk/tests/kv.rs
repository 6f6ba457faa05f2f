//! Keys and values, as a challenge uses them.

use platform_guest_sdk::{
    kv::{MAX_BUCKET_BYTES, MAX_CHANGES, MAX_KEY_BYTES, MAX_LISTED},
    prelude::*,
    testing::Harness,
};

struct Keys;

#[challenge(name = "keys")]
impl Keys {
    #[any]
    fn any(_: &Request) -> Result<()> {
        Ok(())
    }
}

fn bucket() -> Result<Bucket, DatabaseError> {
    Harness::<Keys>::new().environment().bucket("b")
}

#[test]
fn a_key_has_the_value_it_was_given_last_in_its_own_bucket() {
    let environment = Harness::<Keys>::new().environment();
    let (one, two) = (
        environment.bucket("one").unwrap(),
        environment.bucket("two").unwrap(),
    );
    assert_eq!(one.get("a").unwrap(), None);
    one.set("a", "1").unwrap();
    one.set("a", [0, 255]).unwrap();
    two.set("a", "").unwrap();
    assert_eq!(one.get("a").unwrap(), Some(vec![0, 255]));
    assert_eq!(two.get("a").unwrap(), Some(Vec::new()));
    assert!(one.delete("a").unwrap() && !one.delete("a").unwrap());
    assert_eq!(one.get("a").unwrap(), None);
    assert!(two.get("a").unwrap().is_some());
}

#[test]
fn a_value_that_is_not_the_json_it_was_to_be_is_an_error_that_names_the_key() {
    let bucket = bucket().unwrap();
    bucket.set_json("tour", &vec![3, 1, 2]).unwrap();
    assert_eq!(bucket.get_json::<Vec<u8>>("tour").unwrap(), Some(vec![3, 1, 2]));
    assert_eq!(bucket.get_json::<Vec<u8>>("none").unwrap(), None);
    let error = bucket.get_json::<String>("tour").unwrap_err().to_string();
    assert!(error.starts_with("the key \"tour\": invalid type"), "{error}");
}

#[test]
fn keys_are_listed_by_prefix_in_the_order_of_their_bytes() {
    let bucket = bucket().unwrap();
    for key in [
        "a", "a/", "a/1", "a/2", "a/é", "a0", "b", "A/1", "%", "a/_", "n\0b", "n\0c",
    ] {
        bucket.set(key, key).unwrap();
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
        assert_eq!(
            bucket.list(prefix, after, most).unwrap(),
            expected,
            "{prefix} {after:?}"
        );
        if after.is_none() && most > 0 {
            let keys: Vec<_> = bucket.keys(prefix).map(Result::unwrap).collect();
            assert_eq!(keys, expected, "{prefix}");
        }
    }
}

#[test]
fn all_keys_are_listed_however_many_pages_they_have() {
    let bucket = bucket().unwrap();
    let names: Vec<_> = (0..2 * MAX_CHANGES + 1).map(|n| format!("k{n:05}")).collect();
    for part in names.chunks(MAX_CHANGES) {
        let part: Vec<_> = part.iter().map(|name| Change::set(name, "")).collect();
        assert!(bucket.apply(part).unwrap());
    }
    assert_eq!(
        bucket.list("k", None, u32::MAX).unwrap().len(),
        MAX_LISTED as usize
    );
    let listed: Vec<_> = bucket.keys("k").map(Result::unwrap).collect();
    assert_eq!(listed, names);
    assert_eq!(bucket.keys("l").count(), 0);
}

#[test]
fn a_batch_happens_as_a_whole_and_only_if_its_checks_hold() {
    let bucket = bucket().unwrap();
    let changes = [
        Change::check("a", None),
        Change::set("a", "1"),
        Change::delete("c"),
    ];
    assert!(bucket.apply(&changes).unwrap());
    for wrong in [None, Some(&b"2"[..])] {
        let changes = [Change::set("b", "2"), Change::check("a", wrong)];
        assert!(!bucket.apply(changes).unwrap(), "{wrong:?}");
    }
    let read = bucket.get("a").unwrap();
    assert!(
        bucket
            .apply(vec![
                Change::check("a", read.as_deref()),
                Change::delete("a"),
                Change::check("a", None)
            ])
            .unwrap()
    );
    bucket
        .apply([Change::set("b", "3"), Change::set("", "x")])
        .unwrap_err();
    assert_eq!((bucket.get("a").unwrap(), bucket.get("b").unwrap()), (None, None));
}

#[test]
fn what_the_host_would_refuse_is_refused() {
    let environment = Harness::<Keys>::new().environment();
    for (length, code) in [
        (0, Some(21)),
        (1, None),
        (MAX_BUCKET_BYTES, None),
        (MAX_BUCKET_BYTES + 1, Some(18)),
    ] {
        let error = environment.bucket(&"x".repeat(length)).err();
        assert_eq!(error.and_then(|error| error.code()), code, "{length}");
    }
    let bucket = environment.bucket("b").unwrap();
    for (length, code) in [
        (0, Some(21)),
        (1, None),
        (MAX_KEY_BYTES, None),
        (MAX_KEY_BYTES + 1, Some(18)),
    ] {
        let key = "x".repeat(length);
        for error in [
            bucket.set(&key, "").err(),
            bucket.get(&key).err(),
            bucket.delete(&key).err(),
            bucket.apply([Change::check(&key, None)]).err(),
        ] {
            assert_eq!(error.and_then(|error| error.code()), code, "{length}");
        }
    }
    let many = vec![Change::delete("a"); MAX_CHANGES + 1];
    assert!(bucket.apply(many).unwrap_err().is_too_large());

    let database = environment.database().unwrap();
    let _writing = database.transaction().unwrap();
    assert_eq!(
        bucket.set("a", "").unwrap_err().code(),
        Some(21),
        "it would wait for itself"
    );
    let nowhere = Environment::default().bucket("b").unwrap_err().to_string();
    assert!(nowhere.contains("testing::Harness"), "{nowhere}");
}

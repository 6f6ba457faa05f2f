use platform_state::{Bucket, Change, MAX_BUCKET_BYTES, MAX_CHANGES, MAX_KEY_BYTES, MAX_LISTED, SqlLimits};

use crate::given::{LIMITS, given, none, soon, text, values};

#[tokio::test]
async fn a_key_has_the_value_it_was_given_last_in_its_own_bucket() {
    let given = given(LIMITS);
    let bucket = |name| Bucket::open(&given.database, name).unwrap();
    let (one, two) = (bucket("one"), bucket("two"));
    assert_eq!(one.get("a", soon()).await.unwrap(), None);
    one.set("a", b"1", soon()).await.unwrap();
    one.set("a", b"2", soon()).await.unwrap();
    two.set("a", b"", soon()).await.unwrap();
    assert_eq!(one.get("a", soon()).await.unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(two.get("a", soon()).await.unwrap().as_deref(), Some(&b""[..]));
    assert!(one.delete("a", soon()).await.unwrap());
    assert!(!one.delete("a", soon()).await.unwrap());
    assert_eq!(one.get("a", soon()).await.unwrap(), None);
    assert!(two.get("a", soon()).await.unwrap().is_some());
}

#[tokio::test]
async fn keys_are_listed_by_prefix_page_by_page() {
    let given = given(LIMITS);
    let bucket = Bucket::open(&given.database, "b").unwrap();
    for key in ["a", "a/", "a/1", "a/2", "a/é", "a0", "b", "A/1", "%", "a/_"] {
        bucket.set(key, key.as_bytes(), soon()).await.unwrap();
    }
    let list = async |prefix, after, most| bucket.list(prefix, after, most, soon()).await.unwrap();
    assert_eq!(list("a/", None, 10).await, ["a/", "a/1", "a/2", "a/_", "a/é"]);
    assert_eq!(list("a/", Some("a/1"), 2).await, ["a/2", "a/_"]);
    assert_eq!(list("a/", Some("z"), 2).await, Vec::<String>::new());
    assert_eq!(list("", None, u32::MAX).await.len(), 10);
    assert_eq!(list("%", None, 10).await, ["%"]);
    assert_eq!(list("a", None, 0).await, Vec::<String>::new());
    let many: Vec<_> = (0..MAX_CHANGES)
        .map(|n| Change::Set(format!("m{n}"), Vec::new()))
        .collect();
    assert!(bucket.apply(&many, soon()).await.unwrap());
    assert_eq!(list("", None, u32::MAX).await.len(), MAX_LISTED as usize);
}

#[tokio::test]
async fn a_batch_happens_as_a_whole_and_only_if_its_checks_hold() {
    let given = given(LIMITS);
    let bucket = Bucket::open(&given.database, "b").unwrap();
    let set = |key: &str, value: &str| Change::Set(key.into(), value.into());
    let check = |key: &str, value: Option<&str>| Change::Check(key.into(), value.map(Into::into));
    let get = async |key: &str| {
        bucket
            .get(key, soon())
            .await
            .unwrap()
            .map(|value| String::from_utf8(value).unwrap())
    };
    let apply = async |changes: &[Change]| bucket.apply(changes, soon()).await;
    assert!(
        apply(&[
            check("a", None),
            set("a", "1"),
            set("b", "1"),
            Change::Delete("c".into())
        ])
        .await
        .unwrap()
    );
    assert!(!apply(&[set("b", "2"), check("a", None)]).await.unwrap());
    assert!(!apply(&[set("b", "2"), check("a", Some("2"))]).await.unwrap());
    assert_eq!(get("b").await.as_deref(), Some("1"));
    assert!(
        apply(&[set("b", "2"), check("b", Some("2")), Change::Delete("a".into())])
            .await
            .unwrap()
    );
    assert_eq!((get("a").await, get("b").await.as_deref()), (None, Some("2")));
    apply(&[set("b", "3"), set("", "x")]).await.unwrap_err();
    assert_eq!(get("b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_name_that_is_too_long_or_empty_is_refused() {
    let given = given(LIMITS);
    let open = |name: String| Bucket::open(&given.database, &name).err().map(|error| error.code);
    assert_eq!(open(String::new()), Some(21));
    assert_eq!(open("x".repeat(MAX_BUCKET_BYTES)), None);
    assert_eq!(open("x".repeat(MAX_BUCKET_BYTES + 1)), Some(18));
    let bucket = Bucket::open(&given.database, "b").unwrap();
    let set = async |key: String| bucket.set(&key, b"", soon()).await.err().map(|error| error.code);
    assert_eq!(set(String::new()).await, Some(21));
    assert_eq!(set("x".repeat(MAX_KEY_BYTES)).await, None);
    assert_eq!(set("x".repeat(MAX_KEY_BYTES + 1)).await, Some(18));
    let many = vec![Change::Delete("a".into()); MAX_CHANGES + 1];
    assert_eq!(bucket.apply(&many, soon()).await.unwrap_err().code, 18);
    let large = vec![0; LIMITS.value as usize];
    assert_eq!(bucket.set("a", &large, soon()).await.unwrap_err().code, 18);
}

#[tokio::test]
async fn keys_count_in_the_databases_limit_and_the_challenges_sql_does_not_reach_them() {
    let small = SqlLimits {
        database: 256 << 10,
        ..LIMITS
    };
    let given = given(small);
    let bucket = Bucket::open(&given.database, "b").unwrap();
    let mut full = None;
    for n in 0..100 {
        if let Err(error) = bucket.set(&n.to_string(), &[1; 16 << 10], soon()).await {
            full = Some(error);
            break;
        }
    }
    assert_eq!(full.unwrap().message, "the database is full: it may have 256KiB");
    bucket.delete("0", soon()).await.unwrap();
    bucket.set("0", b"again", soon()).await.unwrap();
    for sql in [
        "SELECT * FROM platform_kv",
        "DELETE FROM Platform_KV",
        "DROP TABLE platform_kv",
        "CREATE TABLE platform_x (a)",
        "CREATE INDEX i ON platform_kv (value)",
        "CREATE TRIGGER g AFTER INSERT ON platform_kv BEGIN SELECT 1; END",
        "ALTER TABLE platform_kv RENAME TO mine",
        "CREATE VIEW v AS SELECT 1; SELECT * FROM v, platform_migrations",
    ] {
        let error = given.script(sql).await.unwrap_err();
        assert!(
            error.primary() == 23 && error.message.contains("platform_"),
            "{sql}: {error:?}"
        );
    }
    // Even the very statement that the host has just run.
    let its = "SELECT value FROM platform_kv WHERE bucket = ?1 AND key = ?2";
    let parameters = || values([text("b"), text("0")]);
    assert!(bucket.get("0", soon()).await.unwrap().is_some());
    assert_eq!(given.query(its, parameters()).await.unwrap_err().primary(), 23);
    assert_eq!(given.execute(its, parameters()).await.unwrap_err().primary(), 23);
    assert!(bucket.get("0", soon()).await.unwrap().is_some());
    // Even where a name is not looked at before it is used.
    given
        .script("CREATE VIEW v AS SELECT * FROM platform_kv")
        .await
        .unwrap();
    assert_eq!(
        given
            .query("SELECT * FROM v", none())
            .await
            .unwrap_err()
            .primary(),
        23
    );
}

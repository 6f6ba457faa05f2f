//! The table against a real database in memory.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{
    Capability, DataMode, Digest, FailureRule, Grant, Instances, Loosened, PlainToken, Resources, Status,
    UnixSeconds,
};

use super::*;
use crate::migrations::migrate;

pub(crate) fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection).unwrap();
    connection
}

pub(crate) fn challenge(slug: &str) -> Challenge {
    let token = PlainToken::from_random([7; 32]);
    let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    Challenge {
        slug: slug.parse().unwrap(),
        name: "Tours \u{1f680} 'quoted'".into(),
        artifact: Artifact::Component(PinnedComponent {
            reference: "registry.example/tsp:1".parse().unwrap(),
            manifest: Some(Digest::of(b"manifest")),
            component: Digest::of(b"component"),
        }),
        fallback: Some("registry.example/gpu:1".parse().unwrap()),
        version: "1.0.0".into(),
        emission_percent: "12.5".parse().unwrap(),
        on_failure: "primary,last-good:3".parse().unwrap(),
        serving: serde_json::from_str(r#"{"max_body":"1MiB","cors_origins":["https://a.example"]}"#).unwrap(),
        status: Status::Active,
        capabilities: BTreeSet::from(Capability::ALL),
        data: DataMode::Exclusive,
        instances: "warm(1, 50, 20s)".parse().unwrap(),
        grants: BTreeSet::from([Grant::Kv]),
        outbound: BTreeSet::from(["https://*.example.org:8443".parse().unwrap()]),
        trust: Some("signed-by(alice,bob)".parse().unwrap()),
        follow: true,
        loosened: BTreeSet::from([Loosened::Egress, Loosened::ExecTmp]),
        resources: Resources::try_from(map("memory", "64MiB")).unwrap(),
        volumes: map("data", "/data"),
        env: map("LEVEL", "debug=1"),
        secrets: BTreeSet::from(["api_key".to_owned()]),
        description: Some("One sentence.".into()),
        metadata: serde_json::from_str(r#"{"a":[1,{"b":null}]}"#).unwrap(),
        token_hash: token.hash(),
        token_hint: token.hint(),
        created_at: UnixSeconds(1),
        updated_at: UnixSeconds(2),
    }
}

/// Every field, including the hash that `Debug` hides.
fn fields(challenge: &Challenge) -> (String, [u8; 32]) {
    (format!("{challenge:?}"), *challenge.token_hash.as_bytes())
}

#[test]
fn a_record_comes_back_as_it_was_written() {
    let connection = database();
    let component = challenge("tsp");
    let mut image = challenge("gpu");
    image.artifact = Artifact::Image("registry.example/gpu:1".parse().unwrap());
    (image.description, image.fallback) = (None, None);
    image.loosened.clear();
    image.status = Status::Draft;
    image.instances = Instances::PerCall;
    image.on_failure = FailureRule::ZERO;
    image.serving = Default::default();
    image.grants.clear();
    image.outbound.clear();
    (image.trust, image.follow) = (None, false);
    let mut file = challenge("local");
    file.artifact = Artifact::Component(PinnedComponent {
        reference: "file:target/x.wasm".parse().unwrap(),
        manifest: None,
        component: Digest::of(b"x"),
    });
    for record in [&component, &image, &file] {
        insert(&connection, record).unwrap();
        let found = get(&connection, &record.slug).unwrap().unwrap();
        assert_eq!(fields(&found), fields(record));
    }
    let slugs: Vec<_> = list(&connection)
        .unwrap()
        .iter()
        .map(|c| c.slug.to_string())
        .collect();
    assert_eq!(slugs, ["gpu", "local", "tsp"]);
}

#[test]
fn statuses_are_those_of_the_records() {
    let connection = database();
    for (slug, status) in [("b2", Status::Disabled), ("a1", Status::Active)] {
        let record = Challenge {
            status,
            ..challenge(slug)
        };
        insert(&connection, &record).unwrap();
    }
    let of_records: Vec<_> = list(&connection)
        .unwrap()
        .into_iter()
        .map(|record| (record.slug, record.status))
        .collect();
    assert_eq!(statuses(&connection).unwrap(), of_records);
    assert_eq!(of_records.len(), 2);
}

#[test]
fn a_taken_slug_is_told_apart_from_other_failures() {
    let connection = database();
    insert(&connection, &challenge("tsp")).unwrap();
    let error = insert(&connection, &challenge("tsp")).unwrap_err();
    assert!(matches!(error, StoreError::ChallengeExists(slug) if slug.as_str() == "tsp"));
    connection.execute_batch("DROP TABLE challenges").unwrap();
    assert!(matches!(
        insert(&connection, &challenge("tsp")),
        Err(StoreError::Statement(_))
    ));
    let mut late = challenge("late");
    late.created_at = UnixSeconds(u64::MAX);
    let error = insert(&connection, &late).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Value {
                column: "created_at",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn an_update_replaces_the_whole_record_and_a_delete_removes_it() {
    let connection = database();
    let mut record = challenge("tsp");
    assert!(!update(&connection, &record).unwrap());
    insert(&connection, &record).unwrap();
    insert(&connection, &challenge("other")).unwrap();
    record.status = Status::Disabled;
    record.description = None;
    record.env.clear();
    record.instances = Instances::PerCall;
    record.on_failure = "last-good:100".parse().unwrap();
    record.grants.insert(Grant::Sqlite);
    record.outbound.clear();
    (record.trust, record.follow) = (Some("pinned".parse().unwrap()), false);
    record.token_hash = PlainToken::from_random([9; 32]).hash();
    assert!(update(&connection, &record).unwrap());
    assert_eq!(
        fields(&get(&connection, &record.slug).unwrap().unwrap()),
        fields(&record)
    );
    let other = challenge("other");
    assert_eq!(
        fields(&get(&connection, &other.slug).unwrap().unwrap()),
        fields(&other)
    );
    assert!(delete(&connection, &record.slug).unwrap());
    assert!(!delete(&connection, &record.slug).unwrap());
    assert!(get(&connection, &record.slug).unwrap().is_none());
}

#[test]
fn a_damaged_row_is_named_with_its_column() {
    for (column, value) in [
        ("emission_percent", "'250'"),
        ("capabilities", "'[\"fly\"]'"),
        ("instances", "'warm(0)'"),
        ("on_failure", "'last-good:101'"),
        ("serving", "'{\"cors\":1}'"),
        ("grants", "'[\"files\"]'"),
        ("outbound", "'[\"example.com\"]'"),
        ("trust", "'signed-by()'"),
        ("resources", "'{'"),
        ("env", "'{\"A\":1}'"),
        ("metadata", "'[]'"),
        ("component_digest", "'sha256:00'"),
        ("manifest_digest", "'sha256:00'"),
        ("reference", "''"),
    ] {
        let connection = database();
        insert(&connection, &challenge("tsp")).unwrap();
        connection
            .execute(&format!("UPDATE challenges SET {column} = {value}"), [])
            .unwrap();
        let error = list(&connection).unwrap_err();
        let StoreError::Row {
            table: "challenge",
            key,
            column: named,
            ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((key.as_str(), named), ("tsp", column));
    }
}

#[test]
fn the_schema_itself_refuses_what_no_record_can_be() {
    let connection = database();
    insert(&connection, &challenge("tsp")).unwrap();
    for change in [
        "status = 'gone'",
        "data = 'shared'",
        "token_hash = x'00'",
        "component_digest = NULL",
        "created_at = -1",
        "follow = 2",
        "name = NULL",
        "updated_at = 'now'",
    ] {
        assert!(
            connection
                .execute(&format!("UPDATE challenges SET {change}"), [])
                .is_err(),
            "{change}"
        );
    }
}

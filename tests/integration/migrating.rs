//! A component that brings migrations takes the place of one whose challenge has a database, and the way back.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use platform_admin_types::{ChallengeView, ClientError, RollBackChallenge, UpdateChallenge};
use platform_domain::Slug;
use platform_tests::{TestHost, client, guest, with_manifest};
use serde_json::Value;
use tokio::task::JoinSet;

const NEW_TABLE: &str = "CREATE TABLE seasons (id INTEGER PRIMARY KEY); INSERT INTO seasons VALUES (7)";
const ROWS: &str = "SELECT id, amount, note FROM entries ORDER BY id";

fn slug() -> Slug {
    "ledger".parse().unwrap()
}

/// The `ledger` with these migrations after its own; its version is how many it has.
pub(crate) fn ledger(more: &[&str]) -> Vec<u8> {
    let manifest = include_str!("../components/ledger/manifest.json");
    let mut manifest: Value = serde_json::from_str(manifest).unwrap();
    let migrations = manifest["migrations"].as_array_mut().unwrap();
    migrations.extend(more.iter().map(|&sql| sql.into()));
    let version = format!("{}.0.0", migrations.len());
    manifest["version"] = version.into();
    with_manifest(std::fs::read(guest("ledger")).unwrap(), &manifest)
}

fn file(host: &TestHost, component: &[u8]) -> PathBuf {
    let digest = platform_domain::Digest::of(component);
    let file = host.scratch().join(format!("{}.wasm", digest.hex()));
    std::fs::write(&file, component).unwrap();
    file
}

async fn update(host: &TestHost, component: &[u8]) -> Result<ChallengeView, ClientError> {
    let component = format!("file:{}", file(host, component).display())
        .parse()
        .unwrap();
    let (grant, by) = Default::default();
    let change = UpdateChallenge {
        component,
        grant,
        version: None,
        by,
    };
    host.admin.challenge_update(&slug(), &change).await
}

async fn roll_back(host: &TestHost) -> ChallengeView {
    let back = RollBackChallenge::default();
    host.admin.challenge_roll_back(&slug(), &back).await.unwrap()
}

/// What the challenge answers to a statement, or its error.
async fn ask(host: &TestHost, path: &str, sql: &'static str) -> String {
    let request = client().post(host.url("ledger", path)).body(sql);
    request.send().await.unwrap().text().await.unwrap()
}

async fn query(host: &TestHost, sql: &'static str) -> String {
    ask(host, "/query", sql).await
}

/// A ledger with three entries, two of them with one note.
async fn begin() -> TestHost {
    let host = TestHost::start().await;
    host.run_guest("ledger", "ledger", "0", &[]).await;
    let three = "INSERT INTO entries VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'b')";
    assert_eq!(ask(&host, "/execute", three).await, "3 3");
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_brings_its_migration_and_what_was_kept_stays() {
    let host = begin().await;
    let view = update(&host, &ledger(&[NEW_TABLE])).await.unwrap();
    assert_eq!(view.version, "3.0.0");
    assert_eq!(query(&host, ROWS).await, "1 10 a; 2 20 b; 3 30 b");
    assert_eq!(
        query(&host, "SELECT id FROM seasons").await,
        "7",
        "applied once, undone once"
    );
    assert_eq!(
        query(&host, "SELECT count(*) FROM points").await,
        "10000",
        "not applied again"
    );

    // Of one that does not run it is tried as well, and applied when it does.
    host.admin.challenge_deactivate(&slug()).await.unwrap();
    let (good, bad) = ("INSERT INTO seasons VALUES (8)", "INSERT INTO seasons VALUES (7)");
    let refused = update(&host, &ledger(&[NEW_TABLE, bad])).await.unwrap_err();
    assert!(refused.to_string().contains("migration 4 of 4"), "{refused}");
    update(&host, &ledger(&[NEW_TABLE, good])).await.unwrap();
    host.admin.challenge_activate(&slug()).await.unwrap();
    assert_eq!(query(&host, "SELECT id FROM seasons").await, "7; 8");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_is_named_with_its_error_and_changes_nothing() {
    let host = begin().await;
    let before = host.admin.challenge_get(&slug()).await.unwrap();
    for (component, named, because) in [
        (ledger(&["CREATE TABL x (y)"]), "migration 3 of 3", "syntax error"),
        (
            ledger(&["DROP TABLE missing"]),
            "migration 3 of 3",
            "no such table: missing",
        ),
        (
            ledger(&["CREATE UNIQUE INDEX one_note ON entries (note)"]),
            "migration 3 of 3",
            "UNIQUE constraint failed: entries.note",
        ),
        (
            ledger(&[
                NEW_TABLE,
                "CREATE TABLE strict (amount INTEGER CHECK (amount < 25)); \
                     INSERT INTO strict SELECT amount FROM entries; DROP TABLE entries",
            ]),
            "migration 4 of 4",
            "CHECK constraint failed: amount < 25",
        ),
        (
            ledger(&["DELETE FROM entries; DROP TABLE points; COMMIT"]),
            "migration 3 of 3",
            "is not allowed here",
        ),
        (with_another_text(), "migration 1", "another text"),
    ] {
        let refused = update(&host, &component).await.unwrap_err();
        let ClientError::Refused {
            status,
            message,
            hint,
            ..
        } = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(status, 422, "{message}");
        for part in [named, because] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(hint.is_some(), "{message}");
        assert_eq!(query(&host, ROWS).await, "1 10 a; 2 20 b; 3 30 b");
        assert_eq!(query(&host, "SELECT count(*) FROM points").await, "10000");
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('seasons', 'strict', 'one_note')";
        assert_eq!(query(&host, tables).await, "0");
        let after = host.admin.challenge_get(&slug()).await.unwrap();
        let json = |view| serde_json::to_value(view).unwrap();
        assert_eq!(json(&after), json(&before), "the very program goes on");
    }
    assert_eq!(
        host.admin
            .challenge_versions(&slug())
            .await
            .unwrap()
            .versions
            .len(),
        1
    );
}

/// The `ledger` whose first migration has another text, which does the same.
fn with_another_text() -> Vec<u8> {
    let manifest =
        include_str!("../components/ledger/manifest.json").replacen("CREATE TABLE", "CREATE  TABLE", 1);
    let manifest = serde_json::from_str(&manifest).unwrap();
    with_manifest(std::fs::read(guest("ledger")).unwrap(), &manifest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_the_database_as_the_newer_migrations_made_it() {
    let host = begin().await;
    let wider = "ALTER TABLE entries ADD COLUMN season INTEGER NOT NULL DEFAULT 1";
    let newer = ledger(&[NEW_TABLE, wider]);
    update(&host, &newer).await.unwrap();
    let of_the_newer = "INSERT INTO entries VALUES (4, 40, 'c', 2)";
    assert_eq!(ask(&host, "/execute", of_the_newer).await, "1 4");

    assert_eq!(roll_back(&host).await.version, "1.0.0");
    // The version before lives with it: it reads, it writes, and what it does not know is there.
    assert_eq!(query(&host, ROWS).await, "1 10 a; 2 20 b; 3 30 b; 4 40 c");
    let of_the_older = "INSERT INTO entries (id, amount, note) VALUES (5, 50, 'd')";
    assert_eq!(ask(&host, "/execute", of_the_older).await, "1 5");
    assert_eq!(query(&host, "SELECT id FROM seasons").await, "7");

    assert_eq!(roll_back(&host).await.version, "4.0.0", "and forward again");
    assert_eq!(query(&host, "SELECT season FROM entries").await, "1; 1; 1; 2; 1");
    assert_eq!(
        query(&host, "SELECT id FROM seasons").await,
        "7",
        "nothing is applied twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_miners_write_while_a_migration_is_tried_and_applied_is_kept() {
    let host = Arc::new(TestHost::start().await);
    host.run_guest("ledger", "ledger", "0", &[]).await;
    let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut miners = JoinSet::new();
    for _ in 0..3 {
        let (host, over, written) = (host.clone(), over.clone(), written.clone());
        miners.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let one = "INSERT INTO entries (amount, note) VALUES (1, 'x')";
                let answer = ask(&host, "/execute", one).await;
                assert!(answer.starts_with("1 "), "{answer}");
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut more = Vec::new();
    for _ in 0..5 {
        let before = written.load(Ordering::Relaxed);
        // Looks at all that is there.
        more.push(
            "CREATE TABLE IF NOT EXISTS sums (amount); INSERT INTO sums SELECT sum(amount) FROM entries",
        );
        update(&host, &ledger(&more)).await.unwrap();
        while written.load(Ordering::Relaxed) < before + 3 {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = miners.join_next().await {
        ended.unwrap();
    }
    let all = written.load(Ordering::Relaxed).to_string();
    assert_eq!(query(&host, "SELECT count(*) FROM entries").await, all);
    assert_eq!(query(&host, "SELECT count(*) FROM sums").await, "5");
}

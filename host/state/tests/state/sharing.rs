use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use platform_state::{Database, Kind, Patience, Value};
use tokio::task::JoinSet;

use crate::given::{LIMITS, given, none, soon};

#[tokio::test(flavor = "multi_thread")]
async fn readers_go_on_beside_a_writer_and_writers_wait_for_each_other() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (a)").await.unwrap();
    let writing = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    writing
        .execute("INSERT INTO t VALUES (1)", &none(), soon())
        .unwrap();
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(0));
    let waiting = given.execute("INSERT INTO t VALUES (2)", none());
    let waited = tokio::time::timeout(Duration::from_millis(20), waiting).await;
    assert!(waited.is_err(), "one transaction is written at a time");
    writing.commit(soon()).unwrap();
    given.execute("INSERT INTO t VALUES (2)", none()).await.unwrap();
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_count_together_lose_nothing() {
    let given = Arc::new(given(LIMITS));
    given
        .script("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (0)")
        .await
        .unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let mut tasks: JoinSet<()> = (0..8)
        .map(|_| {
            let (given, done) = (given.clone(), done.clone());
            async move {
                for _ in 0..25 {
                    let transaction = given
                        .database
                        .begin(Kind::Write, soon(), Patience::Wait)
                        .await
                        .unwrap();
                    let rows = transaction.query("SELECT a FROM t", &none(), soon()).unwrap();
                    let Value::Integer(before) = rows.values[0] else {
                        panic!("{rows:?}")
                    };
                    let after = crate::given::values([Value::Integer(before + 1)]);
                    transaction
                        .execute("UPDATE t SET a = ?1", &after, soon())
                        .unwrap();
                    transaction.commit(soon()).unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .collect();
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(done.load(Ordering::Relaxed), 200);
    assert_eq!(given.one("SELECT a FROM t").await, Value::Integer(200));
    assert_eq!(
        given.one("PRAGMA integrity_check").await,
        crate::given::text("ok")
    );
}

#[tokio::test]
async fn no_more_read_at_once_than_may_and_whoever_waits_is_served_later() {
    let given = given(LIMITS);
    let open = async || {
        given
            .database
            .cursor("SELECT 1".into(), none(), soon(), Patience::Wait)
            .await
            .unwrap()
    };
    let (first, _second) = (open().await, open().await);
    let waiting = tokio::time::timeout(Duration::from_millis(20), open()).await;
    assert!(waiting.is_err());
    let impatient = given.database.begin(Kind::Read, soon(), Patience::GiveUp).await;
    assert_eq!(impatient.err().unwrap().code, 5);
    given.query("SELECT 1", none()).await.unwrap();
    drop(first);
    open().await;
}

#[tokio::test]
async fn the_files_are_private_and_what_was_committed_is_there_again() {
    let given = given(LIMITS);
    given
        .script("CREATE TABLE t (a); INSERT INTO t VALUES (7)")
        .await
        .unwrap();
    let path = given.dir.path().join("state/database.sqlite3");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in path.parent().unwrap().read_dir().unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    let usage = given.database.usage();
    assert!(usage.limit == LIMITS.database && usage.bytes > 4096, "{usage:?}");
    given.database.retire(Duration::ZERO);
    assert_eq!(
        given.one("SELECT a FROM t").await,
        Value::Integer(7),
        "connections are opened anew"
    );
    drop(given.database);
    let again = Database::open(&path, &LIMITS).unwrap();
    let rows = again.query("SELECT a FROM t", &none(), soon()).await.unwrap();
    assert_eq!(rows.unwrap().values, [Value::Integer(7)]);
}

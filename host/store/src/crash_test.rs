//! Kills a writing process at arbitrary moments and looks at what it left behind.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use platform_domain::Challenge;
use rusqlite::Connection;

use crate::{Store, StoreError, challenges, challenges::tests::challenge};

/// Where the child finds its database; without it there is nothing to write.
const DATABASE: &str = "PLATFORM_CRASH_TEST_DATABASE";
/// What the child says after each commit.
const COMMITTED: &str = "committed ";

/// Every transaction of the child touches two rows with the same round number in several columns, each
/// large enough to span pages, so that a torn write would show.
fn record(slug: &str, round: u32) -> Challenge {
    let mut record = challenge(slug);
    record.version = round.to_string();
    record.description = Some(round.to_string().repeat(2000));
    record.env.insert("ROUND".into(), round.to_string());
    record
}

#[tokio::test]
#[ignore = "the writing half of the crash test, which starts and kills it"]
async fn crash_writer() {
    let Some(path) = env::var_os(DATABASE).map(PathBuf::from) else {
        return;
    };
    let store = Store::open(&path).unwrap();
    let insert = |connection: &Connection| {
        challenges::insert(connection, &record("left", 0))?;
        challenges::insert(connection, &record("right", 0))
    };
    store.write("insert", insert).await.unwrap();
    for round in 1.. {
        let update = move |connection: &Connection| {
            challenges::update(connection, &record("left", round))?;
            challenges::update(connection, &record("right", round))
        };
        store.write("update", update).await.unwrap();
        // Not `println`: the harness would keep it.
        writeln!(std::io::stdout(), "{COMMITTED}{round}").unwrap();
    }
}

/// Starts the writer, kills it after `commits` reported ones and returns the last it reported.
fn kill_writer(path: &Path, commits: usize) -> u32 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "crash_test::crash_writer", "--ignored", "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut reported = lines.filter_map(|line| line.unwrap().rsplit_once(COMMITTED)?.1.parse().ok());
    let seen = reported
        .by_ref()
        .nth(commits - 1)
        .expect("the writer reports its commits");
    // SIGKILL: no destructor and no SQLite code runs.
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had still committed and said before it died.
    reported.last().unwrap_or(seen)
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_records_and_every_answered_change() {
    for commits in [1, 2, 7, 23, 40] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.sqlite3");
        let reported = kill_writer(&path, commits);
        assert!(
            fs::metadata(dir.path().join("registry.sqlite3-wal"))
                .unwrap()
                .len()
                > 0,
            "it died at work"
        );

        let store = Store::open(&path).unwrap();
        let check = |connection: &Connection| {
            let health: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            Ok::<_, StoreError>((health, challenges::list(connection)?))
        };
        let (health, records) = store.read("check", check).await.unwrap();
        assert_eq!(health, "ok");
        let [left, right] = records.as_slice() else {
            panic!("both records or none: {records:?}")
        };
        let round: u32 = left.version.parse().unwrap();
        assert!(
            round >= reported,
            "round {reported} was answered, {round} is on disk"
        );
        for (found, slug) in [(left, "left"), (right, "right")] {
            assert_eq!(format!("{found:?}"), format!("{:?}", record(slug, round)));
        }
        store
            .write("go on", |connection| {
                challenges::update(connection, &record("left", 0))
            })
            .await
            .unwrap();
    }
}

//! Kills a writing process at arbitrary moments and looks at what it left behind.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use platform_domain::{Challenge, GpuLeaseId, Placement, UnixSeconds};
use rusqlite::Connection;

use crate::{
    Store, StoreError, challenges, challenges::tests::challenge, gpu_leases, gpu_servers,
    gpu_servers::tests::server,
};

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

/// GPUs of each lease.
const GPUS: u16 = 5;

fn lease(round: u32) -> GpuLeaseId {
    format!("start-{round}").parse().unwrap()
}

/// Starts one container after the other: a lease for the next, then the one before gives back its own.
#[tokio::test]
#[ignore = "the writing half of the crash test of leases, which starts and kills it"]
async fn crash_leaser() {
    let Some(path) = env::var_os(DATABASE).map(PathBuf::from) else {
        return;
    };
    let store = Store::open(&path).unwrap();
    let insert = |connection: &Connection| {
        challenges::insert(connection, &challenge("tsp"))?;
        gpu_servers::insert(connection, &server("a", &format!("l4:{GPUS}"), "shared(2)"))
    };
    store.write("insert", insert).await.unwrap();
    for round in 1.. {
        let acquire = move |connection: &Connection| {
            let placement = Placement {
                server: "a".parse().unwrap(),
                devices: (0..GPUS).collect(),
            };
            let holder = "tsp".parse().unwrap();
            gpu_leases::acquire(connection, &lease(round), &holder, &placement, UnixSeconds(1))
        };
        store.write("acquire", acquire).await.unwrap();
        writeln!(std::io::stdout(), "{COMMITTED}{round}").unwrap();
        let release = move |connection: &Connection| gpu_leases::release(connection, &lease(round - 1));
        store.write("release", release).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_host_has_a_lease_or_has_it_not() {
    for commits in [1, 2, 9, 30] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.sqlite3");
        let reported = kill_writer("crash_test::crash_leaser", &path, commits);
        let store = Store::open(&path).unwrap();
        let check = |connection: &Connection| {
            let health: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            let free = gpu_leases::free_slots(connection, &"a".parse().unwrap())?;
            Ok::<_, StoreError>((health, gpu_leases::list(connection)?, free))
        };
        let (health, leases, free) = store.read("check", check).await.unwrap();
        assert_eq!(health, "ok");
        assert!(
            leases.iter().any(|it| it.id == lease(reported)),
            "{reported} was answered: {leases:?}"
        );
        assert!(
            leases.iter().all(|it| it.devices == (0..GPUS).collect()),
            "{leases:?}"
        );
        let left = 2 - u16::try_from(leases.len()).unwrap();
        assert_eq!(free, (0..GPUS).map(|device| (device, left)).collect());
    }
}

/// Starts a writer, kills it after `commits` reported ones and returns the last it reported.
fn kill_writer(writer: &str, path: &Path, commits: usize) -> u32 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", writer, "--ignored", "--nocapture"])
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
        let reported = kill_writer("crash_test::crash_writer", &path, commits);
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

//! Guests that keep as much as they can.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
};

use bytes::Bytes;
use platform_domain::ByteSize;
use platform_wasm::{CallError, DataUsage, DiskFull, Engine, Program, ProgramSpec};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    host::{self, DEADLINE, ask},
    small_disk::with_small_disk,
};

const MIB: u64 = 1 << 20;
const DISK: u64 = 4 * MIB;
const FILES: u64 = 300;
const OPEN: u64 = 40;
/// What may be taken beyond the limit.
const BEYOND: u64 = MIB;

/// An engine whose challenges may keep little, and a place for their directories.
struct Host {
    engine: Engine,
    dir: TempDir,
    guest: Bytes,
}

/// What is really there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Real {
    files: u64,
    lengths: u64,
    blocks: u64,
}

impl Host {
    fn new() -> Self {
        // Compiling is slow, so the tests share what was compiled. It is all there before the second engine comes,
        // which would take what the first one is making for something that was left behind.
        static CODE: OnceLock<TempDir> = OnceLock::new();
        let code = CODE.get_or_init(|| {
            let code = tempfile::tempdir().unwrap();
            let first = Self::over(&code);
            let load = async move { first.load("first").await.0 };
            let compiling = thread::spawn(|| drop(Runtime::new().unwrap().block_on(load)));
            compiling.join().unwrap();
            code
        });
        Self::over(code)
    }

    fn over(code: &TempDir) -> Self {
        let mut config = host::config(code.path().to_owned());
        config.limits.data_files = FILES;
        config.limits.open_files = OPEN;
        // Making thousands of names is the work of the file system, which counts as the guest's.
        config.limits.route_cpu_ms = 60_000;
        Self {
            engine: Engine::new(config).unwrap(),
            dir: tempfile::tempdir().unwrap(),
            guest: host::built("disk"),
        }
    }

    async fn load(&self, name: &str) -> (Program, PathBuf) {
        let data = self.dir.path().join(name);
        let spec = self.spec(data.clone());
        let program = self.engine.load(self.guest.clone(), spec).await.unwrap();
        (program, data)
    }

    fn spec(&self, data: PathBuf) -> ProgramSpec {
        let mut spec = host::spec(&self.guest);
        spec.data_dir = Some(data);
        spec.disk = ByteSize(DISK);
        spec.route_deadline = DEADLINE * 200;
        spec
    }
}

impl Real {
    fn of(root: &Path) -> Self {
        let mut real = Self::default();
        let mut pending = vec![root.to_owned()];
        while let Some(dir) = pending.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                real.files += 1;
                real.blocks += metadata.blocks() * 512;
                if metadata.is_dir() {
                    pending.push(entry.path());
                } else {
                    real.lengths += metadata.len();
                }
            }
        }
        real
    }

    /// Whether it is no more than allowed, in every way of counting, and the host's count covers it.
    fn check(&self, usage: DataUsage, what: &str) {
        assert!(
            self.files <= FILES && usage.files == self.files,
            "{what}: {self:?} {usage:?}"
        );
        assert!(
            self.lengths <= DISK + BEYOND && self.blocks <= DISK + BEYOND,
            "{what}: {self:?}"
        );
        assert!(usage.bytes <= DISK + BEYOND, "{what}: {usage:?}");
        assert!(self.lengths <= usage.bytes, "{what}: {self:?} {usage:?}");
    }
}

async fn post(program: &Program, path: &str) -> Result<Bytes, CallError> {
    let mut request = host::get(path);
    request.method = "POST".to_owned();
    let answer = program.handle_route(request).await?;
    assert!(answer.status < 300, "{path}: {answer:?}");
    Ok(answer.body)
}

async fn answer(program: &Program, path: &str) -> Value {
    let body = post(program, path).await;
    let body = body.unwrap_or_else(|error| panic!("{path}: {}", error.explanation()));
    serde_json::from_slice(&body).unwrap()
}

/// Whether it can, or says itself that it cannot.
async fn does(program: &Program, path: &str) -> bool {
    match post(program, path).await {
        Ok(_) => true,
        Err(CallError::Guest(_)) => false,
        Err(error) => panic!("{path}: {}", error.explanation()),
    }
}

#[tokio::test]
async fn whoever_fills_the_disk_finds_it_full_and_can_make_room() {
    let host = Host::new();
    let (neighbour, its) = host.load("neighbour").await;
    assert!(does(&neighbour, "/write").await);
    let (before, quiet) = (Real::of(&its), neighbour.usage().files);
    // What was done at least before it was refused, and whether it stays behind.
    for (way, least, stays) in [
        ("appends", 60, true),
        ("one-write", 0, true),
        ("sizes", 3, true),
        ("sparse", 0, true),
        ("far", 0, true),
        ("files", FILES, true),
        ("empty-files", FILES, true),
        ("directories", FILES, true),
        ("long-names", 0, true),
        ("unlinked", 3, false),
        ("replaced", 3, true),
        ("second-handle", 59, false),
    ] {
        let (program, data) = host.load(way).await;
        let fill = format!("/fill/{way}");
        let filled = answer(&program, &fill).await;
        let (done, refused) = (
            filled["done"].as_u64().unwrap(),
            filled["refused"].as_str().unwrap(),
        );
        let never_refused = way == "long-names" && refused == "nobody refused";
        assert!(
            never_refused || refused.contains("No space left on device"),
            "{way}: {filled}"
        );
        assert!(done >= least, "{way}: {filled}");
        let told = program.disk_full("r1");
        let expected = if least == FILES {
            DiskFull::Files(FILES)
        } else {
            DiskFull::Bytes(DISK)
        };
        assert!(never_refused || told == Some(expected), "{way}: {told:?}");
        if matches!(way, "unlinked" | "replaced") {
            assert!(done * MIB <= DISK + BEYOND, "{way}: {filled}");
        }
        let real = Real::of(&data);
        real.check(program.usage().files.unwrap(), way);
        assert_eq!(real.files > 0, stays, "{way}: {real:?}");
        // A second program over the directory, as when a new version is loaded, and one that opens it anew.
        let (second, _) = host.load(way).await;
        assert_eq!(second.usage().files, program.usage().files, "{way}");
        drop((program, second));
        let (program, _) = host.load(way).await;
        real.check(program.usage().files.unwrap(), way);
        assert!(does(&program, "/clear").await, "{way}");
        let empty = program.usage().files.unwrap();
        assert_eq!((empty.files, Real::of(&data).files), (0, 0), "{way}");
        assert_eq!(program.disk_full("r1"), None, "{way}");
        let again = answer(&program, &fill).await;
        assert_eq!(
            again["done"], filled["done"],
            "{way}: there is as much room as before"
        );
        assert!(
            does(&program, "/clear").await && does(&program, "/write").await,
            "{way}"
        );
    }
    assert_eq!((Real::of(&its), neighbour.usage().files), (before, quiet));
    assert_eq!(neighbour.disk_full("r1"), None);
}

#[tokio::test]
async fn a_database_that_fills_the_disk_says_so_and_works_on_when_rows_are_removed() {
    let host = Host::new();
    let (program, data) = host.load("database").await;
    let filled = answer(&program, "/database/fill").await;
    assert_eq!(filled["refused"], "database or disk is full", "{filled}");
    let rows = filled["done"].as_u64().unwrap();
    assert!(rows * (100 << 10) > DISK * 9 / 10, "{filled}");
    assert_eq!(program.disk_full("r1"), Some(DiskFull::Bytes(DISK)));
    let state = async || serde_json::from_str::<Value>(&ask(&program, "/database").await.unwrap()).unwrap();
    let whole = |rows: u64| serde_json::json!({ "rows": rows, "integrity": "ok" });
    assert_eq!(state().await, whole(rows));
    assert!(!does(&program, "/database/add").await, "it is still full");
    assert!(does(&program, "/database/halve").await);
    assert_eq!(state().await, whole(rows.div_ceil(2)));
    assert!(does(&program, "/database/add").await);
    let again = answer(&program, "/database/fill").await;
    assert_eq!(again, filled, "all the room there was is there again");
    Real::of(&data).check(program.usage().files.unwrap(), "database");
    assert_eq!(state().await, whole(rows));
}

/// The operator's disk, which is shared by all, has less room than the challenge may have.
#[test]
fn a_disk_that_others_have_filled_is_told_to_the_guest_and_nothing_is_lost() {
    let test = "disk::a_disk_that_others_have_filled_is_told_to_the_guest_and_nothing_is_lost";
    with_small_disk(test, 4 << 10, |disk| {
        Runtime::new().unwrap().block_on(async {
            let (host, ballast) = (Host::new(), disk.join("ballast"));
            fs::write(&ballast, vec![b'x'; 2 << 20]).unwrap();
            let mut spec = host.spec(disk.join("data"));
            spec.disk = ByteSize(1 << 30);
            let program = host.engine.load(host.guest.clone(), spec).await.unwrap();
            let filled = answer(&program, "/database/fill").await;
            let refused = filled["refused"].as_str().unwrap();
            assert!(
                matches!(refused, "database or disk is full" | "disk I/O error"),
                "{filled}"
            );
            let rows = filled["done"].as_u64().unwrap();
            assert!(rows > 5, "{filled}");
            assert_eq!(program.disk_full("r1"), Some(DiskFull::Host));
            assert!(!does(&program, "/database/add").await, "it is still full");
            fs::remove_file(&ballast).unwrap();
            let state = ask(&program, "/database").await.unwrap();
            let whole = serde_json::json!({ "rows": rows, "integrity": "ok" });
            assert_eq!(serde_json::from_str::<Value>(&state).unwrap(), whole);
            assert!(does(&program, "/database/add").await);
            let more = answer(&program, "/database/fill").await;
            assert!(more["done"].as_u64().unwrap() > rows + 5, "{filled} {more}");
        });
    });
}

#[tokio::test]
async fn what_a_stopped_guest_had_open_takes_no_room() {
    let host = Host::new();
    let (program, data) = host.load("trap").await;
    let error = post(&program, "/fill-and-trap").await.unwrap_err();
    assert!(matches!(error, CallError::Trapped(_)), "{}", error.explanation());
    assert_eq!(
        program.disk_full("r1"),
        Some(DiskFull::Bytes(DISK)),
        "also of a call that was stopped"
    );
    assert_eq!(Real::of(&data), Real::default());
    let usage = program.usage().files.unwrap();
    assert_eq!((usage.bytes, usage.files), (0, 0));
    assert!(does(&program, "/write").await);
}

#[tokio::test]
async fn what_a_kept_instance_has_open_takes_room_until_it_is_gone() {
    let host = Host::new();
    let data = host.dir.path().join("hoard");
    let mut spec = host.spec(data.clone());
    spec.instances = "warm(1)".parse().unwrap();
    let program = host.engine.load(host.guest.clone(), spec).await.unwrap();
    let hoarded = |files: u64| (files * (MIB + (4 << 10)), files);
    let used = |usage: DataUsage| (usage.bytes, usage.files);
    for files in 1..=3 {
        assert!(does(&program, "/hoard").await);
        assert_eq!(used(program.usage().files.unwrap()), hoarded(files));
        assert_eq!(Real::of(&data), Real::default());
    }
    let mut file = 3;
    while does(&program, "/hoard").await {
        file += 1;
        assert!(file * MIB <= DISK + BEYOND, "it may hoard {file} MiB");
    }
    let told = program.disk_full("r1");
    assert_eq!(
        told,
        Some(DiskFull::Bytes(DISK)),
        "of a call in an instance that was kept"
    );
    // A call of another program ends the instance that waits.
    let (next, _) = host.load("hoard").await;
    assert!(does(&next, "/write").await);
    assert_eq!(used(next.usage().files.unwrap()), (8 << 10, 1));
}

#[tokio::test]
async fn shrinking_and_growing_takes_what_there_is_and_no_more() {
    let host = Host::new();
    let (program, data) = host.load("games").await;
    assert!(does(&program, "/games").await);
    assert_eq!(program.disk_full("r1"), None);
    Real::of(&data).check(program.usage().files.unwrap(), "games");
}

#[tokio::test]
async fn only_so_many_files_are_open() {
    let host = Host::new();
    let (program, _) = host.load("handles").await;
    for way in ["/fill/handles", "/fill/listings"] {
        let filled = answer(&program, way).await;
        let (open, refused) = (
            filled["done"].as_u64().unwrap(),
            filled["refused"].as_str().unwrap(),
        );
        assert!((OPEN / 2 - 1..=OPEN).contains(&open), "{way}: {filled}");
        assert!(refused.contains("Quota exceeded"), "{way}: {filled}");
        assert_eq!(program.disk_full("r1"), None, "{way}: the disk is not full");
    }
    assert!(does(&program, "/write").await);
}

#[tokio::test]
async fn what_an_operator_removes_or_forbids_counts_from_the_next_call_on() {
    let host = Host::new();
    let (program, data) = host.load("operator").await;
    answer(&program, "/fill/files").await;
    for file in 0..10 {
        fs::remove_file(data.join(format!("file-{file}"))).unwrap();
    }
    let filled = answer(&program, "/fill/files").await;
    assert_eq!(
        filled["done"], FILES,
        "the ten are made again, the others are there"
    );
    let mut spec = host.spec(data);
    spec.disk = ByteSize(64 << 10);
    let smaller = host.engine.load(host.guest.clone(), spec).await.unwrap();
    let usage = smaller.usage().files.unwrap();
    assert!(
        usage.max_bytes == 64 << 10 && usage.bytes > usage.max_bytes,
        "{usage:?}"
    );
    assert!(!does(&smaller, "/write").await);
    assert!(does(&smaller, "/clear").await && does(&smaller, "/write").await);
}

#[tokio::test]
async fn names_do_not_lead_outside_and_move_nothing_that_must_stay() {
    let host = Host::new();
    let outside = host.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "outside").unwrap();
    // The test may be run by root, whom permissions do not stop.
    let data = host.dir.path().join("names");
    let (locked, read_only) = (data.join("locked"), data.join("read-only"));
    fs::create_dir_all(&locked).unwrap();
    fs::write(locked.join("file"), "mine").unwrap();
    fs::write(&read_only, "mine").unwrap();
    fs::set_permissions(&read_only, PermissionsExt::from_mode(0o400)).unwrap();
    fs::set_permissions(&locked, PermissionsExt::from_mode(0o500)).unwrap();
    let unstoppable = fs::OpenOptions::new().append(true).open(&read_only).is_ok();
    let (program, _) = host.load("names").await;
    let report = answer(&program, "/names").await;
    for (what, result) in report.as_object().unwrap() {
        let of_operator = what.contains("locked") || what.contains("read-only");
        assert!(result != "ok" || unstoppable && of_operator, "{what}: {result}");
    }
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "outside");
    assert_eq!(names(host.dir.path()), ["names", "names.host-lock", "outside"]);
    assert_eq!(names(&data), ["inner", "locked", "mine", "read-only"]);
    if !unstoppable {
        assert_eq!(fs::read_to_string(&read_only).unwrap(), "mine");
        assert_eq!(names(&locked), ["file"]);
    }
    Real::of(&data).check(program.usage().files.unwrap(), "names");
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

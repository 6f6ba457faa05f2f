//! What a challenge's state costs it, as the guest itself sees it: a loop in one call, timed by the guest's clock. Beside
//! it the same statements by rusqlite in this process, on a database of its own with the same settings on the same disk.

use std::{
    fs::File,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use platform_domain::{ByteSize, Digest, Grant, Instances, UnixSeconds};
use platform_tests::guest;
use platform_wasm::{ArchiveWriter, Engine, Program, ProgramSpec, StateSpec};
use rusqlite::Connection;

use crate::{
    calls,
    numbers::{Samples, micros},
    plan::Plan,
    progress,
    report::Measure,
};

pub(crate) const MEASURES: [&str; 5] = [
    "backup_mb_s",
    "sqlite_point_us",
    "sqlite_txn_us",
    "sqlite_inguest_point_us",
    "kv_get_us",
];

const POINTS: u32 = 10_000;
const POINT: &str = "SELECT x, name FROM points WHERE id = ?1";
const ENTRY: &str = "INSERT INTO entries (amount, note) VALUES (?1, 'speed')";
/// As the fixtures make them.
const TABLES: &str =
    "CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, note TEXT NOT NULL);
    CREATE TABLE points (id INTEGER PRIMARY KEY, x REAL NOT NULL, name TEXT NOT NULL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        INSERT INTO points SELECT i, i / 3.0, 'point ' || i FROM n";

/// Megabytes of rows, and a blob beside them, so often.
const PARTS: usize = 8;
const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    INSERT INTO entries (amount, note) SELECT i, hex(randomblob(50000)) FROM n";
const BLOB: usize = 20_000_000;

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    progress("a challenge's state");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(plan.of(30, 3), plan.of(2_000, 200)))
}

async fn measure(rounds: usize, queries: u32) -> Result<Vec<Measure>> {
    let dir = tempfile::tempdir()?;
    let engine = calls::engine(&dir.path().join("code"))?;
    let ledger = load(&engine, dir.path(), "ledger").await?;
    let own = load(&engine, dir.path(), "disk").await?;
    let native = Native::open(&dir.path().join("native.sqlite3"))?;
    let transactions = queries / 10;
    let [mut point, mut native_point, mut inside, mut kv] = [const { Samples::new() }; 4];
    let [mut txn, mut native_txn] = [const { Samples::new() }; 2];
    for round in 0..=rounds {
        let times = [
            (&mut point, ask(&ledger, "/speed/point", queries).await?),
            (&mut native_point, native.points(queries)?),
            (&mut kv, ask(&ledger, "/speed/kv", queries).await?),
            (&mut inside, ask(&own, "/points", queries).await?),
            (&mut txn, ask(&ledger, "/speed/txn", transactions).await?),
            (&mut native_txn, native.transactions(transactions)?),
        ];
        for (samples, time) in times {
            // The first round warms up.
            if round > 0 {
                samples.push(time);
            }
        }
    }
    let one = point.median();
    let (archived, copied) = backup(&engine, &ledger, dir.path(), rounds.div_ceil(4)).await?;
    Ok(vec![
        Measure::new("backup_mb_s", archived.median(), "MB/s").over(copied.median()),
        Measure::new("sqlite_point_us", one, "us").over(native_point.median()),
        Measure::new("sqlite_txn_us", txn.median(), "us").over(native_txn.median()),
        Measure::new("sqlite_inguest_point_us", inside.median(), "us").over(one),
        Measure::new("kv_get_us", kv.median(), "us").over(one),
    ])
}

/// A challenge's database and blobs into an archive that is on the disk, and the same bytes by `cp`, with a wait for the
/// disk as well. Megabytes a second.
async fn backup(engine: &Engine, ledger: &Program, dir: &Path, rounds: usize) -> Result<(Samples, Samples)> {
    for _ in 0..PARTS {
        post(ledger, "/script", FILL.to_owned()).await?;
        post(
            ledger,
            "/blobs",
            format!(
                "put {} {BLOB}",
                ledger.usage().state.map_or(0, |it| it.blobs.bytes)
            ),
        )
        .await?;
    }
    let from = dir.join("ledger");
    let megabytes = || -> Result<f64> {
        let usage = ledger.usage().state.context("the ledger keeps nothing")?;
        Ok((usage.database.bytes + usage.blobs.bytes) as f64 / 1e6)
    };
    let (mut archived, mut copied) = (Samples::new(), Samples::new());
    for _ in 0..rounds {
        let place = tempfile::tempdir_in(dir)?;
        let started = Instant::now();
        let copy = place.path().join("snapshot");
        std::fs::create_dir(&copy)?;
        engine.snapshot(&from, &copy).await?;
        let file =
            std::io::BufWriter::with_capacity(1 << 20, File::create(place.path().join("archive.tar"))?);
        let mut archive = ArchiveWriter::new(file, UnixSeconds(0));
        archive.add(&"ledger".parse()?, &copy)?;
        archive.finish()?.0.into_inner()?.sync_all()?;
        archived.push(megabytes()? / started.elapsed().as_secs_f64());

        let place = tempfile::tempdir_in(dir)?;
        let started = Instant::now();
        let done = Command::new("cp")
            .arg("-r")
            .arg(&from)
            .arg(place.path())
            .status()?;
        ensure!(done.success(), "cp failed");
        let synced = Command::new("sync").arg("-f").arg(place.path()).status()?;
        ensure!(synced.success(), "sync failed");
        copied.push(megabytes()? / started.elapsed().as_secs_f64());
    }
    Ok((archived, copied))
}

async fn load(engine: &Engine, dir: &Path, name: &str) -> Result<Program> {
    let component = Bytes::from(std::fs::read(guest(name))?);
    let files = name == "disk";
    let spec = ProgramSpec {
        slug: name.parse()?,
        data_dir: files.then(|| dir.join("data")),
        grants: Grant::usual(),
        outbound: Default::default(),
        secrets: Vec::new(),
        state: Some(StateSpec {
            dir: dir.join(name),
            database: ByteSize(1 << 30),
            blobs: ByteSize(1 << 30),
        }),
        route_deadline: Duration::from_secs(60),
        ..calls::spec(Digest::of(&component), Instances::PerCall)?
    };
    Ok(engine.load(component, spec).await?)
}

/// Has the guest do it so often, and says how long one took, in microseconds.
async fn ask(program: &Program, path: &str, times: u32) -> Result<f64> {
    let nanoseconds: u64 = post(program, path, times.to_string()).await?.parse()?;
    Ok(micros(Duration::from_nanos(nanoseconds)) / f64::from(times))
}

async fn post(program: &Program, path: &str, body: String) -> Result<String> {
    let mut request = calls::request();
    request.method = "POST".to_owned();
    request.path = path.to_owned();
    request.body = body.into();
    let answer = program.handle_route(request).await.context(path.to_owned())?;
    Ok(String::from_utf8(answer.body.to_vec())?)
}

/// The baseline.
struct Native(Connection);

impl Native {
    fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLES)?;
        Ok(Self(connection))
    }

    fn points(&self, times: u32) -> Result<f64> {
        let started = Instant::now();
        for n in 0..times {
            let mut statement = self.0.prepare_cached(POINT)?;
            let point: (f64, String) =
                statement.query_row([n * 7919 % POINTS + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
            ensure!(point.1.starts_with("point"), "another row");
        }
        Ok(micros(started.elapsed()) / f64::from(times))
    }

    fn transactions(&self, times: u32) -> Result<f64> {
        let started = Instant::now();
        for n in 0..times {
            let changed = self.0.prepare_cached(ENTRY)?.execute([n])?;
            ensure!(changed == 1, "nothing was written");
        }
        Ok(micros(started.elapsed()) / f64::from(times))
    }
}

//! What a call, a request and an epoch's arithmetic cost, side by side with what they are compared to, in one
//! run. Prints a table and writes the report whose path is the first argument. Load comes from `wrk`.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program for people that stops at the first surprise"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::get};
use bytes::Bytes;
use platform_domain::{
    BlockHash, BlockNumber, ByteSize, Digest, EpochContext, EpochId, Hotkey, Instances, Netuid, RawWeight,
    Request, Uid, UnixSeconds,
};
use platform_tests::{TestHost, client, compiler, guest};
use platform_wasm::{Engine, EngineConfig, Program, ProgramSpec};
use platform_weights::{ChallengeAnswer, Inputs, NO_LIMIT, Policy, Uids, aggregate};
use serde_json::{Value, json};

/// Rounds of each load, interleaved, so that a noisy moment hits both sides.
const ROUNDS: usize = 3;
const LOAD_SECONDS: u64 = 3;
const CALLS: usize = 2000;
const HOTKEYS: u8 = 255;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let report = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .map(PathBuf::from);
    let mut measures = Vec::new();
    calls(&mut measures).await?;
    measures.push(measure("aggregate_10x255_us", aggregation(), "us", None));
    routes(&mut measures).await?;
    for entry in &measures {
        let ratio = entry["ratio"]
            .as_f64()
            .map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        println!(
            "{:<24} {:>12.1} {:<6} ratio {ratio}",
            entry["name"].as_str().unwrap_or(""),
            entry["value"],
            entry["unit"].as_str().unwrap_or("")
        );
    }
    if let Some(path) = report {
        fs::write(path, serde_json::to_vec_pretty(&Value::from(measures))?)?;
    }
    Ok(())
}

fn measure(name: &str, value: f64, unit: &str, baseline: Option<f64>) -> Value {
    json!({ "name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": baseline.map(|baseline| value / baseline) })
}

fn hotkeys() -> impl Iterator<Item = Hotkey> {
    (1..=HOTKEYS).map(|n| Hotkey::from_bytes([n; 32]))
}

/// In process: store, WASI, instance, call and drop.
async fn calls(measures: &mut Vec<Value>) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let engine = Engine::new(EngineConfig::new(dir.path().to_owned(), compiler()))?;
    let weights: BTreeMap<String, u8> = hotkeys().map(|hotkey| hotkey.to_string()).zip(1..).collect();
    let component = Bytes::from(fs::read(guest("echo"))?);
    let spec = ProgramSpec {
        slug: "echo".parse()?,
        digest: Digest::of(&component),
        data_dir: None,
        instances: Instances::PerCall,
        env: [("WEIGHTS".to_owned(), serde_json::to_string(&weights)?)].into(),
        memory: ByteSize(64 << 20),
        disk: ByteSize(1 << 30),
        route_deadline: Duration::from_secs(10),
        weights_deadline: Duration::from_secs(10),
    };
    let program: Program = engine.load(component, spec).await?;
    let headers = (0..10)
        .map(|n| {
            (
                format!("x-header-{n}"),
                Bytes::from_static(b"a value of usual length"),
            )
        })
        .collect();
    let request = Request {
        id: "0".into(),
        method: "GET".into(),
        path: "/a/path".into(),
        query: None,
        headers,
        body: Bytes::new(),
        caller: None,
    };
    let context = EpochContext {
        netuid: Netuid(1),
        epoch: EpochId(1),
        block: BlockNumber(360),
        block_hash: BlockHash([0; 32]),
        unix_seconds: UnixSeconds(1_800_000_000),
    };
    let mut route = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..CALLS {
        let started = Instant::now();
        program.handle_route(request.clone()).await?;
        route.push(started.elapsed());
        let started = Instant::now();
        program.get_weights(context).await?;
        answers.push(started.elapsed());
    }
    measures.push(measure("call_fresh_us", median(route), "us", None));
    measures.push(measure("weights_255_us", median(answers), "us", None));
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times
        .get(times.len() / 2)
        .map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// Ten challenges that each weigh every hotkey.
fn aggregation() -> f64 {
    let challenges = (0..10).map(|n| ChallengeAnswer {
        slug: format!("challenge-{n}").parse().expect("a slug"),
        emission_percent: "10".parse().expect("a percent"),
        answer: Ok(hotkeys()
            .map(|key| RawWeight {
                hotkey: key.to_string(),
                score: f64::from(key.as_bytes()[0]) * 0.1,
            })
            .collect()),
    });
    let inputs = Inputs {
        policy: Policy::Normalized,
        challenges: challenges.collect(),
        uids: Uids::new(hotkeys().zip((0..).map(Uid))).expect("a UID each"),
        sink: None,
        min_allowed_weights: 1,
        max_weight_limit: NO_LIMIT,
    };
    let times = (0..50).map(|_| {
        let started = Instant::now();
        drop(aggregate(&inputs));
        started.elapsed()
    });
    median(times.collect())
}

/// Through the public listener, an instance for every request; compared to an axum handler that says the same.
async fn routes(measures: &mut Vec<Value>) -> anyhow::Result<()> {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let url = host.url("echo", "/a/path");
    let says: Value = client().get(&url).send().await?.text().await?.parse()?;
    let native = Router::new().route("/a/path", get(move || async move { Json(says) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let native_url = format!("http://{}/a/path", listener.local_addr()?);
    let server = tokio::task::JoinSet::from_iter([async move { axum::serve(listener, native).await }]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(load(url.clone()).await?);
        theirs.push(load(native_url.clone()).await?);
    }
    drop(server);
    let middle = |mut rounds: Vec<f64>| {
        rounds.sort_by(f64::total_cmp);
        rounds.get(ROUNDS / 2).copied().unwrap_or_default()
    };
    measures.push(measure(
        "route_fresh_vs_native",
        middle(ours),
        "req/s",
        Some(middle(theirs)),
    ));
    Ok(())
}

async fn load(url: String) -> anyhow::Result<f64> {
    let seconds = format!("-d{LOAD_SECONDS}");
    let run = move || Command::new("wrk").args(["-t1", "-c32", &seconds, &url]).output();
    let output = tokio::task::spawn_blocking(run).await??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") {
        anyhow::bail!("some requests failed: {text}");
    }
    let rate = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    Ok(rate.unwrap_or_default().trim().parse()?)
}

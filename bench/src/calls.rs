//! Calls in this process, without HTTP: of the host's `Program` and of the naive host, the same component with
//! the same request. One thread, blocks of calls in turns. What is asked is made before the clock runs; the
//! call, its answer and everything that is dropped with its instance are timed.

use std::{
    fs,
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use platform_domain::{
    BlockHash, BlockNumber, ByteSize, Digest, EpochContext, EpochId, Instances, Metagraph, Netuid, Request,
    UnixSeconds, Warm,
};
use platform_tests::guest;
use platform_wasm::{Engine, EngineConfig, Program, ProgramSpec};
use tokio::sync::watch;

use crate::{
    naive::{self, Naive},
    numbers::{Samples, micros},
    plan::Plan,
    progress,
    report::Measure,
};

pub(crate) const MEASURES: [&str; 3] = ["call_fresh_us", "call_warm_us", "weights_256_us"];
pub(crate) const GUEST: &str = "hello";
const ANSWER: &[u8] = b"hello, miner";
const WEIGHTS: usize = 256;
/// Long enough that the caches belong to one side, short enough that a noisy second hits both.
const BLOCK: usize = 200;

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    progress("calls in this process");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(plan.of(25, 3)))
}

async fn measure(rounds: usize) -> Result<Vec<Measure>> {
    let cache = tempfile::tempdir()?;
    let engine = engine(cache.path())?;
    let program = load(&engine, GUEST, Instances::PerCall).await?;
    let live = load(&engine, GUEST, warm()).await?;
    let naive = Naive::load(&guest(GUEST))?;
    let (request, naive_request) = (request(), naive_request());
    let (context, naive_context) = (context(), naive_context());
    let [mut fresh, mut warm, mut theirs] = [const { Samples::new() }; 3];
    let [mut weights, mut their_weights] = [const { Samples::new() }; 2];
    for round in 0..=rounds {
        let ours = block(|| {
            let request = request.clone();
            async { Ok(program.handle_route(request).await?.body == ANSWER) }
        });
        let ours = ours.await?;
        let live = block(|| {
            let request = request.clone();
            async { Ok(live.handle_route(request).await?.body == ANSWER) }
        });
        let live = live.await?;
        let naive_calls = block(|| async {
            let answer = naive.handle_route(&naive_request).await?;
            Ok(answer.body == ANSWER)
        });
        let naive_calls = naive_calls.await?;
        let our_weights = block(|| async {
            let weights = program.get_weights(context.clone()).await?;
            Ok(valid(weights.iter().map(|it| (it.hotkey.as_str(), it.score))))
        });
        let our_weights = our_weights.await?;
        let naive_weights = block(|| async {
            let weights = naive.get_weights(&naive_context).await?;
            Ok(valid(weights.iter().map(|it| (it.hotkey.as_str(), it.score))))
        });
        let naive_weights = naive_weights.await?;
        // The first round warms up.
        if round > 0 {
            fresh.extend(ours);
            warm.extend(live);
            theirs.extend(naive_calls);
            weights.extend(our_weights);
            their_weights.extend(naive_weights);
        }
    }
    Ok(vec![
        Measure::new("call_fresh_us", fresh.median(), "us").over(theirs.median()),
        Measure::new("call_warm_us", warm.median(), "us").over(fresh.median()),
        Measure::new("weights_256_us", weights.median(), "us").over(their_weights.median()),
    ])
}

/// The times of some calls, in microseconds. Each says whether its answer is right.
async fn block<F: Future<Output = Result<bool>>>(call: impl Fn() -> F) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(BLOCK);
    for _ in 0..BLOCK {
        let call = call();
        let started = Instant::now();
        let right = call.await?;
        times.push(micros(started.elapsed()));
        ensure!(right, "a call got another answer");
    }
    Ok(times)
}

/// What any host must look at before it uses the answer: how many, texts of a hotkey's length, numbers.
fn valid<'a>(weights: impl ExactSizeIterator<Item = (&'a str, f64)>) -> bool {
    weights.len() == WEIGHTS
        && weights
            .into_iter()
            .all(|(hotkey, score)| matches!(hotkey.len(), 47 | 48) && score.is_finite() && score >= 0.0)
}

/// With the usual settings; compiled code is kept here.
pub(crate) fn engine(code: &Path) -> Result<Engine> {
    let config = EngineConfig::new(code.to_owned(), platform_tests::compiler());
    Ok(Engine::new(config)?)
}

/// Compiles a guest, or takes the code that is there.
pub(crate) async fn load(engine: &Engine, name: &str, instances: Instances) -> Result<Program> {
    let component = Bytes::from(fs::read(guest(name))?);
    let spec = spec(Digest::of(&component), instances)?;
    Ok(engine.load(component, spec).await?)
}

/// One instance is enough where calls come one by one.
pub(crate) fn warm() -> Instances {
    Instances::Warm(Warm::new(NonZeroU32::MIN))
}

/// With the usual limits.
pub(crate) fn spec(digest: Digest, instances: Instances) -> Result<ProgramSpec> {
    Ok(ProgramSpec {
        slug: GUEST.parse()?,
        digest,
        data_dir: None,
        env: [].into(),
        instances,
        memory: ByteSize(256 << 20),
        disk: ByteSize(1 << 30),
        grants: [].into(),
        outbound: [].into(),
        secrets: Vec::new(),
        state: None,
        metagraph: watch::channel(None).1,
        start: platform_wasm::Start::Live,
        route_deadline: Duration::from_secs(10),
        weights_deadline: Duration::from_secs(60),
    })
}

/// Nine of usual length and the one that is read.
fn headers() -> Vec<(String, Vec<u8>)> {
    let usual = (1..10).map(|n| (format!("x-header-{n}"), b"a value of usual length".to_vec()));
    usual.chain([("x-name".to_owned(), b"miner".to_vec())]).collect()
}

pub(crate) fn request() -> Request {
    let headers = headers().into_iter();
    Request {
        id: "0123456789abcdef0123456789abcdef".into(),
        method: "GET".into(),
        path: "/hello".into(),
        query: None,
        headers: headers.map(|(name, value)| (name, value.into())).collect(),
        body: Bytes::new(),
        caller: None,
    }
}

fn naive_request() -> naive::Request {
    let Request { id, method, path, .. } = request();
    naive::Request {
        id,
        method,
        path,
        query: None,
        headers: headers(),
        body: Vec::new(),
        caller: None,
    }
}

fn context() -> EpochContext {
    let at = (BlockNumber(360), BlockHash([7; 32]));
    EpochContext {
        epoch: EpochId(1),
        metagraph: Arc::new(Metagraph::new(Netuid(1), at, None, vec![])),
        unix_seconds: UnixSeconds(1_800_000_000),
    }
}

fn naive_context() -> naive::EpochContext {
    let EpochContext {
        epoch,
        metagraph,
        unix_seconds,
    } = context();
    naive::EpochContext {
        netuid: metagraph.netuid().0,
        epoch: epoch.0,
        block: metagraph.block().0,
        block_hash: metagraph.block_hash().0.to_vec(),
        unix_seconds: unix_seconds.0,
    }
}

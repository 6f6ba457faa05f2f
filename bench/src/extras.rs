//! What compiling costs, calls of a guest that brings a whole runtime, and signatures that the host verifies for a guest.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use platform_domain::{Digest, Grant, Instances};
use platform_keys::{Keypair, verify_sr25519};
use platform_tests::guest;

use crate::{
    calls,
    naive::Naive,
    numbers::{Samples, micros, millis},
    plan::Plan,
    progress,
    report::Measure,
};

pub(crate) const MEASURES: [&str; 4] = [
    "compile_ms",
    "python_call_ms",
    "python_warm_ms",
    "verify_sr25519_us",
];

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    progress("compiling, Python, signatures for guests");
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measures = vec![runtime.block_on(compilation(plan.of(10, 2)))?];
    measures.extend(runtime.block_on(python(plan.of(200, 20)))?);
    measures.push(runtime.block_on(verification(plan.of(500, 20)))?);
    Ok(measures)
}

/// A component that the host sees for the first time; beside it the naive host's compilation.
async fn compilation(rounds: usize) -> Result<Measure> {
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let component = Bytes::from(fs::read(guest(calls::GUEST))?);
    for _ in 0..rounds {
        let cache = tempfile::tempdir()?;
        let engine = calls::engine(cache.path())?;
        let spec = calls::spec(Digest::of(&component), Instances::PerCall)?;
        let started = Instant::now();
        engine.load(component.clone(), spec).await?;
        ours.push(millis(started.elapsed()));
        let started = Instant::now();
        Naive::load(&guest(calls::GUEST))?;
        theirs.push(millis(started.elapsed()));
    }
    Ok(Measure::new("compile_ms", ours.median(), "ms").over(theirs.median()))
}

/// In a fresh instance and in a live one, in turns.
async fn python(calls: usize) -> Result<[Measure; 2]> {
    let cache = tempfile::tempdir()?;
    let engine = calls::engine(cache.path())?;
    let fresh = calls::load(&engine, "python", Instances::PerCall).await?;
    let live = calls::load(&engine, "python", calls::warm()).await?;
    let (mut fresh_times, mut live_times) = (Samples::default(), Samples::default());
    for round in 0..=calls {
        for (program, times) in [(&fresh, &mut fresh_times), (&live, &mut live_times)] {
            let request = calls::request();
            let started = Instant::now();
            program.handle_route(request).await?;
            // The first call makes what is made once.
            if round > 0 {
                times.push(millis(started.elapsed()));
            }
        }
    }
    let fresh = fresh_times.median();
    Ok([
        Measure::new("python_call_ms", fresh, "ms"),
        Measure::new("python_warm_ms", live_times.median(), "ms").over(fresh),
    ])
}

/// A signature that a guest has verified, by the guest's own clock; beside it the same in the host, in turns.
async fn verification(rounds: usize) -> Result<Measure> {
    /// So few that a turn is short, so many that the clock costs nothing.
    const TIMES: u32 = 10;
    let cache = tempfile::tempdir()?;
    let engine = calls::engine(cache.path())?;
    let component = Bytes::from(fs::read(guest("notary"))?);
    let mut spec = calls::spec(Digest::of(&component), Instances::PerCall)?;
    spec.grants = [Grant::Crypto].into();
    let program = engine.load(component, spec).await?;
    let (pair, message) = (Keypair::from_seed([7; 32]), [5; 200]);
    let (key, signature) = (*pair.hotkey().as_bytes(), pair.sign(&message));
    let words = [hex::encode(key), hex::encode(message), hex::encode(signature)];
    let mut request = calls::request();
    request.path = format!("/speed/sr25519/{TIMES}");
    request.body = words.join(" ").into();
    let (mut here, mut there) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        let started = Instant::now();
        for _ in 0..TIMES {
            ensure!(
                verify_sr25519(&key, &message, &signature),
                "the signature is good"
            );
        }
        here.push(micros(started.elapsed()) / f64::from(TIMES));
        let answer = program.handle_route(request.clone()).await?;
        let nanos = std::str::from_utf8(&answer.body)?
            .parse()
            .context("nanoseconds")?;
        there.push(micros(Duration::from_nanos(nanos)) / f64::from(TIMES));
    }
    Ok(Measure::new("verify_sr25519_us", there.median(), "us").over(here.median()))
}

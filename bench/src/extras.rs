//! Without a target, for those who change the code: what compiling costs, and calls of a guest that brings a whole
//! runtime.

use std::{fs, time::Instant};

use anyhow::Result;
use bytes::Bytes;
use platform_domain::{Digest, Instances};
use platform_tests::guest;
use platform_wasm::{Engine, EngineConfig};

use crate::{
    calls,
    naive::Naive,
    numbers::{Samples, millis},
    plan::Plan,
    progress,
    report::Measure,
};

pub(crate) const MEASURES: [&str; 3] = ["compile_ms", "python_call_ms", "python_warm_ms"];

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    progress("compiling, Python");
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measures = vec![runtime.block_on(compilation(plan.of(10, 2)))?];
    measures.extend(runtime.block_on(python(plan.of(200, 20)))?);
    Ok(measures)
}

/// A component that the host sees for the first time; beside it the naive host's compilation.
async fn compilation(rounds: usize) -> Result<Measure> {
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let component = Bytes::from(fs::read(guest(calls::GUEST))?);
    for _ in 0..rounds {
        let cache = tempfile::tempdir()?;
        let engine = Engine::new(EngineConfig::new(
            cache.path().to_owned(),
            platform_tests::compiler(),
        ))?;
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
    let engine = Engine::new(EngineConfig::new(
        cache.path().to_owned(),
        platform_tests::compiler(),
    ))?;
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

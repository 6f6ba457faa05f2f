//! Without a target, for those who change the code: what compiling costs, calls of a guest that brings a whole
//! runtime, and an epoch's arithmetic.

use std::{fs, time::Instant};

use anyhow::Result;
use bytes::Bytes;
use platform_domain::{Digest, Hotkey, Instances, RawWeight, Uid};
use platform_tests::guest;
use platform_wasm::{Engine, EngineConfig};
use platform_weights::{ChallengeAnswer, Inputs, NO_LIMIT, Policy, Uids, aggregate};

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
    "aggregate_10x256_us",
];
const CHALLENGES: usize = 10;
const HOTKEYS: u16 = 256;

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    progress("compiling, Python, an epoch's arithmetic");
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measures = vec![runtime.block_on(compilation(plan.of(10, 2)))?];
    measures.extend(runtime.block_on(python(plan.of(200, 20)))?);
    measures.push(aggregation(plan.of(50, 5))?);
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

/// Ten challenges that each weigh every hotkey of a subnet.
fn aggregation(rounds: usize) -> Result<Measure> {
    let hotkeys = || {
        (0..HOTKEYS).map(|n| {
            let [high, low] = n.to_be_bytes();
            let mut key = [7; 32];
            (key[0], key[1]) = (high, low);
            (Hotkey::from_bytes(key), Uid(n))
        })
    };
    let answer = |number: usize| -> Result<ChallengeAnswer> {
        let weight = |(hotkey, uid): (Hotkey, Uid)| RawWeight {
            hotkey: hotkey.to_string(),
            score: f64::from(uid.0) * 0.1,
        };
        Ok(ChallengeAnswer {
            slug: format!("challenge-{number}").parse()?,
            emission_percent: "10".parse()?,
            answer: Ok(hotkeys().map(weight).collect()),
        })
    };
    let inputs = Inputs {
        policy: Policy::Normalized,
        challenges: (0..CHALLENGES).map(answer).collect::<Result<_>>()?,
        uids: Uids::new(hotkeys())?,
        sink: None,
        min_allowed_weights: 1,
        max_weight_limit: NO_LIMIT,
    };
    let mut times = Samples::default();
    for _ in 0..rounds {
        let started = Instant::now();
        drop(aggregate(&inputs));
        times.push(micros(started.elapsed()));
    }
    Ok(Measure::new("aggregate_10x256_us", times.median(), "us"))
}

//! Requests per second through the public proxy, beside `wasmtime serve` and beside no Wasm at all.
//!
//! Every server is a process of its own with its own defaults and answers the same bytes to the same request;
//! `wrk` loads one after the other with 32 connections from the same machine, round by round. What counts is
//! the median of each server's rounds.

use std::num::NonZeroU32;

use anyhow::{Result, ensure};
use platform_domain::{Instances, Slug, Warm};
use platform_tests::{client, new_challenge};

use crate::{numbers::Samples, peers::Peer, plan::Plan, progress, report::Measure, served::Served, wrk};

pub(crate) const MEASURES: [&str; 3] = ["route_fresh_rps", "route_fresh_vs_native", "route_warm_vs_native"];
const PATH: &str = "/hello";
const ANSWER: &str = "hello, miner";
const NATIVE: &str = "native";
const WASMTIME: &str = "wasmtime serve";
const FRESH: &str = "fresh";
const WARM: &str = "warm";
/// What an operator gives a busy challenge on a small machine.
const IDLE: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// One of those under load.
struct Lane {
    name: &'static str,
    url: String,
    rates: Samples,
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(plan))
}

async fn measure(plan: &Plan) -> Result<Vec<Measure>> {
    let dir = tempfile::tempdir()?;
    let host = Served::start(dir.path(), &[]).await?;
    let slugs: [Slug; 2] = ["fresh".parse()?, "warm".parse()?];
    let [fresh, warm] = &slugs;
    for (slug, instances) in [
        (fresh, Instances::PerCall),
        (warm, Instances::Warm(Warm::new(IDLE))),
    ] {
        let mut new = new_challenge(slug.as_str(), "hello", "0", &[]);
        new.instances = Some(instances);
        host.admin.challenge_create(&new).await?;
    }
    host.running(&slugs).await?;
    let (native, wasmtime) = (Peer::native()?, Peer::wasmtime(&plan.wasmtime)?);
    let mut lanes = [
        lane(FRESH, host.url(fresh, PATH)),
        lane(WARM, host.url(warm, PATH)),
        lane(NATIVE, format!("{}{PATH}", native.url)),
        lane(WASMTIME, format!("{}{PATH}", wasmtime.url)),
    ];
    for lane in &lanes {
        says_the_same(lane).await?;
    }
    let (rounds, seconds) = (plan.of(7, 1), plan.of(4, 2));
    for round in 0..=rounds {
        let mut told = Vec::new();
        for lane in &mut lanes {
            // The first round warms up.
            let rate = wrk::load(&lane.url, if round == 0 { 1 } else { seconds })?.requests_per_second;
            if round > 0 {
                lane.rates.push(rate);
            }
            told.push(format!("{} {rate:.0}", lane.name));
        }
        progress(&format!(
            "routes, round {round} of {rounds}: {} requests/s",
            told.join(", ")
        ));
    }
    let median = |name: &str| {
        let lane = lanes.iter().find(|lane| lane.name == name);
        lane.map_or(f64::NAN, |lane| lane.rates.median())
    };
    let fresh = median(FRESH);
    Ok(vec![
        Measure::new("route_fresh_rps", fresh, "req/s").over(median(WASMTIME)),
        Measure::new("route_fresh_vs_native", fresh, "req/s").over(median(NATIVE)),
        Measure::new("route_warm_vs_native", median(WARM), "req/s").over(median(NATIVE)),
    ])
}

fn lane(name: &'static str, url: String) -> Lane {
    Lane {
        name,
        url,
        rates: Samples::default(),
    }
}

async fn says_the_same(lane: &Lane) -> Result<()> {
    let answer = client().get(&lane.url).header("x-name", "miner").send().await?;
    let kind = answer.headers().get("content-type").cloned();
    let text = answer.error_for_status()?.text().await?;
    let same = text == ANSWER && kind.is_some_and(|kind| kind == "text/plain; charset=utf-8");
    ensure!(same, "{} answers {text:?}", lane.name);
    Ok(())
}

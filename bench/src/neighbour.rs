//! What a challenge feels of a hostile one beside it. The victim is honest and modestly busy; beside it each
//! hostile guest of the matrix of attacks runs for some seconds, attacked through a few connections that
//! ask again as soon as they are answered. Before each the victim is measured alone, and what counts is the worst
//! ratio of two 99th percentiles. Each is the median of those of a few parts: a hostile guest is felt in all of them, a
//! moment that the machine was away in one.
//!
//! The breaker is told to let everything pass: with its usual settings most of these guests are soon not called
//! any more, and nothing would be measured. All limits are the usual ones. The victim's client is put before
//! everybody in the machine's queue for its processors and the attackers' client after everybody, as far as
//! the system permits it: clients are elsewhere in real life, and the question is what the host does.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use platform_domain::Slug;
use platform_tests::{
    attacks::{self, ATTACKS},
    new_challenge,
};

use crate::{
    attack::Attackers, numbers::Samples, open_loop, plan::Plan, progress, report::Measure, served::Served,
};

pub(crate) const MEASURES: [&str; 1] = ["neighbour_p99_ratio"];
const VICTIM: &str = "victim";
const CONFIG: &str = "[breaker]\nfailures = 1000\n";
/// A host whose guests compute so little has come to rest.
const REST: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_millis(200);
/// The longest that a guest may run, and some.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(plan))
}

async fn measure(plan: &Plan) -> Result<Vec<Measure>> {
    let requests = plan.of(400, 250);
    let parts = plan.of(5, 1);
    let dir = tempfile::tempdir()?;
    let host = Served::configured(dir.path(), CONFIG).await?;
    let mut slugs = Vec::<Slug>::new();
    let victim = new_challenge(VICTIM, "hello", "0", &[]);
    let hostile = attacks::challenges().into_iter();
    for challenge in hostile
        .filter(|challenge| is_attacked(&challenge.slug) && plan.wants_part(&name(&challenge.slug)))
        .chain([victim])
    {
        host.admin.challenge_create(&challenge).await?;
        slugs.push(challenge.slug);
    }
    host.running(&slugs).await?;
    let path = format!("/challenges/{VICTIM}/hello");
    let victim = async || {
        let (mut all, mut p99) = (Samples::default(), Samples::default());
        for _ in 0..parts {
            let part = open_loop::run(&host.public, &path, requests).await?;
            p99.push(part.percentile(99.0));
            all.append(part);
        }
        anyhow::Ok((all, p99.median()))
    };
    // Warms up.
    victim().await?;
    let (mut alone, mut beside) = (Samples::default(), Vec::new());
    for slug in slugs.iter().filter(|slug| is_attacked(slug)) {
        rest(&host).await?;
        alone.push(victim().await?.1);
        let attackers = Attackers::start(&host.public, slug.as_str());
        let (felt, p99) = victim().await?;
        let asked = attackers.stop()?;
        progress(&format!(
            "neighbour of {slug}: p50 {:.2} ms, p99 {p99:.2} ms, at most {:.0} ms; alone p99 {:.2} ms; {asked} attacks ended",
            felt.median(),
            felt.max(),
            alone.median(),
        ));
        beside.push((slug, p99));
    }
    beside.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let (_, worst) = beside.first().context("nobody attacks")?;
    let measure = |name: String, p99: f64| Measure::new(name, p99, "ms").over(alone.median());
    let mut measures = vec![measure("neighbour_p99_ratio".to_owned(), *worst)];
    measures.extend(beside.iter().map(|(slug, p99)| measure(name(slug), *p99)));
    Ok(measures)
}

fn name(slug: &Slug) -> String {
    format!("neighbour_p99_ratio/{slug}")
}

/// The others are attacked by asking for weights, which an epoch does once an hour.
fn is_attacked(slug: &Slug) -> bool {
    ATTACKS.iter().any(|attack| attack.slug == slug.as_str())
}

/// Waits until what the last attack began has ended.
async fn rest(host: &Served) -> Result<()> {
    let started = Instant::now();
    let mut before = host.computed()?;
    while started.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        let now = host.computed()?;
        if now - before <= REST {
            return Ok(());
        }
        before = now;
    }
    anyhow::bail!("the host does not come to rest")
}

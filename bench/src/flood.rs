//! What an honest client feels of a flood of 10,000 requests a second that are refused: the 99th percentile of its
//! requests, which it sends one after the other on one connection to a component, beside the same without the flood, in turns.
//! Beside the flood a percentile is the median of those of a few parts; alone it is the lowest of all parts, because whatever else
//! the machine does would make the flood look harmless there.
//!
//! Once the flood comes from an address that asks too often (`rate`), as a trusted proxy on this machine tells it, and once it
//! asks for a private path (`private`). Both are answered before anything is known of a challenge; of the first a few each second
//! are let through. The client is put before everybody in the machine's queue for its processors and the flood after everybody,
//! as far as the system permits it: they are elsewhere in real life.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use platform_domain::Slug;
use platform_tests::new_challenge;

use crate::{
    http::Connection,
    numbers::{Samples, millis},
    plan::Plan,
    priority, progress,
    refused::{Flood, RATE},
    report::Measure,
    served::Served,
};

pub(crate) const MEASURES: [&str; 2] = [RATIO, "flood_rps"];
const RATIO: &str = "flood_p99_ratio";
/// A flood is at its height after this.
const SETTLE: Duration = Duration::from_millis(300);
/// A name, a request that is refused, and the status of that.
const FLOODS: [(&str, &str, &str); 2] = [
    (
        "rate",
        "GET /challenges/honest/hello HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.7\r\n\r\n",
        "429",
    ),
    (
        "private",
        "GET /challenges/honest/internal/v1 HTTP/1.1\r\nhost: x\r\n\r\n",
        "403",
    ),
];

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(plan))
}

async fn measure(plan: &Plan) -> Result<Vec<Measure>> {
    let (parts, requests) = (plan.of(5, 3), plan.of(10_000, 3000));
    let dir = tempfile::tempdir()?;
    let host = Served::start(dir.path(), &[]).await?;
    let slug: Slug = "honest".parse()?;
    host.admin
        .challenge_create(&new_challenge(slug.as_str(), "hello", "0", &[]))
        .await?;
    host.running(std::slice::from_ref(&slug)).await?;
    let honest = async || honest(&host.public, &format!("/challenges/{slug}/hello"), requests).await;
    // Warms up.
    honest().await?;
    let (mut parts_beside, mut alone, mut slowest) = (Vec::new(), Samples::new(), f64::INFINITY);
    for (name, request, status) in FLOODS {
        let (mut beside, mut rates) = (Samples::new(), Samples::new());
        for part in 1..=parts {
            let idle = honest().await?;
            let computed = host.computed()?;
            let flood = Flood::start(&host.public, request, status);
            tokio::time::sleep(SETTLE).await;
            let felt = honest().await?;
            let refused = flood.stop()?;
            let computed = host.computed()? - computed;
            progress(&format!(
                "flood of {name}, part {part} of {parts}: p50 {:.3} ms, p99 {:.3} ms; alone p50 {:.3} ms, p99 {:.3} ms; \
                 {:.0} refused/s, {:.1} % answered otherwise; the host computed {computed:.2?}",
                felt.median(),
                felt.percentile(99.0),
                idle.median(),
                idle.percentile(99.0),
                refused.rate,
                refused.others_percent,
            ));
            alone.push(idle.percentile(99.0));
            beside.push(felt.percentile(99.0));
            rates.push(refused.rate);
        }
        slowest = slowest.min(rates.median());
        parts_beside.push((format!("{RATIO}/{name}"), beside.median()));
    }
    let worst = parts_beside.iter().map(|(_, p99)| *p99).max_by(f64::total_cmp);
    let worst = (RATIO.to_owned(), worst.context("there is no flood")?);
    let all = std::iter::once(worst).chain(parts_beside);
    let mut measures: Vec<Measure> = all
        .map(|(name, p99)| Measure::new(name, p99, "ms").over(alone.percentile(0.0)))
        .collect();
    let rate = u32::try_from(RATE)?;
    measures.push(Measure::new("flood_rps", slowest, "req/s").over(rate.into()));
    Ok(measures)
}

/// The milliseconds of so many requests, one after the other.
async fn honest(base: &str, path: &str, requests: usize) -> Result<Samples> {
    let (base, path) = (base.to_owned(), path.to_owned());
    // A thread of its own, for its priority.
    let thread = thread::spawn(move || {
        priority::before_others();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let (mut connection, mut samples) = (Connection::to(&base)?, Samples::new());
            for _ in 0..requests {
                let begun = Instant::now();
                let status = connection.send("GET", &path).await?;
                ensure!(status == 200, "an honest client is answered with status {status}");
                samples.push(millis(begun.elapsed()));
            }
            anyhow::Ok(samples)
        })
    });
    let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
    joined.map_err(|_| anyhow!("the honest client panicked"))?
}

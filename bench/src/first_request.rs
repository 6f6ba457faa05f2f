//! How long an operator's decision takes to reach a miner: from sending `activate` to the first answer with status
//! 200 through the public proxy, asked again and again. Once with the compiled code on disk, as after every
//! start but the first, and once with no code at all, when the component is compiled. Many challenges of distinct
//! components, both ways in turns.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use platform_domain::{Slug, Status};
use platform_tests::{multiply, new_challenge};

use crate::{
    http::Connection,
    numbers::{Samples, millis},
    plan::Plan,
    progress,
    report::Measure,
    served::{Served, state},
};

pub(crate) const MEASURES: [&str; 1] = ["first_request_ms"];
const GUEST: &str = "hello";
/// How long a client waits that was told to come later. The answer says a second; an impatient one sees more. The
/// clock of the runtime has ticks of a millisecond, so its thread sleeps.
const PAUSE: Duration = Duration::from_micros(200);
/// As much as the host does not need for anything but a fault.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(plan.of(100, 10)))
}

async fn measure(many: usize) -> Result<Vec<Measure>> {
    progress(&format!(
        "first requests to {many} challenges, with and without compiled code"
    ));
    let dir = tempfile::tempdir()?;
    let host = Served::start(dir.path(), &[]).await?;
    let mut new = new_challenge(GUEST, GUEST, "0", &[]);
    new.status = Some(Status::Draft);
    host.admin.challenge_create(&new).await?;
    host.kill().await;
    let slugs = multiply(&state(dir.path()), GUEST, many).await;
    let host = Served::start(dir.path(), &[]).await?;
    let mut connection = Connection::to(&host.public)?;
    let (mut cached, mut compiled) = (Samples::default(), Samples::default());
    let code = || -> Result<usize> {
        let entries = fs::read_dir(state(dir.path()).join("compiled")).context("the compiled code")?;
        let names = entries.map(|entry| Ok(entry?.path()));
        let names: Result<Vec<_>> = names.collect();
        let is_code = |name: &&PathBuf| name.extension().is_some_and(|ending| ending == "cwasm");
        Ok(names?.iter().filter(is_code).count())
    };
    let before = code()?;
    for (done, slug) in slugs.iter().enumerate() {
        ensure!(
            code()? == before + done,
            "the code of {slug} is there already, or of the one before is not"
        );
        compiled.push(millis(activation(&host, &mut connection, slug).await?));
        cached.push(millis(activation(&host, &mut connection, slug).await?));
    }
    let told = |what: &str, samples: &Samples| {
        let (middle, high) = (samples.median(), samples.percentile(99.0));
        progress(&format!(
            "first requests {what}: p50 {middle:.1} ms, p99 {high:.1} ms"
        ));
    };
    told("with code on disk", &cached);
    told("without", &compiled);
    let measure = Measure::new("first_request_ms", cached.percentile(99.0), "ms");
    Ok(vec![measure.over(compiled.percentile(99.0))])
}

/// Activates a challenge, asks until it answers, and takes it down again.
pub(crate) async fn activation(host: &Served, connection: &mut Connection, slug: &Slug) -> Result<Duration> {
    let path = format!("/challenges/{slug}/hello");
    let started = Instant::now();
    host.admin.challenge_activate(slug).await?;
    while connection.send("GET", &path).await? != 200 {
        ensure!(started.elapsed() < PATIENCE, "{slug} does not answer");
        thread::sleep(PAUSE);
    }
    let took = started.elapsed();
    host.admin.challenge_deactivate(slug).await?;
    while connection.send("GET", &path).await? != 404 {
        ensure!(started.elapsed() < PATIENCE, "{slug} does not end");
        thread::sleep(PAUSE);
    }
    Ok(took)
}

//! A host that has many challenges: from the start of its process to the moment when all of them are shown as
//! running, and the memory it then holds. Their code was compiled before; each is a component of its own. That
//! every route answers is checked after the clock has stopped. Beside it the same with ten, in turns.

use std::time::Instant;

use anyhow::{Result, ensure};
use platform_domain::Slug;
use platform_tests::{multiply, new_challenge};
use tempfile::TempDir;

use crate::{
    http::Connection,
    numbers::Samples,
    plan::Plan,
    progress,
    report::Measure,
    served::{Served, state},
};

pub(crate) const MEASURES: [&str; 4] = ["boot_1000_s", "rss_1000_mb", "rss_1000_asked_mb", "rss_idle_mb"];
/// Serves miners only, so that there is nothing for an epoch to ask.
const GUEST: &str = "routes-only";
const FEW: usize = 10;

/// A stopped host with its challenges, and what its starts showed.
struct Fleet {
    dir: TempDir,
    slugs: Vec<Slug>,
    seconds: Samples,
    started_mb: Samples,
    asked_mb: Samples,
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(plan.of(1000, 100), plan.of(5, 1)))
}

async fn measure(many: usize, rounds: usize) -> Result<Vec<Measure>> {
    progress(&format!("compiling {many} components"));
    let (mut few, mut many) = (Fleet::new(FEW).await?, Fleet::new(many).await?);
    for round in 1..=rounds {
        few.start().await?;
        many.start().await?;
        progress(&format!(
            "starts, round {round} of {rounds}: {FEW} challenges {:.3} s, {} challenges {:.3} s",
            few.seconds.median(),
            many.slugs.len(),
            many.seconds.median()
        ));
    }
    // Another number of challenges is another measure.
    let name = |name: &str| name.replace("1000", &many.slugs.len().to_string());
    Ok(vec![
        Measure::new(name("boot_1000_s"), many.seconds.median(), "s").over(few.seconds.median()),
        Measure::new(name("rss_1000_mb"), many.started_mb.median(), "MB").over(few.started_mb.median()),
        Measure::new(name("rss_1000_asked_mb"), many.asked_mb.median(), "MB").over(few.asked_mb.median()),
        Measure::new("rss_idle_mb", idle().await?, "MB"),
    ])
}

impl Fleet {
    /// Registers the challenges and has all of them compiled.
    async fn new(many: usize) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let host = Served::start(dir.path(), &[]).await?;
        host.admin
            .challenge_create(&new_challenge("many", GUEST, "0", &[]))
            .await?;
        host.kill().await;
        // The copied one is active too.
        let mut slugs = multiply(&state(dir.path()), "many", many - 1).await;
        slugs.push("many".parse()?);
        let host = Served::start(dir.path(), &[]).await?;
        host.running(&slugs).await?;
        host.kill().await;
        Ok(Self {
            dir,
            slugs,
            seconds: Samples::default(),
            started_mb: Samples::default(),
            asked_mb: Samples::default(),
        })
    }

    /// Starts the host, looks at it, asks every challenge once and stops it.
    async fn start(&mut self) -> Result<()> {
        let started = Instant::now();
        let host = Served::start(self.dir.path(), &[]).await?;
        host.running(&self.slugs).await?;
        self.seconds.push(started.elapsed().as_secs_f64());
        self.started_mb.push(host.resident_mb()?);
        let mut connection = Connection::to(&host.public)?;
        for slug in &self.slugs {
            let status = connection.send("GET", &format!("/challenges/{slug}/")).await?;
            ensure!(status == 200, "{slug} answers with status {status}");
        }
        self.asked_mb.push(host.resident_mb()?);
        host.kill().await;
        Ok(())
    }
}

/// A host without challenges.
async fn idle() -> Result<f64> {
    let dir = tempfile::tempdir()?;
    Served::start(dir.path(), &[]).await?.resident_mb()
}

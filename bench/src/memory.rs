//! What clients cost the host in memory: how much more of it is resident than before they came, at most.
//!
//! `upload_64mib_rss_mb`: 16 clients upload 64 MiB each at the same time to a container, which hashes and forgets what it
//! reads and proves by its answer that it had all of it. Once unsigned, when the host passes on what comes, and once signed, when
//! it has to keep all of it until it has seen the whole; the worse one counts. One such upload has warmed up before.
//!
//! `idle_1000_conn_mb`: 1,000 connections that stay open after one request each to a component, one after the other. That all
//! of them are still open is checked after the look: each is asked again.
//!
//! The memory is looked at every millisecond: the peak that the system itself keeps may only be begun anew by who is permitted to.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use platform_domain::Slug;
use platform_tests::new_challenge;
use tokio::task::JoinSet;

use crate::{
    gateway::CONFIG,
    http::Connection,
    numbers::Samples,
    peers::Peer,
    plan::Plan,
    progress,
    report::Measure,
    served::{Served, container},
    signer::Signer,
    uploads::Upload,
};

pub(crate) const MEASURES: [&str; 2] = [UPLOAD, IDLE];
const UPLOAD: &str = "upload_64mib_rss_mb";
const IDLE: &str = "idle_1000_conn_mb";
const UPLOADS: usize = 16;
const MIB: usize = 64;
const PATH: &str = "/digest";
const LOOK: Duration = Duration::from_millis(1);
const CONNECTIONS: usize = 1000;
/// Enough that threads, pools and caches are what they will be.
const WARM_UP: usize = 200;

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measures = Vec::new();
    if plan.wants(&[UPLOAD]) {
        measures.extend(runtime.block_on(uploads(plan.of(5, 1)))?);
    }
    if plan.wants(&[IDLE]) {
        measures.push(runtime.block_on(idle(plan.of(5, 1)))?);
    }
    Ok(measures)
}

async fn uploads(rounds: usize) -> Result<Vec<Measure>> {
    let native = Peer::native()?;
    let (upload, slug) = (Upload::of(MIB), "digest".parse::<Slug>()?);
    let signers: Vec<Signer> = (0..UPLOADS).map(|_| Signer::new(&slug)).collect::<Result<_>>()?;
    let unsigned = format!(
        "POST /challenges/{slug}{PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        upload.length()
    );
    let mut measures = Vec::new();
    for (part, is_signed) in [("streamed", false), ("signed", true)] {
        let head = |signer: &Signer| match is_signed {
            true => signer.head("POST", PATH, upload.length(), upload.digest),
            false => Ok(unsigned.clone()),
        };
        let (mut before, mut growth) = (Samples::new(), Samples::new());
        for round in 1..=rounds {
            // A host of its own, that keeps nothing of the round before.
            let dir = tempfile::tempdir()?;
            let host = Served::configured(dir.path(), CONFIG).await?;
            host.admin
                .challenge_create(&container(slug.as_str(), &native.url)?)
                .await?;
            host.running(std::slice::from_ref(&slug)).await?;
            let first = signers.first().context("nobody signs")?;
            upload.clone().send(host.public.clone(), head(first)?).await?;
            let at_rest = host.resident_mb()?;
            let mut tasks = JoinSet::new();
            for signer in &signers {
                tasks.spawn(upload.clone().send(host.public.clone(), head(signer)?));
            }
            let peak = peak_until(&host, async {
                while let Some(sent) = tasks.join_next().await {
                    sent??;
                }
                Ok(())
            });
            let peak = peak.await?;
            progress(&format!(
                "uploads, {part}, round {round} of {rounds}: {at_rest:.1} MB at rest, at most {peak:.1} MB"
            ));
            before.push(at_rest);
            growth.push(peak - at_rest);
        }
        let name = format!("{UPLOAD}/{part}");
        measures.push(Measure::new(name, growth.median(), "MB").over(before.median()));
    }
    let worst = measures.iter().max_by(|a, b| a.value.total_cmp(&b.value));
    let worst = Measure {
        name: UPLOAD.to_owned(),
        ..worst.context("nothing was uploaded")?.clone()
    };
    measures.insert(0, worst);
    Ok(measures)
}

/// The most that the host has resident until this has ended.
async fn peak_until(host: &Served, work: impl Future<Output = Result<()>>) -> Result<f64> {
    let (mut peak, mut work, mut look) = (
        host.resident_mb()?,
        std::pin::pin!(work),
        tokio::time::interval(LOOK),
    );
    loop {
        tokio::select! {
            done = work.as_mut() => {
                done?;
                return Ok(peak.max(host.resident_mb()?));
            }
            _ = look.tick() => peak = peak.max(host.resident_mb()?),
        }
    }
}

async fn idle(rounds: usize) -> Result<Measure> {
    let (mut before, mut growth) = (Samples::new(), Samples::new());
    for round in 1..=rounds {
        let dir = tempfile::tempdir()?;
        let host = Served::start(dir.path(), &[]).await?;
        let slug: Slug = "idle".parse()?;
        host.admin
            .challenge_create(&new_challenge(slug.as_str(), "hello", "0", &[]))
            .await?;
        host.running(std::slice::from_ref(&slug)).await?;
        let path = format!("/challenges/{slug}/hello");
        for _ in 0..WARM_UP {
            ask(&mut Connection::to(&host.public)?, &path).await?;
        }
        let at_rest = host.resident_mb()?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut connection = Connection::to(&host.public)?;
            ask(&mut connection, &path).await?;
            connections.push(connection);
        }
        let grown = host.resident_mb()? - at_rest;
        progress(&format!(
            "idle, round {round} of {rounds}: {at_rest:.1} MB at rest, {grown:.1} MB more with {CONNECTIONS} connections"
        ));
        for connection in &mut connections {
            ask(connection, &path)
                .await
                .context("a connection did not stay")?;
        }
        before.push(at_rest);
        growth.push(grown);
    }
    Ok(Measure::new(IDLE, growth.median(), "MB").over(before.median()))
}

async fn ask(connection: &mut Connection, path: &str) -> Result<()> {
    let status = connection.send("GET", path).await?;
    ensure!(status == 200, "the challenge answers with status {status}");
    ensure!(connection.is_open(), "the host hangs up after an answer");
    Ok(())
}

//! What the public side takes of a request that it passes on.
//!
//! `proxy_container_vs_direct`: the axum handler as a container, asked through the host, beside the same process asked
//! directly. `wrk` does both in turns, with the same connections. The host is one program more on the way, so every request
//! is read, written and scheduled twice as often.
//!
//! `signed_rps`: a route of a component, asked with signatures of the second version from several hotkeys, beside the same
//! route asked without. Each signature is verified, and its nonce is on disk before the request reaches the component. The host
//! has no chain, so all hotkeys are strangers to it, of whom it remembers a fixed number of nonces for as long as signatures
//! count: a round is a number of requests and not of seconds. How often and how many at once one hotkey may ask is configured
//! away. What is signed is made before the clock runs.

use anyhow::{Result, ensure};
use platform_domain::{Digest, Slug};
use platform_tests::{client, new_challenge};

use crate::{
    numbers::Samples,
    peers::Peer,
    plan::Plan,
    prepared, progress,
    report::Measure,
    served::{Served, container},
    signer::Signer,
    wrk,
};

pub(crate) const MEASURES: [&str; 2] = [PROXY, SIGNED];
const PROXY: &str = "proxy_container_vs_direct";
const SIGNED: &str = "signed_rps";
const PATH: &str = "/hello";
/// More than one client ever has.
pub(crate) const CONFIG: &str = "\
[public]
hotkey_per_second = 1000000
hotkey_burst = 1000000
hotkey_at_once = 1024
";
/// Miners of one challenge that ask at the same time.
const HOTKEYS: usize = 16;
/// Signed requests of a round. All rounds together stay below what is remembered of strangers, 32,768.
const SIGNED_REQUESTS: usize = 4000;
/// Unsigned ones take a fraction of the time each.
const UNSIGNED_REQUESTS: usize = 16_000;

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measures = Vec::new();
    if plan.wants(&[PROXY]) {
        measures.push(runtime.block_on(proxy(plan))?);
    }
    if plan.wants(&[SIGNED]) {
        measures.push(runtime.block_on(signed(plan))?);
    }
    Ok(measures)
}

async fn proxy(plan: &Plan) -> Result<Measure> {
    let (dir, native) = (tempfile::tempdir()?, Peer::native()?);
    let host = Served::start(dir.path(), &[]).await?;
    let slug: Slug = "native".parse()?;
    host.admin
        .challenge_create(&container(slug.as_str(), &native.url)?)
        .await?;
    host.running(std::slice::from_ref(&slug)).await?;
    let urls = [host.url(&slug, PATH), format!("{}{PATH}", native.url)];
    for url in &urls {
        let answer = client().get(url).header("x-name", "miner").send().await?;
        let text = answer.error_for_status()?.text().await?;
        ensure!(text == "hello, miner", "{url} answers {text:?}");
    }
    let [through, direct] = &urls;
    let (rounds, seconds) = (plan.of(7, 1), plan.of(4, 2));
    let (mut rates, mut baseline) = (Samples::new(), Samples::new());
    for round in 0..=rounds {
        // The first round warms up.
        let seconds = if round == 0 { 1 } else { seconds };
        let through = wrk::load(through, seconds)?.requests_per_second;
        let direct = wrk::load(direct, seconds)?.requests_per_second;
        if round > 0 {
            rates.push(through);
            baseline.push(direct);
        }
        progress(&format!(
            "container, round {round} of {rounds}: through the host {through:.0} requests/s, directly {direct:.0}"
        ));
    }
    Ok(Measure::new(PROXY, rates.median(), "req/s").over(baseline.median()))
}

async fn signed(plan: &Plan) -> Result<Measure> {
    let dir = tempfile::tempdir()?;
    let host = Served::configured(dir.path(), CONFIG).await?;
    let slug: Slug = "signed".parse()?;
    host.admin
        .challenge_create(&new_challenge(slug.as_str(), "hello", "0", &[]))
        .await?;
    host.running(std::slice::from_ref(&slug)).await?;
    let signers: Vec<Signer> = (0..HOTKEYS).map(|_| Signer::new(&slug)).collect::<Result<_>>()?;
    let nothing = Digest::of(&[]);
    let unsigned = format!(
        "GET /challenges/{slug}{PATH} HTTP/1.1\r\nhost: x\r\nx-name: miner\r\ncontent-length: 0\r\n\r\n"
    );
    let rounds = plan.of(7, 2);
    let (mut rates, mut baseline) = (Samples::new(), Samples::new());
    for round in 0..=rounds {
        let heads = signers.iter().cycle().take(SIGNED_REQUESTS);
        let heads = heads.map(|signer| Ok(signer.head("GET", PATH, 0, nothing)?.into_bytes()));
        let heads: Vec<Vec<u8>> = heads.collect::<Result<_>>()?;
        let signed = prepared::load(&host.public, heads).await?;
        let same = vec![unsigned.clone().into_bytes(); UNSIGNED_REQUESTS];
        let unsigned = prepared::load(&host.public, same).await?;
        // The first round warms up.
        if round > 0 {
            rates.push(signed);
            baseline.push(unsigned);
        }
        progress(&format!(
            "signatures, round {round} of {rounds}: signed {signed:.0} requests/s, unsigned {unsigned:.0}"
        ));
    }
    Ok(Measure::new(SIGNED, rates.median(), "req/s").over(baseline.median()))
}

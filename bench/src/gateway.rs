//! What the public side takes of a request whose signature it verifies.
//!
//! `signed_rps`: a route of a component that stores a row in its database, which is what miners sign requests for, asked with
//! signatures of the second version from several hotkeys, beside the same route asked without. Each signature is verified, and
//! its nonce is on disk before the request reaches the component. `signed_rps/hello` is the same with a guest that does nothing.
//! The host has no chain, so all hotkeys are strangers to it, of whom it remembers a fixed number of nonces for as long as
//! signatures count: a round is a number of requests and not of seconds. How often and how many at once one hotkey may ask is
//! configured away. What is signed is made before the clock runs.

use anyhow::Result;
use platform_domain::{Digest, Slug};
use platform_tests::new_challenge;

use crate::{
    numbers::Samples, plan::Plan, prepared, progress, report::Measure, served::Served, signer::Signer,
};

pub(crate) const MEASURES: [&str; 2] = [SIGNED, SIGNED_HELLO];
const SIGNED: &str = "signed_rps";
const SIGNED_HELLO: &str = "signed_rps/hello";
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
const SIGNED_ROUTES: [SignedRoute; 2] = [
    SignedRoute {
        measure: SIGNED,
        guest: "ledger",
        method: "POST",
        path: "/execute",
        body: "INSERT INTO entries (amount, note) VALUES (1, 'signed')",
        unsigned: 4000,
    },
    SignedRoute {
        measure: SIGNED_HELLO,
        guest: "hello",
        method: "GET",
        path: PATH,
        body: "",
        unsigned: 16_000,
    },
];
/// Signed requests of a round. All rounds together stay below what is remembered of strangers, 32,768.
const SIGNED_REQUESTS: usize = 4000;

/// What is asked, signed and not.
struct SignedRoute {
    measure: &'static str,
    guest: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    /// Requests of a round without a signature, so that it takes about as long.
    unsigned: usize,
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measures = Vec::new();
    for route in &SIGNED_ROUTES {
        if plan.wants_part(route.measure) {
            measures.push(runtime.block_on(signed(plan, route))?);
        }
    }
    Ok(measures)
}

async fn signed(plan: &Plan, route: &SignedRoute) -> Result<Measure> {
    let SignedRoute {
        measure,
        guest,
        method,
        path,
        body,
        unsigned,
    } = *route;
    let dir = tempfile::tempdir()?;
    let host = Served::configured(dir.path(), CONFIG).await?;
    let slug: Slug = "signed".parse()?;
    host.admin
        .challenge_create(&new_challenge(slug.as_str(), guest, "0", &[]))
        .await?;
    host.running(std::slice::from_ref(&slug)).await?;
    let signers: Vec<Signer> = (0..HOTKEYS).map(|_| Signer::new(&slug)).collect::<Result<_>>()?;
    let digest = Digest::of(body.as_bytes());
    let plain = format!(
        "{method} /challenges/{slug}{path} HTTP/1.1\r\nhost: x\r\nx-name: miner\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let rounds = plan.of(7, 2);
    let (mut rates, mut baseline) = (Samples::new(), Samples::new());
    for round in 0..=rounds {
        let signers = signers.iter().cycle().take(SIGNED_REQUESTS);
        let requests = signers.map(|signer| {
            let head = signer.head(method, path, body.len(), digest)?;
            Ok(format!("{head}{body}").into_bytes())
        });
        let requests = requests.collect::<Result<_>>()?;
        let signed = prepared::load(&host.public, requests).await?;
        let same = vec![plain.clone().into_bytes(); unsigned];
        let unsigned = prepared::load(&host.public, same).await?;
        // The first round warms up.
        if round > 0 {
            rates.push(signed);
            baseline.push(unsigned);
        }
        progress(&format!(
            "signatures for {guest}, round {round} of {rounds}: signed {signed:.0} requests/s, unsigned {unsigned:.0}"
        ));
    }
    Ok(Measure::new(measure, rates.median(), "req/s").over(baseline.median()))
}

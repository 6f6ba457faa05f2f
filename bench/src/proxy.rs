//! What the public side takes of a request that it passes on to a container.
//!
//! `proxy_container_vs_direct`: a route of a native server that does what miners and their browsers ask such a challenge for, the
//! leaderboard of a whole subnet out of its database, asked through the host, beside the same process asked directly. `wrk` does
//! both in turns, with the same connections. `/hello` is the same with a route that does nothing: the host is then one program more
//! on the way beside one that does no more than read and write, so every request is read, written and scheduled twice as often.
//! `proxy_container_vs_nginx` are the same routes beside nginx in the host's place, which checks, limits and filters nothing.

use anyhow::{Result, ensure};
use platform_domain::Slug;
use platform_tests::client;

use crate::{
    native::MINERS,
    numbers::Samples,
    peers::Peer,
    plan::Plan,
    progress,
    report::Measure,
    served::{Served, container},
    wrk,
};

pub(crate) const MEASURES: [&str; 4] = [LEADERBOARD.direct, LEADERBOARD.nginx, HELLO.direct, HELLO.nginx];

/// What is asked, and what it is called beside whom.
struct Route {
    path: &'static str,
    direct: &'static str,
    nginx: &'static str,
    is_answer: fn(&str) -> bool,
}

const LEADERBOARD: Route = Route {
    path: "/leaderboard",
    direct: "proxy_container_vs_direct",
    nginx: "proxy_container_vs_nginx",
    is_answer: |text| text.matches("\"hotkey\"").count() == MINERS as usize,
};
const HELLO: Route = Route {
    path: "/hello",
    direct: "proxy_container_vs_direct/hello",
    nginx: "proxy_container_vs_nginx/hello",
    is_answer: |text| text == "hello, miner",
};

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut measures = Vec::new();
        for route in [LEADERBOARD, HELLO] {
            if plan.wants_part(route.direct) || plan.wants_part(route.nginx) {
                measures.extend(proxy(plan, &route).await?);
            }
        }
        Ok(measures)
    })
}

async fn proxy(plan: &Plan, route: &Route) -> Result<[Measure; 2]> {
    let (dir, native, path) = (tempfile::tempdir()?, Peer::native()?, route.path);
    let host = Served::start(dir.path(), &[]).await?;
    let slug: Slug = "native".parse()?;
    host.admin
        .challenge_create(&container(slug.as_str(), &native.url)?)
        .await?;
    host.running(std::slice::from_ref(&slug)).await?;
    let nginx = Peer::nginx(dir.path(), &native.url)?;
    let urls = [
        host.url(&slug, path),
        format!("{}{path}", nginx.url),
        format!("{}{path}", native.url),
    ];
    for url in &urls {
        let answer = client().get(url).header("x-name", "miner").send().await?;
        let text = answer.error_for_status()?.text().await?;
        ensure!((route.is_answer)(&text), "{url} answers {text:?}");
    }
    let (rounds, seconds) = (plan.of(7, 1), plan.of(4, 2));
    let mut rates = [Samples::new(), Samples::new(), Samples::new()];
    for round in 0..=rounds {
        // The first round warms up.
        let seconds = if round == 0 { 1 } else { seconds };
        let mut told = Vec::new();
        for (url, rates) in urls.iter().zip(&mut rates) {
            let rate = wrk::load(url, seconds)?.requests_per_second;
            if round > 0 {
                rates.push(rate);
            }
            told.push(format!("{rate:.0}"));
        }
        progress(&format!(
            "{path} of a container, round {round} of {rounds}: through the host, through nginx and directly {} requests/s",
            told.join(", ")
        ));
    }
    let [through, nginx, direct] = rates.map(|rates| rates.median());
    Ok([
        Measure::new(route.direct, through, "req/s").over(direct),
        Measure::new(route.nginx, through, "req/s").over(nginx),
    ])
}

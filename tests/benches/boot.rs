//! How long a host takes to have many challenges at hand whose code is compiled, the first call of each, and the
//! memory of both. The argument is the number of challenges; a tenth and a hundredth are measured beside it.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program for people that stops at the first surprise"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use platform_admin_types::{Client, Observed};
use platform_domain::{PlainToken, Slug};
use platform_tests::{Program, client, multiply, new_challenge};

const GUEST: &str = "routes-only";
const MANY: usize = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let most = asked.unwrap_or(MANY);
    println!("challenges   start ms   RSS MiB   first call p50 ms   p99 ms   RSS MiB then");
    for many in [most / 100, most / 10, most].into_iter().filter(|many| *many > 0) {
        let dir = tempfile::tempdir()?;
        measure(dir.path(), many).await?;
    }
    Ok(())
}

async fn measure(state: &Path, many: usize) -> anyhow::Result<()> {
    let (program, admin) = start(state).await?;
    admin
        .challenge_create(&new_challenge("many", GUEST, "0", &[]))
        .await?;
    program.kill().await;
    let slugs = multiply(state, "many", many).await;
    // Compiles all of them.
    let (program, admin) = start(state).await?;
    running(&admin, &slugs).await?;
    program.kill().await;

    let started = Instant::now();
    let (program, admin) = start(state).await?;
    running(&admin, &slugs).await?;
    let (start, idle) = (millis(started.elapsed()), resident(&program)?);
    let (http, public) = (client(), program.answer["public"].as_str().expect("an address"));
    let mut calls = Vec::new();
    for slug in &slugs {
        let called = Instant::now();
        let answer = http.get(format!("{public}/challenges/{slug}/")).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{slug}: {}", answer.status());
        calls.push(millis(called.elapsed()));
    }
    calls.sort_by(f64::total_cmp);
    let at = |part: usize| calls.get(calls.len() * part / 100).copied().unwrap_or_default();
    println!(
        "{many:>10} {start:>10.0} {idle:>9.0} {:>19.1} {:>8.1} {:>14.0}",
        at(50),
        at(99),
        resident(&program)?
    );
    program.kill().await;
    Ok(())
}

async fn start(state: &Path) -> anyhow::Result<(Program, Client)> {
    let (state_dir, any) = (state.display().to_string(), "127.0.0.1:0");
    let listen = ["--admin-listen", any, "--public-listen", any];
    let program = Program::start(&[&["serve", "--state-dir", &state_dir][..], &listen].concat()).await;
    let token = fs::read_to_string(state.join("admin.token"))?;
    let url = program.answer["admin"].as_str().expect("an address").to_owned();
    let admin = Client::new(&url, PlainToken::from_text(&token))?;
    Ok((program, admin))
}

/// Waits until every challenge runs.
async fn running(admin: &Client, slugs: &[Slug]) -> anyhow::Result<()> {
    loop {
        let seen = admin.status().await?.challenges;
        let runs = |slug: &Slug| {
            matches!(
                seen.get(slug).map(|it| &it.observed),
                Some(Observed::Running { .. })
            )
        };
        if slugs.iter().all(runs) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Memory of the process in MiB, as the system counts it.
fn resident(program: &Program) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    Ok(kib.expect("a line for the memory").trim().parse::<f64>()? / 1024.0)
}

//! The same challenge as a component and as a container: the code of `examples/echo`, once for the host and once for the machine
//! behind a server of its own (`examples/echo-container`).
//!
//! `container_start_ms`: from sending `activate` to the first answer with status 200 through the public proxy, of the container
//! beside the component, whose compiled code is on disk as the container's image is on the engine. `container_rss_mb`: the memory
//! that one running container takes, of its own processes and of the engine's process that is there for it alone, beside what the
//! host grows by with each component that has answered once. The engine is Debian's, of its own, with its usual storage.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use platform_domain::{Slug, Status};
use platform_tests::{multiply, new_challenge};
use serde_json::json;

use crate::{
    docker_engine::TestEngine,
    first_request::activation,
    http::Connection,
    numbers::{Samples, millis},
    plan::Plan,
    progress,
    report::Measure,
    served::{Served, resident_mb, state},
};

pub(crate) const MEASURES: [&str; 2] = [START, MEMORY];
const START: &str = "container_start_ms";
const MEMORY: &str = "container_rss_mb";
const GUEST: &str = "echo";
const CONTAINER: &str = "contained";
const IMAGE: &str = "bench.local/echo:1";
/// Components that are started to see what one takes.
const MANY: usize = 50;

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (dir, engine) = (tempfile::tempdir()?, TestEngine::start());
    let usual = [
        "ENTRYPOINT [\"/echo-container\"]",
        "EXPOSE 8000",
        "USER 1000:1000",
    ];
    engine.import(&program()?, &usual, IMAGE);
    runtime.block_on(measure(plan.of(15, 2), dir.path(), &engine))
}

/// Builds the example, statically.
fn program() -> Result<PathBuf> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/echo-container");
    let own = env::current_exe()?;
    let target = own.parent().context("no directory")?.join("echo-container");
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--quiet"])
        // Where its own configuration is.
        .current_dir(example)
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "examples/echo-container does not build");
    Ok(target.join("x86_64-unknown-linux-gnu/release/echo-container"))
}

async fn measure(rounds: usize, dir: &Path, engine: &TestEngine) -> Result<Vec<Measure>> {
    let config = format!("[docker]\nendpoint = {:?}\n", engine.endpoint);
    let host = Served::configured(dir, &config).await?;
    let mut component = new_challenge(GUEST, GUEST, "0", &[]);
    component.status = Some(Status::Draft);
    host.admin.challenge_create(&component).await?;
    let container = json!({ "slug": CONTAINER, "image": IMAGE, "version": "1.0.0", "data": "none" });
    let container = serde_json::from_value(container)?;
    host.admin.challenge_create(&container).await?;
    let slugs: [Slug; 2] = [GUEST.parse()?, CONTAINER.parse()?];
    let mut connection = Connection::to(&host.public)?;
    let mut took = [Samples::new(), Samples::new()];
    for round in 0..=rounds {
        for (slug, took) in slugs.iter().zip(&mut took) {
            let first = millis(activation(&host, &mut connection, slug).await?);
            // The first round compiles and warms up.
            if round > 0 {
                took.push(first);
            }
        }
    }
    let [component, container] = took.map(|took| took.median());
    progress(&format!(
        "first answers after activating: component {component:.1} ms, container {container:.1} ms"
    ));
    let [_, slug] = &slugs;
    host.admin.challenge_activate(slug).await?;
    host.running(std::slice::from_ref(slug)).await?;
    ask(&mut connection, slug).await?;
    let contained = of_container(engine)?;
    let grown = of_component(host, dir, &config).await?;
    progress(&format!(
        "memory: component {grown:.2} MB, container {contained:.2} MB"
    ));
    Ok(vec![
        Measure::new(START, container, "ms").over(component),
        Measure::new(MEMORY, contained, "MB").over(grown),
    ])
}

async fn ask(connection: &mut Connection, slug: &Slug) -> Result<()> {
    let status = connection
        .send("GET", &format!("/challenges/{slug}/hello"))
        .await?;
    ensure!(status == 200, "{slug} answers with status {status}");
    Ok(())
}

/// Of all processes that are there because the only container of the engine runs.
fn of_container(engine: &TestEngine) -> Result<f64> {
    let id = engine.docker(&["ps", "--quiet"]);
    let first = engine
        .docker(&["inspect", "--format", "{{.State.Pid}}", &id])
        .parse()?;
    let parents = parents()?;
    let of = |pid: u32| {
        parents
            .iter()
            .find(|(child, _)| *child == pid)
            .map(|(_, parent)| *parent)
    };
    let mut family: BTreeSet<u32> = [first].into();
    family.insert(of(first).context("the container has ended")?);
    while let Some((child, _)) = parents
        .iter()
        .find(|(child, parent)| family.contains(parent) && !family.contains(child))
    {
        family.insert(*child);
    }
    family.into_iter().map(resident_mb).sum()
}

/// All processes, each with its parent. One that ends meanwhile is left out.
fn parents() -> Result<Vec<(u32, u32)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        found.extend(parent.and_then(|parent| Some((pid, parent.trim().parse().ok()?))));
    }
    Ok(found)
}

/// What the host grows by, for each of many distinct components.
async fn of_component(host: Served, dir: &Path, config: &str) -> Result<f64> {
    host.kill().await;
    let slugs = multiply(&state(dir), GUEST, MANY).await;
    // Compiled by one host, and looked at in another.
    let host = Served::configured(dir, config).await?;
    for slug in &slugs {
        host.admin.challenge_activate(slug).await?;
    }
    host.running(&slugs).await?;
    for slug in &slugs {
        host.admin.challenge_deactivate(slug).await?;
    }
    host.kill().await;
    let host = Served::configured(dir, config).await?;
    let mut connection = Connection::to(&host.public)?;
    let before = host.resident_mb()?;
    for slug in &slugs {
        host.admin.challenge_activate(slug).await?;
    }
    host.running(&slugs).await?;
    for slug in &slugs {
        ask(&mut connection, slug).await?;
    }
    Ok((host.resident_mb()? - before) / MANY as f64)
}

//! `cargo xtask demo`: the main job, end to end, through the commands a person would use. A test node, a host,
//! two challenges published and registered, eight miners with keys of their own, one epoch, and the chain
//! asked what it holds. Succeeds only if that is what was recorded.

mod process;
mod stop;
mod table;
mod tours;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use self::{
    process::{Background, Platform, until},
    stop::Stop,
};
use crate::{
    prepare,
    workspace::{cargo, run as run_command, say, target_dir},
};

const MINERS: usize = 8;
const NETUID: &str = "1";
/// Fast, so that nobody waits; the chain takes 12,000.
const BLOCK_MS: &str = "150";
/// Blocks between epochs, 360 on the chain: what is committed in one is revealed in the next.
const TEMPO: &str = "12";
const WAIT: Duration = Duration::from_secs(60);

/// A hotkey file and its address.
struct Key {
    file: PathBuf,
    address: String,
}

/// The directory of one demo, removed with it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Builds what is needed, then shows the main job. Whichever way it ends, what it started ends with it.
pub(crate) fn run(keep: bool) -> Result<ExitCode> {
    let guests = prepare()?;
    run_command(
        "building the host",
        &mut cargo(&["build", "--locked", "--package", "platform-host"]),
    )?;
    let program = target_dir()?.join("debug").join("platform");
    let stop = Stop::on_signals()?;
    match show_main_job(&guests, program, keep, &stop) {
        // Ctrl-C reaches every program of the terminal, so what failed is a consequence.
        Err(_) if stop.is_asked() => {
            say("stopped");
            Ok(ExitCode::from(stop::EXIT_CODE))
        }
        result => result.map(|()| ExitCode::SUCCESS),
    }
}

fn show_main_job(guests: &Path, program: PathBuf, keep: bool, stop: &Stop) -> Result<()> {
    let started = Instant::now();
    let scratch = Scratch(std::env::temp_dir().join(format!("platform-demo-{}", std::process::id())));
    let dir = scratch.0.clone();
    fs::create_dir_all(&dir)?;
    let mut platform = Platform {
        program,
        admin: None,
        stop: stop.clone(),
    };

    let validator = key(&platform, &dir, "validator")?;
    let miners = (1..=MINERS)
        .map(|n| key(&platform, &dir, &format!("miner-{n}")))
        .collect::<Result<Vec<_>>>()?;
    let (_devnet, node) = start_devnet(&platform, &dir, &validator, &miners)?;
    let (mut host, admin, public) = start_host(&platform, &dir, &validator, &node)?;
    let endpoint = text(&node, "url");
    platform.admin = Some((admin.clone(), dir.join("state").join("admin.token")));
    show(&format!(
        "test node  {endpoint}\nhost       admin {admin}, public {public}\nstate      {}",
        dir.display()
    ));

    let echo_weights = json!({ &address(&miners, 0)?: 1, &address(&miners, 7)?: 3 }).to_string();
    register(
        &platform,
        &dir,
        guests,
        "tsp",
        "70",
        &["SEED=demo", "ROUND_SECONDS=86400", "CITIES=60"],
    )?;
    register(
        &platform,
        &dir,
        guests,
        "echo",
        "30",
        &[&format!("WEIGHTS={echo_weights}")],
    )?;

    let instance = platform.ask(&["request", "GET", &format!("{public}/challenges/tsp/instance")])?;
    for (skill, miner) in miners.iter().enumerate() {
        submit_tour(&platform, &dir, &public, &instance, skill, miner)?;
    }
    let leaderboard = platform.ask(&["request", "GET", &format!("{public}/challenges/tsp/leaderboard")])?;
    show(&format!(
        "\nleaderboard of tsp\n{}",
        table::leaderboard(&leaderboard)
    ));

    let patience = WAIT.as_secs().to_string();
    let epoch = platform.ask(&["weights", "submit", "--wait-for-reveal", "--timeout", &patience])?;
    show(&format!(
        "\nepoch {} with both challenges\n{}",
        text(&epoch, "epoch"),
        table::epoch(&epoch, &["tsp", "echo"])?
    ));
    let (hash, block) = (text(&epoch, "extrinsic_hash"), text(&epoch, "included_block"));
    show(&format!(
        "\nextrinsic  {hash} in block {block}, {}",
        text(&epoch, "state")
    ));
    confirm(&epoch)?;
    show(&format!("\n{}", traced(&platform, &epoch)?));
    show(&format!(
        "\nthe chain holds the recorded vector; {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    if keep {
        let token = dir.join("state").join("admin.token");
        show(&format!(
            "\nkept running until Ctrl-C\npublic  {public}/challenges/tsp/leaderboard\nadmin   {admin}\ntoken   {}",
            token.display()
        ));
        host.wait(stop)?;
    }
    Ok(())
}

fn key(platform: &Platform, dir: &Path, name: &str) -> Result<Key> {
    let file = dir.join(format!("{name}.json"));
    let made = platform.ask(&["hotkey", "new", path(&file)?])?;
    Ok(Key {
        file,
        address: text(&made, "hotkey"),
    })
}

fn start_devnet(
    platform: &Platform,
    dir: &Path,
    validator: &Key,
    miners: &[Key],
) -> Result<(Background, Value)> {
    let mut args = vec![
        "devnet",
        "--listen",
        "127.0.0.1:0",
        "--netuid",
        NETUID,
        "--block-ms",
        BLOCK_MS,
        "--tempo",
        TEMPO,
        "--commit-reveal",
    ];
    args.extend(["--validator", &validator.address]);
    args.extend(
        miners
            .iter()
            .flat_map(|miner| ["--miner", miner.address.as_str()]),
    );
    platform.start(&args, &dir.join("devnet.log"))
}

fn start_host(
    platform: &Platform,
    dir: &Path,
    validator: &Key,
    node: &Value,
) -> Result<(Background, String, String)> {
    let beacon = node.get("beacon").context("the test node has no beacon")?;
    let quoted = |path: &Path| Value::from(path.display().to_string()).to_string();
    let config = format!(
        "state_dir = {}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
         [chain]\nendpoint = \"{}\"\nnetuid = {NETUID}\nhotkey_file = {}\n\
         [chain.beacon]\npublic_key = \"{}\"\ngenesis = {}\nperiod = {}\n\
         [epoch]\nschedule = \"manual\"\npoll_ms = 100\n",
        quoted(&dir.join("state")),
        text(node, "url"),
        quoted(&validator.file),
        text(beacon, "public_key"),
        text(beacon, "genesis"),
        text(beacon, "period"),
    );
    let file = dir.join("platform.toml");
    fs::write(&file, config)?;
    let (host, answer) = platform.start(&["serve", "--config", path(&file)?], &dir.join("host.log"))?;
    Ok((host, text(&answer, "admin"), text(&answer, "public")))
}

/// Publishes a guest to an OCI layout, registers it by that reference, and waits until it runs.
fn register(
    platform: &Platform,
    dir: &Path,
    guests: &Path,
    slug: &str,
    emission: &str,
    env: &[&str],
) -> Result<()> {
    let reference = format!("oci:{}:{slug}", dir.join("challenges").display());
    let component = guests.join(format!("{slug}.wasm"));
    let published = platform.ask(&["publish", path(&component)?, &reference])?;
    let mut args = vec![
        "challenge",
        "create",
        slug,
        &reference,
        "--emission",
        emission,
        "--activate",
    ];
    args.extend(env.iter().flat_map(|pair| ["--env", pair]));
    platform.ask(&args)?;
    until(&format!("{slug} running"), WAIT, || {
        let view = platform.ask(&["challenge", "show", slug])?;
        Ok((view.pointer("/observed/state") == Some(&json!("running"))).then_some(view))
    })?;
    show(&format!(
        "challenge  {slug}, {emission} % of the emission, {}",
        text(&published, "component_digest")
    ));
    Ok(())
}

fn submit_tour(
    platform: &Platform,
    dir: &Path,
    public: &str,
    instance: &Value,
    skill: usize,
    miner: &Key,
) -> Result<()> {
    let round = instance.get("round").context("the instance has no round")?;
    let file = dir.join("tour.json");
    fs::write(
        &file,
        json!({ "round": round, "tour": tours::tour(instance, skill)? }).to_string(),
    )?;
    let url = format!("{public}/challenges/tsp/submissions");
    let (key, body) = (path(&miner.file)?, path(&file)?);
    platform.ask(&[
        "request", "POST", &url, "--hotkey", key, "--netuid", NETUID, "--body", body,
    ])?;
    Ok(())
}

/// One number of the vector, followed back to the challenges.
fn traced(platform: &Platform, epoch: &Value) -> Result<String> {
    let uid = epoch
        .pointer("/vector/uids/0")
        .context("the vector is empty")?
        .to_string();
    let it = platform.ask(&["weights", "explain", &text(epoch, "epoch"), &uid])?;
    let from = it
        .get("from")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let parts: Vec<_> = from
        .iter()
        .map(|part| {
            format!(
                "{} from {} for a score of {}",
                text(part, "share"),
                text(part, "slug"),
                text(part, "score")
            )
        })
        .collect();
    Ok(format!(
        "UID {uid} has {} on the chain: a share of {}, {}",
        text(&it, "on_chain"),
        text(&it, "share"),
        parts.join(" and ")
    ))
}

/// The vector that the chain was read to hold is the one that was recorded.
fn confirm(epoch: &Value) -> Result<()> {
    let list = |pointer: &str| {
        epoch
            .pointer(pointer)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let recorded: Vec<Value> = list("/vector/uids")
        .into_iter()
        .zip(list("/vector/u16"))
        .map(|(uid, weight)| json!([uid, weight]))
        .collect();
    let on_chain = list("/on_chain");
    if recorded.is_empty() || recorded != on_chain {
        bail!(
            "recorded {} but the chain holds {}",
            Value::from(recorded),
            Value::from(on_chain)
        );
    }
    Ok(())
}

fn address(miners: &[Key], at: usize) -> Result<String> {
    Ok(miners.get(at).context("too few miners")?.address.clone())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str()
        .context("the temporary directory's name is not text")
}

/// A field as a person reads it.
fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    }
}

#[expect(clippy::print_stdout, reason = "what the demo is for")]
fn show(text: &str) {
    if text.is_empty() {
        say("");
    }
    println!("{text}");
}

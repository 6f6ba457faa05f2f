//! The host killed at each request that it makes of an engine while it starts a container, before the engine hears of it or after
//! it did it, and started again on what it left.

use std::{fs, path::Path};

use platform_admin_types::{Client, Observed};
use platform_domain::{PlainToken, Slug};
use platform_tests::Program;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Duration, sleep, timeout};

use super::{
    gate::{
        Gate,
        Stopped::{After, Before},
    },
    scene::{LONG, challenge, engine, gone, on_engine},
};

const SLUG: &str = "killed";
/// Of some fifty requests from the wish to the container that runs, so many are met.
const STEP: usize = 5;
const KILLS: u32 = 12;

async fn start(dir: &Path) -> (Program, Client) {
    let args = [
        "serve",
        "--config",
        &dir.join("platform.toml").display().to_string(),
    ]
    .map(str::to_owned);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let program = Program::start_logging_to(&args, &dir.join("log")).await;
    let token = PlainToken::from_text(&fs::read_to_string(dir.join("state/admin.token")).unwrap());
    let client = Client::new(program.answer["admin"].as_str().unwrap(), token).unwrap();
    (program, client)
}

/// The container of the challenge, as soon as it runs.
async fn running(admin: &Client, slug: &Slug) -> String {
    loop {
        // The host may be gone by now.
        if let Ok(view) = admin.challenge_get(slug).await
            && let Observed::Running { container, .. } = view.observed
        {
            return container.unwrap().id;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_host_killed_at_any_step_of_a_start_has_one_container_afterwards_and_none_when_it_is_not_wanted() {
    let dir = TempDir::new().unwrap();
    let socket = engine().endpoint.trim_start_matches("unix://");
    let gate = Gate::open(dir.path().join("engine.sock"), Path::new(socket));
    let config = format!(
        "state_dir = {:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
         [docker]\nendpoint = \"unix://{}\"\nready_seconds = 20\n",
        dir.path().join("state"),
        gate.path.display()
    );
    fs::write(dir.path().join("platform.toml"), config).unwrap();
    let slug: Slug = SLUG.parse().unwrap();
    let (mut program, mut admin) = start(dir.path()).await;
    let new = challenge(SLUG, json!({"status": "draft"}));
    admin.challenge_create(&new).await.unwrap();
    let mut killed = 0;
    for nth in (1..).step_by(STEP) {
        let stopped = if killed % 2 == 0 { Before } else { After };
        gate.close_at(nth, stopped);
        let started = async {
            drop(admin.challenge_activate(&slug).await);
            running(&admin, &slug).await
        };
        let killed_now = tokio::select! {
            () = gate.closed() => true,
            _ = started => false,
        };
        if killed_now {
            println!("killed {stopped:?} request {nth}");
            program.kill().await;
            killed += 1;
            (program, admin) = start(dir.path()).await;
            // It was wanted already, or is now.
            drop(admin.challenge_activate(&slug).await);
        } else {
            gate.stay_open();
        }
        let id = timeout(LONG, running(&admin, &slug)).await;
        let id = id.unwrap_or_else(|_| panic!("killed {stopped:?} request {nth}: it does not run"));
        assert_eq!(on_engine(SLUG), [id], "{stopped:?} request {nth}");
        admin.challenge_deactivate(&slug).await.unwrap();
        gone(engine(), SLUG).await;
        if !killed_now || killed == KILLS {
            break;
        }
    }
    assert!(killed >= KILLS / 2, "{killed}");
    program.kill().await;
}

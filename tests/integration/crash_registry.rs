//! The host killed while its registry changes, and started again on what it left.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use platform_admin_types::{Client, ClientError, Observed};
use platform_domain::{PlainToken, Slug, Status};
use platform_tests::{Program, client, new_challenge};

const KILLS: u64 = 20;
/// A few rounds of the loop below in an unoptimised build.
const LIFETIME_MS: u64 = 250;
/// Challenges that change at the same time.
const SLUGS: [&str; 3] = ["one", "two", "three"];

async fn start(state: &Path) -> (Program, Client) {
    let (state_dir, any) = (state.display().to_string(), "127.0.0.1:0");
    let args = [
        "serve",
        "--state-dir",
        &state_dir,
        "--admin-listen",
        any,
        "--public-listen",
        any,
    ];
    let program = Program::start(&args).await;
    let token = PlainToken::from_text(&std::fs::read_to_string(state.join("admin.token")).unwrap());
    let client = Client::new(program.answer["admin"].as_str().unwrap(), token).unwrap();
    (program, client)
}

/// Waits until the host has looked at its registry and started what is active.
async fn first_pass(client: &Client) {
    let looking = async {
        loop {
            let host = client.status().await.unwrap();
            let starting = host
                .challenges
                .values()
                .any(|it| matches!(it.observed, Observed::Starting { .. }));
            if host.reconciler.last_pass_at.is_some() && !starting {
                return host.reconciler.registry_readable;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let readable = tokio::time::timeout(Duration::from_secs(60), looking).await;
    assert!(readable.expect("the host comes to it"), "the registry opens");
}

/// Takes a challenge round its life until the host is gone.
async fn change(client: &Client, slug: &Slug) {
    loop {
        let mut new = new_challenge(slug.as_str(), "echo", "1", &[("A", "b")]);
        new.status = None;
        // It may be in any state, so a step may be refused; only the end of the host ends this.
        let steps = [
            client.challenge_create(&new).await.map(drop),
            client.challenge_activate(slug).await.map(drop),
            client.challenge_deactivate(slug).await.map(drop),
            client.challenge_delete(slug).await,
        ];
        let gone = |error: &ClientError| matches!(error, ClientError::Unreachable { .. });
        if steps.iter().any(|step| step.as_ref().is_err_and(gone)) {
            return;
        }
    }
}

#[tokio::test]
async fn a_host_killed_while_its_registry_changes_finds_whole_records_and_runs_the_active_ones() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    // Random, and told so that a failure can be looked into.
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    // Compiled once before, so that a life is long enough for every step.
    let (program, admin) = start(&state).await;
    let first = new_challenge(SLUGS[0], "echo", "1", &[("A", "b")]);
    admin.challenge_create(&first).await.unwrap();
    program.kill().await;

    let mut seen = BTreeSet::new();
    for _ in 0..KILLS {
        let (program, admin) = start(&state).await;
        let public = program.answer["public"].as_str().unwrap().to_owned();
        first_pass(&admin).await;
        for view in admin.challenge_list().await.unwrap().challenges {
            seen.insert(view.status.to_string());
            assert_eq!(
                (view.emission_percent.to_string().as_str(), view.env["A"].as_str()),
                ("1", "b")
            );
            assert!(view.component.is_some() && view.token_hint.len() > 1);
            let active = view.status == Status::Active;
            let answer = client()
                .get(format!("{public}/challenges/{}/", view.slug))
                .send()
                .await
                .unwrap();
            assert_eq!(
                answer.status().as_u16(),
                if active { 200 } else { 404 },
                "{view:?}"
            );
            let running = matches!(
                admin.challenge_get(&view.slug).await.unwrap().observed,
                Observed::Running { .. }
            );
            assert_eq!(running, active, "{view:?}");
        }
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let slugs = SLUGS.map(|slug| slug.parse().unwrap());
        let [one, two, three] = &slugs;
        let kill = async {
            tokio::time::sleep(Duration::from_millis((seed >> 33) % LIFETIME_MS)).await;
            program.kill().await;
        };
        tokio::join!(
            change(&admin, one),
            change(&admin, two),
            change(&admin, three),
            kill
        );
    }
    assert!(
        seen.len() >= 2,
        "the kills met the challenges in several states: {seen:?}"
    );
}

//! The host killed at random moments, and started again on what it left.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use platform_admin_types::Client;
use platform_domain::{BlockHash, EpochId, Hotkey, MechanismId, Netuid, PlainToken, Uid};
use platform_keys::Keypair;
use platform_tests::{Program, new_challenge};
use serde_json::json;

use crate::epochs::devnet;

const NETUID: Netuid = Netuid(3);
/// How often the host is killed. Enough to hit every step of an epoch on a slow machine too.
const KILLS: u64 = 25;
/// From before the epoch begins to after it has ended, in an unoptimised build.
const LIFETIME_MS: u64 = 1500;

async fn start(config: &Path, state: &Path) -> (Program, Client) {
    let program = Program::start(&["serve", "--config", config.to_str().unwrap()]).await;
    let token = std::fs::read_to_string(state.join("admin.token")).unwrap();
    let client = Client::new(
        program.answer["admin"].as_str().unwrap(),
        PlainToken::from_text(&token),
    )
    .unwrap();
    (program, client)
}

#[tokio::test]
async fn a_host_killed_at_any_moment_submits_each_epoch_once() {
    let dir = tempfile::tempdir().unwrap();
    let (validator, miner) = (Keypair::generate().unwrap(), Hotkey::from_bytes([1; 32]));
    let devnet = devnet(&validator, &[miner]).await;
    let (state, key, config) = (
        dir.path().join("state"),
        dir.path().join("key.json"),
        dir.path().join("platform.toml"),
    );
    validator.write_new_file(&key).unwrap();
    let text = format!(
        "state_dir = {}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n[log]\nfilter = \"warn\"\n\
         [chain]\nendpoint = \"{}\"\nnetuid = {NETUID}\nhotkey_file = {}\n[epoch]\nperiod_blocks = 20\npoll_ms = 10\n",
        json!(state),
        devnet.url(),
        json!(key),
    );
    std::fs::write(&config, text).unwrap();

    let (program, client) = start(&config, &state).await;
    let weights = json!({ miner.to_string(): 1 }).to_string();
    client
        .challenge_create(&new_challenge("echo", "echo", "50", &[("WEIGHTS", &weights)]))
        .await
        .unwrap();
    program.kill().await;

    // Random, and told so that a failure can be looked into.
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    for _ in 0..KILLS {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (program, client) = start(&config, &state).await;
        let challenges = client.challenge_list().await.unwrap().challenges;
        assert_eq!(challenges.len(), 1, "the registry is as it was");
        tokio::time::sleep(Duration::from_millis((seed >> 33) % LIFETIME_MS)).await;
        program.kill().await;
    }

    // Left alone, it comes to an end of everything it began.
    let (program, client) = start(&config, &state).await;
    let current = client.weights_submit().await.unwrap().epoch;
    let settled = tokio::time::timeout(Duration::from_secs(60), async {
        while !client.weights_epoch(current).await.unwrap().ended {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    settled.await.expect("the last epoch ends");
    let epochs = client.weights_history(1000).await.unwrap().epochs;
    program.kill().await;

    let finalised: Vec<EpochId> = epochs
        .iter()
        .filter(|view| view.state == "finalised")
        .map(|view| view.epoch)
        .collect();
    assert!(finalised.contains(&current), "{epochs:?}");
    assert!(
        finalised.len() >= 3,
        "the kills left some epochs time to end: {epochs:?}"
    );
    let accepted: Vec<String> = devnet
        .accepted_extrinsics()
        .iter()
        .map(|accepted| BlockHash(accepted.hash).to_string())
        .collect();
    for hash in &accepted {
        let owners = epochs
            .iter()
            .filter(|view| view.extrinsic_hash.is_some_and(|own| own.to_string() == *hash))
            .count();
        assert_eq!(
            owners, 1,
            "every extrinsic that reached the chain is the recorded one of one epoch: {hash}"
        );
    }
    let mut unique = accepted.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), accepted.len(), "no extrinsic was included twice");
    assert_eq!(devnet.weights(NETUID, MechanismId(0), Uid(0)), [(Uid(1), 65535)]);
}

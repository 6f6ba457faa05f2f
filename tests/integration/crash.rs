//! The host killed in every state of an epoch, and started again on what it left.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use platform_admin_types::Client;
use platform_domain::{EpochId, Hotkey, MechanismId, Netuid, PlainToken, Slug, Uid};
use platform_keys::Keypair;
use platform_store::{EpochRow, EpochState, Store, challenges, epochs};
use platform_tests::{Program, new_challenge};
use serde_json::json;

use crate::epochs::devnet;

const NETUID: Netuid = Netuid(3);
/// Not logged but seen at the node: the extrinsic has arrived, and the host does not know it yet.
const ARRIVED: &str = "an extrinsic arrived";
/// What the host logs when it has come so far, and the state that is then on the disk.
const MOMENTS: [(&str, EpochState); 6] = [
    ("asking the challenges", EpochState::Begun),
    ("\"epoch.state\":\"recorded\"", EpochState::Recorded),
    ("\"epoch.state\":\"signed\"", EpochState::Signed),
    (ARRIVED, EpochState::Signed),
    ("\"epoch.state\":\"included\"", EpochState::Included),
    (FINALISED, EpochState::Finalised),
];
const FINALISED: &str = "\"epoch.state\":\"finalised\"";
/// How often it is killed: at each moment some times, at once and a little later, and on until each state was
/// really found on the disk, which a slow machine may need more kills for.
const KILLS: usize = 24;
const KILLS_MAX: usize = 100;
/// Every other kill comes up to so much later than the moment: about the way to the next state.
const LATER_MS: u64 = 40;

async fn start(config: &Path, state: &Path) -> (Program, Client) {
    let program = Program::start_logged(&["serve", "--config", config.to_str().unwrap()]).await;
    let token = std::fs::read_to_string(state.join("admin.token")).unwrap();
    let client = Client::new(
        program.answer["admin"].as_str().unwrap(),
        PlainToken::from_text(&token),
    )
    .unwrap();
    (program, client)
}

/// What a dead host left: its epochs, newest first. From now on the challenge gives everything to `miner`.
async fn inspect(state: &Path, miner: Hotkey) -> Vec<EpochRow> {
    let store = Store::open(&state.join("host.sqlite3")).unwrap();
    let slug: Slug = "echo".parse().unwrap();
    let weights = json!({ miner.to_string(): 1 }).to_string();
    store
        .write("inspect", move |connection| {
            let mut challenge = challenges::get(connection, &slug)?.expect("the registry is as it was");
            challenge.env.insert("WEIGHTS".to_owned(), weights);
            challenges::update(connection, &challenge)?;
            epochs::latest(connection, 1000)
        })
        .await
        .unwrap()
}

/// What was recorded stays, and so do signed bytes unless others were signed after them.
fn compare(known: &mut BTreeMap<EpochId, EpochRow>, rows: &[EpochRow]) {
    for row in rows {
        if let Some(before) = known.insert(row.epoch, row.clone()) {
            assert!(
                before.vector.is_none() || before.vector == row.vector,
                "{before:?}\n{row:?}"
            );
            assert!(
                before.extrinsic.is_none()
                    || before.attempts < row.attempts
                    || before.extrinsic == row.extrinsic,
                "{before:?}\n{row:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_host_killed_in_any_state_submits_what_it_recorded_and_submits_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let (validator, miners) = (
        Keypair::generate().unwrap(),
        [1, 2].map(|n| Hotkey::from_bytes([n; 32])),
    );
    let devnet = devnet(&validator, &miners).await;
    let (state, key, config) = (
        dir.path().join("state"),
        dir.path().join("key.json"),
        dir.path().join("platform.toml"),
    );
    validator.write_new_file(&key).unwrap();
    let text = format!(
        "state_dir = {}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n[log]\njson = true\n\
         [chain]\nendpoint = \"{}\"\nnetuid = {NETUID}\nhotkey_file = {}\n[epoch]\nperiod_blocks = 10\npoll_ms = 10\n",
        json!(state),
        devnet.url(),
        json!(key),
    );
    std::fs::write(&config, text).unwrap();

    let (program, client) = start(&config, &state).await;
    let weights = json!({ miners[0].to_string(): 1 }).to_string();
    client
        .challenge_create(&new_challenge("echo", "echo", "50", &[("WEIGHTS", &weights)]))
        .await
        .unwrap();
    program.kill().await;

    // Random, and told so that a failure can be looked into.
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let (mut known, mut found) = (BTreeMap::new(), BTreeMap::<&str, u32>::new());
    for kill in 0..KILLS_MAX {
        let missing = |(_, state): &&(&str, EpochState)| !found.contains_key(state.as_str());
        let moment = match kill {
            0..KILLS => MOMENTS[kill % MOMENTS.len()].0,
            _ => match MOMENTS.iter().find(missing) {
                Some((moment, _)) => moment,
                None => break,
            },
        };
        let (mut program, _) = start(&config, &state).await;
        if moment == ARRIVED {
            let before = devnet.accepted_extrinsics().len();
            while devnet.accepted_extrinsics().len() == before {
                tokio::task::yield_now().await;
            }
        } else {
            program.logs(moment).await;
        }
        if kill / MOMENTS.len() % 2 == 1 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis((seed >> 33) % LATER_MS)).await;
        }
        program.kill().await;
        let rows = inspect(&state, miners[kill % 2]).await;
        compare(&mut known, &rows);
        *found.entry(rows[0].state.as_str()).or_default() += 1;
    }
    println!("found on the disk: {found:?}");
    for (_, state) in MOMENTS {
        assert!(
            found.contains_key(state.as_str()),
            "never killed {state}: {found:?}"
        );
    }

    // Left alone, it comes to an end of everything it began.
    let (mut program, _) = start(&config, &state).await;
    for _ in 0..3 {
        program.logs(FINALISED).await;
    }
    program.kill().await;
    let rows = inspect(&state, miners[0]).await;
    compare(&mut known, &rows);
    let accepted = devnet.accepted_extrinsics();
    for accepted in &accepted {
        let owner = |row: &&EpochRow| {
            row.extrinsic
                .as_ref()
                .is_some_and(|own| own.hash.0 == accepted.hash)
        };
        assert_eq!(
            rows.iter().filter(owner).count(),
            1,
            "every extrinsic that reached the chain is the recorded one of one epoch"
        );
    }
    let mut unique: Vec<_> = accepted.iter().map(|accepted| accepted.hash).collect();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), accepted.len(), "no extrinsic was included twice");
    for row in rows.iter().filter(|row| row.state == EpochState::Finalised) {
        let vector = row.vector.as_ref().unwrap();
        let recorded: Vec<_> = vector
            .uids
            .iter()
            .copied()
            .zip(vector.u16.iter().copied())
            .collect();
        assert_eq!(row.on_chain.as_ref(), Some(&recorded));
    }
    for row in rows.iter().filter(|row| row.state == EpochState::Failed) {
        // Too late for their epoch: the only failure that a kill may cause.
        let reason = row.reason.as_deref().unwrap_or_default();
        assert!(
            reason.starts_with("it was only") || reason.starts_with("its extrinsic was not included"),
            "{row:?}"
        );
    }
    let held = devnet.weights(NETUID, MechanismId(0), Uid(0));
    assert!(
        rows.iter().any(|row| row.on_chain.as_ref() == Some(&held)),
        "{held:?}"
    );
}

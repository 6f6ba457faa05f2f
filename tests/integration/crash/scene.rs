//! A test node that goes on, and a host that does not.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use platform_admin_types::Client;
use platform_devnet::{BeaconGenesis, Devnet};
use platform_domain::{Hotkey, PlainToken, Slug, UnixSeconds};
use platform_keys::Keypair;
use platform_store::{EpochRow, EpochState, JournalStep, Store, StoreError, challenges, epochs};
use platform_tests::{Program, new_challenge};
use serde_json::json;
use tempfile::TempDir;

use super::told;
use crate::epochs::{NETUID, devnet_config};

/// How the subnet takes weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// At once; epochs are counted by blocks.
    Plain,
    /// As commits that are revealed in the next epoch of the chain, by which epochs are counted.
    Sealed,
}

/// When the host is killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// When it logs this.
    Logged(&'static str),
    /// Not logged but seen at the node: the extrinsic has arrived, and the host does not know it yet.
    Arrived,
    /// At any time after its start.
    Any,
}

/// What is on the disk: every epoch with its journal, the newest first.
pub(super) type Ledger = Vec<(EpochRow, Vec<JournalStep>)>;

pub(super) struct Scene {
    pub(super) kind: Kind,
    pub(super) devnet: Devnet,
    pub(super) validator: Hotkey,
    miners: [Hotkey; 2],
    state: PathBuf,
    config: PathBuf,
    _dir: TempDir,
    random: u64,
    kills: usize,
    /// How often each state was the newest epoch's on the disk; a reveal counts also for the one before.
    found: HashMap<&'static str, u32>,
    known: BTreeMap<(String, u64), EpochRow>,
}

/// A kill that comes later comes up to so much later.
const LATER_MS: u64 = 40;
/// A kill at any moment comes so soon after the start: an epoch begins at least every other time.
const ANY_MS: u64 = 700;
/// The beacon's secret, which is none.
pub(super) const SEED: [u8; 32] = [7; 32];
/// Blocks of an epoch, of 50 ms each: as long as a host takes that is started anew in between.
const BLOCKS: u16 = 12;
/// The same where weights are sealed, which takes an unoptimised host a while.
const BLOCKS_SEALED: u16 = 30;

impl Scene {
    /// Starts the node, and registers a challenge on a host that is killed at once.
    pub(super) async fn begin(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (validator, miners) = (
            Keypair::generate().unwrap(),
            [1, 2].map(|n| Hotkey::from_bytes([n; 32])),
        );
        let mut config = devnet_config(&validator, &miners, |subnet| {
            subnet.tempo = BLOCKS_SEALED;
            subnet.commit_reveal = kind == Kind::Sealed;
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        config.beacon = Some(BeaconGenesis {
            seed: SEED,
            genesis: UnixSeconds(now.as_secs() - 1000),
            period: 1,
        });
        let devnet = Devnet::start(config).await.unwrap();
        let (state, key, config) = (
            dir.path().join("state"),
            dir.path().join("key.json"),
            dir.path().join("platform.toml"),
        );
        validator.write_new_file(&key).unwrap();
        let schedule = match kind {
            Kind::Plain => format!("every {BLOCKS} blocks"),
            Kind::Sealed => "tempo".to_owned(),
        };
        let beacon = devnet.beacon().unwrap();
        let text = format!(
            "state_dir = {}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n[log]\njson = true\n\
             [chain]\nendpoint = \"{}\"\nnetuid = {NETUID}\nhotkey_file = {}\n\
             beacon = {{ public_key = \"{}\", genesis = {}, period = 1 }}\n\
             [epoch]\nschedule = \"{schedule}\"\npoll_ms = 10\ncollect_seconds = 2\n",
            json!(state),
            devnet.url(),
            json!(key),
            beacon.public_key(),
            beacon.genesis(),
        );
        std::fs::write(&config, text).unwrap();
        // Random, and told so that a failure can be looked into.
        let random = now.as_nanos() as u64 | 1;
        println!("{kind:?}: seed {random}");
        let scene = Self {
            kind,
            devnet,
            validator: validator.hotkey(),
            miners,
            state,
            config,
            _dir: dir,
            random,
            kills: 0,
            found: HashMap::new(),
            known: BTreeMap::new(),
        };
        let program = scene.start().await;
        let token = std::fs::read_to_string(scene.state.join("admin.token")).unwrap();
        let admin = program.answer["admin"].as_str().unwrap();
        let client = Client::new(admin, PlainToken::from_text(&token)).unwrap();
        let weights = json!({ miners[0].to_string(): 1 }).to_string();
        let challenge = new_challenge("echo", "echo", "50", &[("WEIGHTS", &weights)]);
        client.challenge_create(&challenge).await.unwrap();
        program.kill().await;
        scene
    }

    async fn start(&self) -> Program {
        Program::start_logged(&["serve", "--config", self.config.to_str().unwrap()]).await
    }

    /// Starts the host, kills it, and looks at what it left.
    pub(super) async fn kill(&mut self, moment: Moment, later: bool) {
        let mut program = self.start().await;
        match moment {
            Moment::Logged(text) => program.logs(text).await,
            Moment::Arrived => {
                let before = self.devnet.accepted_extrinsics().len();
                while self.devnet.accepted_extrinsics().len() == before {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Moment::Any => self.wait(ANY_MS).await,
        }
        if later {
            self.wait(LATER_MS).await;
        }
        program.kill().await;
        let ledger = self.inspect().await;
        for (place, (row, _)) in ledger.iter().take(2).enumerate() {
            // A commit is revealed when the next epoch has begun.
            if place == 0 || row.state == EpochState::Revealed {
                *self.found.entry(row.state.as_str()).or_default() += 1;
            }
        }
    }

    async fn wait(&mut self, at_most_ms: u64) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis((self.random >> 33) % at_most_ms)).await;
    }

    /// What a dead host left, compared with what it left before. From now on the challenge gives everything to another miner:
    /// whoever computes or signs anew what is recorded comes to something else.
    async fn inspect(&mut self) -> Ledger {
        self.kills += 1;
        let store = Store::open(&self.state.join("host.sqlite3")).unwrap();
        let slug: Slug = "echo".parse().unwrap();
        let miner = self.miners[self.kills % 2];
        let weights = json!({ miner.to_string(): 1 }).to_string();
        let read = move |connection: &_| {
            let mut challenge = challenges::get(connection, &slug)?.expect("the registry is as it was");
            challenge.env.insert("WEIGHTS".to_owned(), weights);
            challenges::update(connection, &challenge)?;
            let rows = epochs::latest(connection, 10_000)?;
            rows.into_iter()
                .map(|row| Ok((row.clone(), epochs::journal(connection, &row.key())?)))
                .collect::<Result<Ledger, StoreError>>()
        };
        let ledger = store.write("inspect", read).await.unwrap();
        for (row, _) in &ledger {
            let key = (row.numbering.to_string(), row.epoch.0);
            if let Some(before) = self.known.insert(key, row.clone()) {
                told::compare(&before, row);
            }
        }
        ledger
    }

    pub(super) fn has_found(&self, state: EpochState) -> bool {
        self.found.contains_key(state.as_str())
    }

    pub(super) fn found_all(&self, states: impl IntoIterator<Item = EpochState>) {
        println!(
            "{:?}: {} kills, found on the disk: {:?}",
            self.kind, self.kills, self.found
        );
        for state in states {
            assert!(self.has_found(state), "never killed {state}: {:?}", self.found);
        }
    }

    /// Left alone, it comes to an end of everything it began.
    pub(super) async fn left_alone_until(&mut self, logged: &str, times: usize) {
        let mut program = self.start().await;
        for _ in 0..times {
            program.logs(logged).await;
        }
        program.kill().await;
    }

    pub(super) async fn check(&mut self) {
        let ledger = self.inspect().await;
        told::check(self, &ledger);
    }
}

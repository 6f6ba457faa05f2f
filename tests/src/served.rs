//! `platform serve` as a process, on a test node, with its log in a file: for what only a process of its own can
//! show, such as what it holds.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use platform_admin_types::{Client, CreateChallenge, Observed};
use platform_devnet::{Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{Netuid, PlainToken, Slug};
use platform_keys::Keypair;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Footprint, Program, RawAnswer, host::COMPILE_WALL_MS, raw};

/// The longest all starts may take: what is slow is compiling.
const PATIENCE: Duration = Duration::from_millis(COMPILE_WALL_MS);
const NETUID: Netuid = Netuid(3);

/// A running `platform serve`; ends when dropped.
pub struct Served {
    /// Speaks as the operator.
    pub admin: Client,
    /// `http://127.0.0.1:PORT` of the public listener.
    pub public: String,
    program: Program,
    dir: TempDir,
    _devnet: Devnet,
}

impl Served {
    /// Starts it as the only validator of a subnet; `more` is the rest of the configuration file.
    pub async fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        Self::start_logging_to(&log, dir, more).await
    }

    /// The same, with its log in this file.
    pub async fn start_logging_to(log: &Path, dir: TempDir, more: &str) -> Self {
        let validator = Keypair::generate().unwrap();
        let devnet = devnet(&validator).await;
        let (config, hotkey) = (dir.path().join("platform.toml"), dir.path().join("hotkey.json"));
        validator.write_new_file(&hotkey).unwrap();
        let text = format!(
            "state_dir = {:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
             [chain]\nendpoint = {:?}\nnetuid = {NETUID}\nhotkey_file = {hotkey:?}\n[log]\njson = true\n{more}",
            dir.path().join("state"),
            devnet.url(),
        );
        fs::write(&config, text).unwrap();
        let args = [
            "serve",
            "--schedule",
            "manual",
            "--config",
            config.to_str().unwrap(),
        ];
        let program = Program::start_logging_to(&args, log).await;
        let url = |field: &str| program.answer[field].as_str().unwrap().to_owned();
        let token = fs::read_to_string(dir.path().join("state/admin.token")).unwrap();
        Self {
            admin: Client::new(&url("admin"), PlainToken::from_text(&token)).unwrap(),
            public: url("public"),
            program,
            dir,
            _devnet: devnet,
        }
    }

    /// Registers challenges and waits until all of them run.
    pub async fn run_all(&self, challenges: impl IntoIterator<Item = CreateChallenge>) {
        let mut slugs = Vec::new();
        for new in challenges {
            self.admin.challenge_create(&new).await.unwrap();
            slugs.push(new.slug);
        }
        let all = async {
            for slug in &slugs {
                self.running(slug).await;
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .expect("the challenges run in time");
    }

    async fn running(&self, slug: &Slug) {
        loop {
            match self.admin.challenge_get(slug).await.unwrap().observed {
                Observed::Running { .. } => return,
                Observed::Failed { reason, .. } => panic!("{slug} failed: {reason}"),
                Observed::Starting { .. } | Observed::Stopped => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// One request on a connection of its own; `target` is the slug with a path.
    pub async fn send(&self, method: &str, target: &str) -> RawAnswer {
        let head = format!(
            "{method} /challenges/{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        raw(&self.public, head).await
    }

    /// What it holds now.
    pub fn footprint(&self) -> Footprint {
        Footprint::of(self.program.id(), &self.state()).unwrap()
    }

    /// What its file descriptors stand for, sorted, but for the image of each module's memory, which is made by
    /// the module's first call and kept.
    pub fn open_files(&self) -> Vec<String> {
        let dir = fs::read_dir(format!("/proc/{}/fd", self.program.id())).unwrap();
        let target = |entry: fs::DirEntry| fs::read_link(entry.path()).ok();
        let mut files: Vec<_> = dir
            .flatten()
            .filter_map(target)
            .map(|target| target.display().to_string())
            .filter(|target| !target.contains("wasm-memory-image"))
            .collect();
        files.sort();
        files
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The lines of its log so far.
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.path().join("log")).unwrap();
        // The last line may not be whole.
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The file of the log.
    pub fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

async fn devnet(validator: &Keypair) -> Devnet {
    let validator = NeuronGenesis {
        hotkey: validator.hotkey(),
        stake: 1_000_000_000_000,
        validator_permit: true,
    };
    let subnet = SubnetGenesis {
        netuid: NETUID,
        owner: validator.hotkey,
        neurons: vec![validator],
        ..SubnetGenesis::default()
    };
    let config = DevnetConfig {
        block_time: Some(Duration::from_secs(1)),
        genesis: Genesis {
            subnets: vec![subnet],
            ..Genesis::default()
        },
        ..DevnetConfig::default()
    };
    Devnet::start(config).await.unwrap()
}

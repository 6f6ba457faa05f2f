//! A host in this process.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use platform_admin_types::{Client, CreateChallenge, Observed};
use platform_devnet::Devnet;
use platform_domain::{EmissionPercent, Netuid, PlainToken, Slug, Status};
use platform_host::{app::App, settings::Config};
use platform_keys::Keypair;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What compiling may take in tests: it gives way to everything else on the machine, in an unoptimised build.
pub(crate) const COMPILE_WALL_MS: u64 = 600_000;
/// The longest anything here may take: compiling Python.
const PATIENCE: Duration = Duration::from_millis(COMPILE_WALL_MS);

/// What a host is started with.
pub struct HostBuilder {
    dir: TempDir,
    /// Changed at will before the start.
    pub config: Config,
}

/// A running host, its directory and its operator's client. Ends when dropped.
pub struct TestHost {
    /// Speaks as the operator.
    pub admin: Client,
    /// `http://127.0.0.1:PORT` of the private listener.
    pub admin_url: String,
    /// `http://127.0.0.1:PORT` of the public listener.
    pub public: String,
    dir: TempDir,
    config: Config,
    stop: CancellationToken,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Default for HostBuilder {
    fn default() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            state_dir: dir.path().join("state"),
            ..Config::default()
        };
        config.admin.listen.set_port(0);
        config.public.listen.set_port(0);
        config.epoch.schedule = "manual".parse().unwrap();
        config.epoch.poll_ms = 20;
        config.limits.compile_wall_ms = COMPILE_WALL_MS;
        Self { dir, config }
    }
}

impl HostBuilder {
    /// Connects the host to a test node, as the validator that `key` is.
    pub fn on(mut self, devnet: &Devnet, netuid: Netuid, key: &Keypair) -> Self {
        let file = self.dir.path().join("hotkey.json");
        key.write_new_file(&file).unwrap();
        self.config.chain.endpoint = Some(devnet.url());
        self.config.chain.netuid = netuid;
        self.config.chain.hotkey_file = Some(file);
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestHost {
        let Self { dir, config } = self;
        let mut host = TestHost {
            admin: Client::new("http://127.0.0.1:1", PlainToken::from_text("not yet")).unwrap(),
            admin_url: String::new(),
            public: String::new(),
            dir,
            config,
            stop: CancellationToken::new(),
            running: None,
        };
        host.run().await;
        host
    }
}

impl TestHost {
    /// A host with nothing configured.
    pub async fn start() -> Self {
        HostBuilder::default().start().await
    }

    async fn run(&mut self) {
        self.stop = CancellationToken::new();
        let App { admin, public, tasks } = Box::pin(App::start(
            self.config.clone(),
            crate::compiler(),
            self.stop.clone(),
        ))
        .await
        .unwrap();
        let token = std::fs::read_to_string(self.config.token_file()).unwrap();
        self.admin_url = format!("http://{admin}");
        self.public = format!("http://{public}");
        self.admin = Client::new(&self.admin_url, PlainToken::from_text(&token)).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "joined by `stop`, aborted with the runtime"
        )]
        let running = tokio::spawn(tasks.run());
        self.running = Some(running);
    }

    /// Stops it in order, as SIGTERM does.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap().unwrap();
        }
    }

    /// Changes what the next start is given.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Starts it again after [`TestHost::stop`].
    pub async fn start_again(&mut self) {
        self.run().await;
    }

    /// Stops it and starts it on the same directory.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// A place for a test's own files, gone with the host.
    pub fn scratch(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The admin token.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.config.token_file())
            .unwrap()
            .trim()
            .to_owned()
    }

    /// Registers a built guest under its own file, active, and waits until it runs.
    pub async fn run_guest(&self, slug: &str, guest: &str, emission: &str, env: &[(&str, &str)]) {
        self.admin
            .challenge_create(&new_challenge(slug, guest, emission, env))
            .await
            .unwrap();
        self.running(slug).await;
    }

    /// Waits until a challenge runs.
    pub async fn running(&self, slug: &str) {
        until_running(&self.admin, slug).await;
    }

    /// The URL of a path inside a challenge.
    pub fn url(&self, slug: &str, path: &str) -> String {
        format!("{}/challenges/{slug}{path}", self.public)
    }
}

/// Waits until a challenge of a host runs.
pub async fn until_running(admin: &Client, slug: &str) {
    let slug: Slug = slug.parse().unwrap();
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            match admin.challenge_get(&slug).await.unwrap().observed {
                Observed::Running { .. } => return,
                Observed::Failed { reason, .. } => panic!("{slug} failed: {reason}"),
                Observed::Stopped | Observed::Starting { .. } => {
                    tokio::time::sleep(Duration::from_millis(10)).await
                }
            }
        }
    });
    seen.await.expect("the challenge runs in time");
}

/// A create request for a built guest, active at once.
pub fn new_challenge(slug: &str, guest: &str, emission: &str, env: &[(&str, &str)]) -> CreateChallenge {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let env: BTreeMap<_, _> = env.iter().map(pair).collect();
    let emission: EmissionPercent = emission.parse().unwrap();
    let component = format!("file:{}", crate::guest(guest).display());
    let new = serde_json::json!({
        "slug": slug, "component": component, "emission_percent": emission, "status": Status::Active, "env": env,
    });
    serde_json::from_value(new).unwrap()
}

//! The host as operators run it: the program `platform serve`, in a process of its own, with its own defaults.
//! Nothing of a chain is configured, so it serves miners and begins no epochs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use platform_admin_types::{Client, CreateChallenge, Observed};
use platform_domain::{PlainToken, Slug};
use platform_tests::Program;
use serde_json::json;

/// A running host. Ends when dropped, as a power cut ends it.
pub(crate) struct Served {
    /// Speaks as the operator.
    pub(crate) admin: Client,
    /// `http://127.0.0.1:PORT` of the public listener.
    pub(crate) public: String,
    program: Program,
}

/// Where a host keeps what it has.
pub(crate) fn state(dir: &Path) -> PathBuf {
    dir.join("state")
}

/// A challenge that listens at this address already. Nothing is fetched of its image.
pub(crate) fn container(slug: &str, address: &str) -> Result<CreateChallenge> {
    let new = json!({
        "slug": slug, "image": "registry.example/bench:1", "status": "active",
        // As much as a signed body may have in any case.
        "serving": { "address": address, "max_body": "64MiB" },
    });
    Ok(serde_json::from_value(new)?)
}

/// Resident memory of a process, in MB of a million bytes.
pub(crate) fn resident_mb(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let kib: f64 = kib.context("no line for the memory")?.trim().parse()?;
    Ok(kib * 1024.0 / 1e6)
}

impl Served {
    /// Starts with its state in [`state`] of this directory and its log beside it; `more` are further arguments.
    pub(crate) async fn start(dir: &Path, more: &[&str]) -> Result<Self> {
        let state = state(dir);
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
        let program = Program::start_logging_to(&[&args, more].concat(), &dir.join("log")).await;
        let url = |field: &str| program.answer.get(field).and_then(|url| url.as_str());
        let token = fs::read_to_string(state.join("admin.token"))?;
        Ok(Self {
            admin: Client::new(
                url("admin").context("no address of the admin API")?,
                PlainToken::from_text(&token),
            )?,
            public: url("public").context("no public address")?.to_owned(),
            program,
        })
    }

    /// The same, with a configuration.
    pub(crate) async fn configured(dir: &Path, config: &str) -> Result<Self> {
        let file = dir.join("platform.toml");
        fs::write(&file, config)?;
        Self::start(dir, &["--config", &file.display().to_string()]).await
    }

    /// Waits until all of these run. Asking costs the host something too, so it is asked seldom in proportion.
    pub(crate) async fn running(&self, slugs: &[Slug]) -> Result<()> {
        let started = tokio::time::Instant::now();
        loop {
            let seen = self.admin.status().await?.challenges;
            let mut all = true;
            for slug in slugs {
                match seen.get(slug).map(|status| &status.observed) {
                    Some(Observed::Running { .. }) => {}
                    Some(Observed::Failed { reason, .. }) => bail!("{slug} failed: {reason}"),
                    _ => all = false,
                }
            }
            if all {
                return Ok(());
            }
            tokio::time::sleep((started.elapsed() / 50).max(Duration::from_millis(1))).await;
        }
    }

    /// The URL of a path inside a challenge.
    pub(crate) fn url(&self, slug: &Slug, path: &str) -> String {
        format!("{}/challenges/{slug}{path}", self.public)
    }

    /// Resident memory of the process, in MB of a million bytes.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        resident_mb(self.program.id())
    }

    /// The time its threads have computed so far.
    pub(crate) fn computed(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.id()))?;
        // The name, in brackets, may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("no name in the statistics")?;
        let mut times = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        let (Some(Ok(user)), Some(Ok(system))) = (times.next(), times.next()) else {
            bail!("no times in the statistics");
        };
        let ticks = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_millis((user + system) * 1000 / ticks))
    }

    /// Ends it at once and waits for its end.
    pub(crate) async fn kill(self) {
        self.program.kill().await;
    }
}

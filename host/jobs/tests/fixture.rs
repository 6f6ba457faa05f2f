//! One engine for all tests, and for each test a host of its own on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use platform_docker::{Engine, Kind, State};
use platform_domain::{
    Artifact, Capability, Challenge, DataMode, FailureRule, Instances, PlainToken, Resources, Slug, Status,
    TaskName, UnixSeconds,
};
use platform_fleet::Engines;
use platform_jobs::{AskedLimits, ImageRules, JobInput, JobNetwork, JobRequest, JobResult, Jobs, JobsConfig};
use platform_oci::Registries;
use platform_store::{Store, StoreError, challenges};
use tempfile::TempDir;

use crate::engine::{TestEngine, gpu_container};

pub(crate) const IMAGE: &str = "test.local/jobs/gpu-container:1";
/// The longest that a test waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A host with two challenges, `own` and `other`, which are containers.
pub(crate) struct Host {
    pub(crate) jobs: Jobs,
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) config: JobsConfig,
    pub(crate) dir: TempDir,
}

pub(crate) fn shared() -> &'static TestEngine {
    static SHARED: OnceLock<TestEngine> = OnceLock::new();
    SHARED.get_or_init(|| {
        let engine = TestEngine::start();
        engine.import(program(), &["ENTRYPOINT [\"/gpu-container\"]"], IMAGE);
        engine
    })
}

pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<std::path::PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .parent()
            .unwrap();
        gpu_container(repository, Path::new(env!("CARGO_TARGET_TMPDIR")))
    })
}

pub(crate) fn own() -> Slug {
    "own".parse().unwrap()
}

pub(crate) fn other() -> Slug {
    "other".parse().unwrap()
}

/// What every test may run, for an owner of its own.
pub(crate) fn config() -> JobsConfig {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let owner = format!("jobs-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let rules = ImageRules::new(vec!["test.local/jobs".parse().unwrap()]);
    JobsConfig::new(owner.parse().unwrap(), rules)
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub(crate) async fn start_with(config: JobsConfig) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config).await
    }

    /// In a directory that another host may have used.
    pub(crate) async fn start_in(dir: TempDir, config: JobsConfig) -> Self {
        Self::start_as(dir, config, Registries::default()).await
    }

    /// Whose images are fetched by these users.
    pub(crate) async fn start_as(dir: TempDir, config: JobsConfig, registries: Registries) -> Self {
        let store = Store::open(&dir.path().join("host.sqlite3")).unwrap();
        for slug in [own(), other()] {
            let insert =
                move |connection: &platform_store::Connection| match challenges::get(connection, &slug)? {
                    None => challenges::insert(connection, &challenge(&slug)),
                    Some(_) => Ok(()),
                };
            store.write("test", insert).await.unwrap();
        }
        let endpoint = shared().endpoint.parse().unwrap();
        let engines = Engines::new(store.clone(), dir.path().join("key"), Some(&endpoint)).unwrap();
        let engine = engines.local().unwrap().clone();
        Self {
            jobs: Jobs::new(store.clone(), engines, registries, config.clone()),
            store,
            engine,
            config,
            dir,
        }
    }

    pub(crate) async fn run(&self, request: JobRequest) -> JobResult {
        self.jobs.run(&own(), request).await.unwrap()
    }

    pub(crate) async fn change(&self, slug: Slug, change: impl FnOnce(&mut Challenge) + Send + 'static) {
        let write = move |connection: &platform_store::Connection| {
            let mut record = challenges::get(connection, &slug)?.unwrap();
            change(&mut record);
            challenges::update(connection, &record)?;
            Ok::<_, StoreError>(())
        };
        self.store.write("test", write).await.unwrap();
    }

    /// Waits until so many containers of jobs run.
    pub(crate) async fn until_running(&self, count: usize) -> Vec<String> {
        let waiting = async {
            loop {
                let mut running = Vec::new();
                for name in self.engine.list(&self.config.owner, Kind::Job).await.unwrap() {
                    // It may have gone since.
                    if let Ok(seen) = self.engine.inspect(&name).await
                        && seen.state == State::Running
                    {
                        running.push(name);
                    }
                }
                if running.len() == count {
                    return running;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap()
    }

    /// Neither containers nor volumes nor networks.
    pub(crate) fn nothing_is_left(&self) {
        let label = format!("label=platform.owner={}", self.config.owner);
        for what in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
            let left = shared().docker(&[what, &["--filter", &label, "--quiet"]].concat());
            assert_eq!(left, "", "{what:?}");
        }
    }
}

pub(crate) fn token(slug: &Slug) -> PlainToken {
    PlainToken::from_text(&format!("plt_the_token_of_{slug}"))
}

fn challenge(slug: &Slug) -> Challenge {
    Challenge {
        slug: slug.clone(),
        name: slug.to_string(),
        artifact: Artifact::Image("test.local/challenge:1".parse().unwrap()),
        version: "1.0.0".into(),
        emission_percent: "0".parse().unwrap(),
        on_failure: FailureRule::ZERO,
        serving: Default::default(),
        status: Status::Active,
        capabilities: BTreeSet::from(Capability::ALL),
        data: DataMode::None,
        instances: Instances::PerCall,
        grants: BTreeSet::new(),
        outbound: BTreeSet::new(),
        trust: None,
        follow: false,
        fallback: None,
        loosened: BTreeSet::new(),
        resources: Resources::default(),
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        secrets: BTreeSet::new(),
        description: None,
        metadata: Default::default(),
        token_hash: token(slug).hash(),
        token_hint: token(slug).hint(),
        created_at: UnixSeconds(1),
        updated_at: UnixSeconds(1),
    }
}

/// A job of the example's program.
pub(crate) fn asks(job: &str, words: &[&str]) -> JobRequest {
    JobRequest {
        job: job.parse().unwrap(),
        task: TaskName::default(),
        image: IMAGE.parse().unwrap(),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        workdir: None,
        env: BTreeMap::new(),
        labels: BTreeMap::new(),
        limits: AskedLimits::default(),
        gpus: None,
        network: JobNetwork::None,
        inputs: Vec::new(),
        timeout_seconds: Some(60),
    }
}

/// One whose output is never the same again.
pub(crate) fn unlike_any(job: &str) -> JobRequest {
    asks(job, &["show", "/proc/sys/kernel/random/uuid"])
}

pub(crate) fn packed(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    build(&mut tar);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn file(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    // As it is, where the library would refuse it.
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

pub(crate) fn input(target: &str, tar_gz: Vec<u8>) -> JobInput {
    let target = target.parse().unwrap();
    JobInput { tar_gz, target }
}

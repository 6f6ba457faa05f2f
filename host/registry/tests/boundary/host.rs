//! A registry with its reconciler, and components to register.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use platform_domain::{EmissionPercent, Resources, Slug, Status, TrustPolicy};
use platform_fleet::{Engines, Fleet, READY_TIME};
use platform_oci::{ContentStore, Registries};
use platform_registry::{NewChallenge, Observed, Parts, Reconciler, Registry, Source, build};
use platform_runtime::{BreakerPolicy, RouteReader, metagraph_channel, route_channel};
use platform_store::Store;
use platform_wasm::{CompilerProgram, Engine, EngineConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::beside::platform;

/// The longest a test waits for the reconciler.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Host {
    pub(crate) registry: Registry,
    pub(crate) routes: RouteReader,
    pub(crate) store: Store,
    pub(crate) dir: TempDir,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(dir: TempDir) -> Self {
        let host = Self::begin_in(dir);
        host.registry.started().await;
        host
    }

    /// Starts it and does not wait for what it starts.
    pub(crate) fn begin_in(dir: TempDir) -> Self {
        let store = Store::open(&dir.path().join("registry.sqlite3")).unwrap();
        let (publisher, routes) = route_channel();
        let engines = Engines::new(store.clone(), dir.path().join("secrets.key"), None).unwrap();
        let fleet = Fleet::new(
            store.clone(),
            engines,
            "of-a-test".parse().unwrap(),
            READY_TIME,
            None,
        );
        let parts = Parts {
            fleet,
            registries: Registries::default(),
            executor: Default::default(),
            keep_images: 3,
            store: store.clone(),
            content: ContentStore::open(&dir.path().join("content")).unwrap(),
            trust: TrustPolicy::Any,
            engine: Engine::new(EngineConfig::new(dir.path().join("cache"), compiler())).unwrap(),
            state_dir: dir.path().join("state"),
            key_file: dir.path().join("secrets.key"),
            metagraph: metagraph_channel().1,
            routes: publisher,
            breaker: BreakerPolicy::default(),
        };
        let (registry, reconciler) = build(parts);
        let stop = CancellationToken::new();
        let running = spawn(reconciler, stop.clone());
        Self {
            registry,
            routes,
            store,
            dir,
            stop,
            running,
        }
    }

    /// The same directory with a new process's eyes.
    pub(crate) async fn restart(self) -> Self {
        Self::start_in(self.stop().await).await
    }

    /// The same, and all compiled code is gone, as after an upgrade.
    pub(crate) async fn restart_without_code(self) -> Self {
        let dir = self.stop().await;
        fs::remove_dir_all(dir.path().join("cache")).unwrap();
        Self::start_in(dir).await
    }

    /// Ends it; its directory stays.
    pub(crate) async fn stop(self) -> TempDir {
        let Self {
            registry,
            routes,
            store,
            dir,
            stop,
            running,
        } = self;
        stop.cancel();
        running.await.unwrap();
        drop((registry, routes, store));
        dir
    }

    /// Writes a component file and returns its reference.
    pub(crate) fn component(&self, name: &str, component: &[u8]) -> Source {
        let path = self.dir.path().join(name);
        fs::write(&path, component).unwrap();
        Source::Component(format!("file:{}", path.display()).parse().unwrap())
    }

    /// A challenge of the whole contract, not yet registered.
    pub(crate) fn echo(&self, slug: &str) -> NewChallenge {
        new(slug, self.component(&format!("{slug}.wasm"), &whole("")))
    }

    pub(crate) fn state(&self, slug: &str) -> PathBuf {
        self.dir.path().join("state/challenges").join(slug)
    }

    /// Waits until the reconciler sees something of a challenge.
    pub(crate) async fn wait_for(&self, slug: &Slug, condition: impl Fn(&Observed) -> bool) {
        let mut routes = self.routes.clone();
        let seen = async {
            while !condition(&self.registry.observed(slug)) {
                routes.changed().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap();
    }
}

fn spawn(reconciler: Reconciler, stop: CancellationToken) -> JoinHandle<()> {
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(reconciler.run(stop))
}

fn compiler() -> CompilerProgram {
    CompilerProgram {
        program: platform(),
        arguments: vec!["compile-worker".to_owned()],
    }
}

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

pub(crate) fn new(name: &str, source: Source) -> NewChallenge {
    NewChallenge {
        slug: slug(name),
        source,
        fallback: None,
        name: None,
        version: None,
        emission_percent: EmissionPercent::default(),
        on_failure: Default::default(),
        serving: Default::default(),
        status: Status::Draft,
        capabilities: None,
        data: None,
        instances: None,
        grants: None,
        trust: None,
        follow: false,
        loosened: Default::default(),
        outbound: BTreeSet::new(),
        resources: Resources::default(),
        volumes: Default::default(),
        env: Default::default(),
        secrets: BTreeSet::new(),
        description: None,
        metadata: Default::default(),
    }
}

/// A component of the whole contract; `manifest` is its JSON, or nothing.
pub(crate) fn whole(manifest: &str) -> Vec<u8> {
    let section = match manifest {
        "" => String::new(),
        json => format!(
            "(@custom \"platform:manifest\" \"{}\")",
            json.replace('"', "\\\"")
        ),
    };
    wat::parse_str(include_str!("../../fixtures/whole.wat").replace(";; MANIFEST", &section)).unwrap()
}

/// A component of the whole contract that takes a while to compile.
pub(crate) fn heavy() -> Vec<u8> {
    let body = "local.get 0 i64.popcnt local.set 0 ".repeat(60);
    let function = format!("(func (param i64) (result i64) {body} local.get 0)");
    let memory = "(memory (export \"memory\") 1)";
    let text = include_str!("../../fixtures/whole.wat");
    wat::parse_str(text.replace(memory, &(memory.to_owned() + &function.repeat(1500)))).unwrap()
}

/// A component that passes for a challenge and does not link.
pub(crate) fn misfit() -> Vec<u8> {
    wat::parse_str(include_str!("../../fixtures/misfit.wat")).unwrap()
}

pub(crate) fn files(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

//! One engine for all tests, and for each a host of its own on it.

use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use platform_docker::{Engine, Owner};
use platform_domain::{
    Artifact, Capability, Challenge, DataMode, EngineEndpoint, GpuServer, Instances, PlainToken, Slug,
    Status, UnixSeconds,
};
use platform_fleet::{Engines, Fleet, RelayImage, Wish};
use platform_store::{Store, challenges, gpu_servers};
use tempfile::TempDir;

use crate::engine::{Filter, TestEngine, gpu_container};

pub(crate) const IMAGE: &str = "test.local/gpu-container:1";
/// The same program under another digest.
pub(crate) const OTHER_IMAGE: &str = "test.local/gpu-container:2";
/// Long for a machine, short for a person.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The engine of all tests. It ends after this process.
pub(crate) fn shared() -> &'static TestEngine {
    static SHARED: OnceLock<TestEngine> = OnceLock::new();
    SHARED.get_or_init(|| {
        // Everything on it is reached from its machine. The one with a packet filter is in `relays`.
        let engine = TestEngine::start_with(Filter::None, &[]);
        import(&engine);
        engine
    })
}

/// Two more that believe that they have GPUs, however many are asked for.
pub(crate) fn gpu_engines() -> &'static [TestEngine; 2] {
    static SHARED: OnceLock<[TestEngine; 2]> = OnceLock::new();
    SHARED.get_or_init(|| {
        [(), ()].map(|()| {
            let engine = TestEngine::start_with_hook(Filter::None, &[]);
            import(&engine);
            engine
        })
    })
}

/// Both images.
pub(crate) fn import(engine: &TestEngine) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .parent()
        .unwrap();
    let program = gpu_container(repository, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let usual = ["ENTRYPOINT [\"/gpu-container\"]", "EXPOSE 8000", "USER 1000:1000"];
    engine.import(&program, &usual, IMAGE);
    engine.import(
        &program,
        &[&usual[..], &["LABEL another=1"]].concat(),
        OTHER_IMAGE,
    );
}

/// A host: its database and its fleet.
pub(crate) struct Scene {
    pub(crate) fleet: Fleet,
    pub(crate) store: Store,
    pub(crate) owner: Owner,
    pub(crate) slug: Slug,
    dir: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("platform.sqlite3")).unwrap();
        let owner: Owner = format!("{number:04}host-of-tests").parse().unwrap();
        let endpoint = shared().endpoint.parse().unwrap();
        let fleet = fleet(&store, &owner, dir.path(), Some(&endpoint), None);
        let slug = format!("slug-{number}").parse().unwrap();
        Self {
            fleet,
            store,
            owner,
            slug,
            dir,
        }
    }

    /// The same host after a restart.
    pub(crate) fn again(&mut self) {
        let endpoint = shared().endpoint.parse().unwrap();
        self.fleet = fleet(&self.store, &self.owner, self.dir.path(), Some(&endpoint), None);
    }

    /// The same host without an engine of its own, and with such relays to those of others, after a restart.
    pub(crate) fn elsewhere(&mut self, relays: Option<&str>) {
        self.fleet = fleet(&self.store, &self.owner, self.dir.path(), None, relays);
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key")
    }

    pub(crate) fn wish(&self) -> Wish {
        Wish {
            slug: self.slug.clone(),
            image: IMAGE.parse().unwrap(),
            version: String::new(),
            capabilities: Capability::USUAL.into(),
            env: Default::default(),
            secrets: Vec::new(),
            pull_as: None,
            token: PlainToken::from_text("plt_of_a_test_and_nothing_else"),
            data: true,
            volumes: Default::default(),
            resources: Default::default(),
            loosened: Default::default(),
        }
    }

    /// Where an engine is for this host: a path of its own, which can be taken away.
    pub(crate) fn way(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.fleet.engines().local().unwrap()
    }

    /// What the engine lists of this host: `container ls --all`, `network ls`, `volume ls` and others.
    pub(crate) fn listed(&self, what: &str) -> Vec<String> {
        self.listed_on(shared(), what)
    }

    pub(crate) fn listed_on(&self, engine: &TestEngine, what: &str) -> Vec<String> {
        let label = format!("label=platform.owner={}", self.owner);
        let format = if what == "container" {
            "{{.Names}}"
        } else {
            "{{.Name}}"
        };
        let mut args = vec![what, "ls", "--filter", &label, "--format", format];
        args.extend((what == "container").then_some("--all"));
        let all = engine.docker(&args);
        all.lines().map(str::to_owned).collect()
    }
}

/// The record of the challenge, which holds leases; and a server with these GPUs, whose engine is there.
pub(crate) async fn registered(scene: &Scene, server: &str, endpoint: &str) {
    challenge(scene, &scene.slug).await;
    server_of(scene, server, endpoint, "a100:2").await;
}

/// The record of a challenge.
pub(crate) async fn challenge(scene: &Scene, slug: &Slug) {
    let token = PlainToken::from_text("plt_of_a_test_and_nothing_else");
    let record = Challenge {
        slug: slug.clone(),
        name: "GPU".into(),
        artifact: Artifact::Image(IMAGE.parse().unwrap()),
        fallback: None,
        version: "1.0.0".into(),
        emission_percent: Default::default(),
        on_failure: Default::default(),
        serving: Default::default(),
        status: Status::Active,
        capabilities: Capability::ALL.into(),
        data: DataMode::Exclusive,
        instances: Instances::default(),
        grants: Default::default(),
        outbound: Default::default(),
        trust: None,
        follow: false,
        loosened: Default::default(),
        resources: Default::default(),
        volumes: Default::default(),
        env: Default::default(),
        secrets: Default::default(),
        description: None,
        metadata: Default::default(),
        token_hash: token.hash(),
        token_hint: token.hint(),
        created_at: UnixSeconds(1),
        updated_at: UnixSeconds(1),
    };
    let written = scene.store.write("test", move |connection| {
        match challenges::get(connection, &record.slug)? {
            None => challenges::insert(connection, &record),
            Some(_) => Ok(()),
        }
    });
    written.await.unwrap();
}

/// The record of a server.
pub(crate) async fn server_of(scene: &Scene, server: &str, endpoint: &str, gpus: &str) {
    let server = GpuServer {
        id: server.parse().unwrap(),
        endpoint: endpoint.parse().unwrap(),
        labels: Default::default(),
        gpus: gpus.parse().unwrap(),
        lease: Default::default(),
        enabled: true,
        description: None,
        created_at: UnixSeconds(1),
        updated_at: UnixSeconds(1),
    };
    let written = scene
        .store
        .write("test", move |connection| gpu_servers::insert(connection, &server));
    written.await.unwrap();
}

fn fleet(
    store: &Store,
    owner: &Owner,
    dir: &Path,
    endpoint: Option<&EngineEndpoint>,
    relays: Option<&str>,
) -> Fleet {
    let engines = Engines::new(store.clone(), dir.join("key"), endpoint).unwrap();
    let relays = relays.map(|image| RelayImage {
        reference: image.parse().unwrap(),
        pull_as: None,
    });
    Fleet::new(
        store.clone(),
        engines,
        owner.clone(),
        Duration::from_secs(5),
        relays,
    )
}

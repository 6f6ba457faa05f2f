//! An engine over a directory of its own, and values to call with.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use platform_domain::{
    BlockHash, BlockNumber, ByteSize, Digest, EpochContext, EpochId, Instances, Metagraph, Netuid, Neuron,
    Request, UnixSeconds,
};
use platform_wasm::{
    CallError, CompilerProgram, ComponentError, Engine, EngineConfig, Limits, Network, Program, ProgramSpec,
};
use tempfile::TempDir;
use tokio::sync::watch;

/// Long enough for a busy machine, short enough for a test that waits for it.
pub(crate) const DEADLINE: Duration = Duration::from_millis(300);

pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) dir: TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A host whose limits were changed.
    pub(crate) fn with(change: impl FnOnce(&mut Limits)) -> Self {
        Self::in_world(Network::default(), change)
    }

    /// One whose network is not the world's, either.
    pub(crate) fn in_world(network: Network, change: impl FnOnce(&mut Limits)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path().join("code"));
        config.network = network;
        // Compiling gives way to everything else on the machine, in an unoptimised build.
        config.limits.compile_wall_ms = 600_000;
        change(&mut config.limits);
        let engine = Engine::new(config).unwrap();
        Self { engine, dir }
    }

    pub(crate) fn cache_dir(&self) -> PathBuf {
        self.dir.path().join("code")
    }

    pub(crate) async fn load(&self, component: Bytes) -> Program {
        let spec = spec(&component);
        self.engine.load(component, spec).await.unwrap()
    }

    /// Why it cannot be loaded.
    pub(crate) async fn refusal(&self, component: Bytes) -> ComponentError {
        let spec = spec(&component);
        let loaded = self.engine.load(component, spec).await;
        loaded.err().expect("it is refused")
    }

    /// With `/data`, so that calls take turns.
    pub(crate) async fn load_with_data(&self, component: Bytes) -> Program {
        let mut spec = spec(&component);
        spec.data_dir = Some(self.dir.path().join("state/data"));
        self.engine.load(component, spec).await.unwrap()
    }
}

pub(crate) fn config(cache_dir: PathBuf) -> EngineConfig {
    let compiler = CompilerProgram {
        program: env!("CARGO_BIN_EXE_compile-worker").into(),
        arguments: Vec::new(),
    };
    let mut config = EngineConfig::new(cache_dir, compiler);
    config.limits.concurrent_routes = 8;
    config.limits.memory_max = ByteSize(256 << 20);
    config
}

pub(crate) fn spec(component: &[u8]) -> ProgramSpec {
    ProgramSpec {
        slug: "fixture".parse().unwrap(),
        digest: Digest::of(component),
        data_dir: None,
        env: BTreeMap::new(),
        instances: Instances::PerCall,
        memory: ByteSize(64 << 20),
        disk: ByteSize(1 << 30),
        grants: BTreeSet::new(),
        outbound: BTreeSet::new(),
        secrets: Vec::new(),
        state: None,
        metagraph: watch::channel(None).1,
        start: platform_wasm::Start::Live,
        route_deadline: DEADLINE,
        weights_deadline: DEADLINE * 20,
    }
}

pub(crate) fn get(path: &str) -> Request {
    Request {
        id: "r1".into(),
        method: "GET".into(),
        path: path.into(),
        query: Some("a=b".into()),
        headers: vec![
            ("accept".into(), Bytes::from_static(b"*/*")),
            ("x".into(), Bytes::from_static(b"\xff")),
        ],
        body: Bytes::from_static(b"body"),
        caller: None,
    }
}

/// The fixture answers with this many weights.
pub(crate) fn epoch(number: u64) -> EpochContext {
    EpochContext {
        epoch: EpochId(number),
        metagraph: subnet(100, vec![]),
        unix_seconds: UnixSeconds(1_700_000_000),
    }
}

/// A subnet at a block.
pub(crate) fn subnet(block: u64, neurons: Vec<Neuron>) -> Arc<Metagraph> {
    let at = (BlockNumber(block), BlockHash([7; 32]));
    let owner = neurons.first().map(|neuron| neuron.hotkey);
    Arc::new(Metagraph::new(Netuid(1), at, owner, neurons))
}

/// The body of an answer as text, or the error in the operator's words.
pub(crate) async fn ask(program: &Program, path: &str) -> Result<String, CallError> {
    let answer = program.handle_route(get(path)).await?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

/// A guest that `cargo xtask guests` has built.
pub(crate) fn built(name: &str) -> Bytes {
    let dir = std::env::var_os("PLATFORM_GUESTS").map_or_else(beside_this_test, PathBuf::from);
    let file = dir.join(format!("{name}.wasm"));
    let bytes = std::fs::read(&file);
    bytes
        .unwrap_or_else(|_| panic!("{} is missing; run: cargo xtask guests", file.display()))
        .into()
}

/// In the folder in which cargo put this very test, below `debug/deps` or the like.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("guests")
}

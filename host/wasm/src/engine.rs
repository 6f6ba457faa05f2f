//! Compiles, links and hands out programs.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use platform_domain::Digest;
use tokio::task::spawn_blocking;
use wasmtime::component::Component;

use crate::{
    ComponentError, EngineError, Limits, Needs, Program, ProgramSpec, cache::CodeCache, data_dir::DataDirs,
    inspect, limits::count, memory::HostMemory, pool::WarmRoom, runner::Runner, stage::Back, wire::Contract,
};

/// How much of the machine components may use.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where compiled code is kept. Made with mode 0700; nobody but this host may write to it.
    pub cache_dir: PathBuf,
    /// What challenges and their calls may use.
    pub limits: Limits,
}

/// Runs components. Clones are the same engine; its clock stops when the last clone and program are gone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) limits: Arc<Limits>,
    runners: [Arc<Runner>; 2],
    cache: CodeCache,
    pub(crate) data_dirs: DataDirs,
    pub(crate) memory: HostMemory,
    pub(crate) warm: WarmRoom,
    pub(crate) back: Arc<Back>,
    /// One compilation at a time: each uses every core already.
    compiler: Mutex<()>,
}

impl EngineConfig {
    /// With the usual limits, which suit a small machine.
    pub fn new(cache_dir: PathBuf) -> Self {
        Self {
            cache_dir,
            limits: Limits::default(),
        }
    }
}

impl Engine {
    /// Starts an engine. Blocks on the disk.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let EngineConfig { cache_dir, limits } = config;
        limits.check().map_err(EngineError::Limits)?;
        let cache = CodeCache::open(&cache_dir).map_err(|source| EngineError::Cache {
            path: cache_dir,
            source,
        })?;
        let limits = Arc::new(limits);
        Ok(Self(Arc::new(Inner {
            runners: Runner::all(&limits)?.map(Arc::new),
            cache,
            data_dirs: DataDirs::default(),
            memory: HostMemory::new(limits.memory_total.0),
            warm: WarmRoom::new(count(limits.warm_total)),
            back: Arc::new(Back::new().map_err(EngineError::Threads)?),
            limits,
            compiler: Mutex::new(()),
        })))
    }

    /// Makes a component ready to be called: checks it, compiles it or takes the code from the cache, links
    /// it, opens its data directory. Takes milliseconds from the cache and seconds without.
    pub async fn load(&self, component: Bytes, spec: ProgramSpec) -> Result<Program, ComponentError> {
        let engine = self.clone();
        let loading = spawn_blocking(move || engine.load_blocking(&component, spec)).await;
        // The compiler has panicked on hostile input before.
        loading.map_err(|error| ComponentError::Host(error.to_string()))?
    }

    fn load_blocking(&self, bytes: &[u8], spec: ProgramSpec) -> Result<Program, ComponentError> {
        let found = Digest::of(bytes);
        if found != spec.digest {
            let expected = spec.digest;
            return Err(ComponentError::Digest { expected, found });
        }
        let info = inspect(bytes)?;
        let runner = self.runner(&info.needs);
        let component = self.compiled(runner, bytes, &found)?;
        let mismatch = |error: wasmtime::Error| ComponentError::Mismatch(format!("{error:#}"));
        let pre = runner.linker.instantiate_pre(&component).map_err(mismatch)?;
        let contract = Contract::find(&pre).map_err(ComponentError::Mismatch)?;
        Program::new(
            self.clone(),
            runner.clone(),
            pre,
            contract,
            info.capabilities,
            spec,
        )
    }

    /// The limits it was started with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The smallest slots that hold it; the allocator of the largest says what is too much.
    fn runner(&self, needs: &Needs) -> &Arc<Runner> {
        let [small, large] = &self.0.runners;
        if needs.fit(&small.slot) { small } else { large }
    }

    fn compiled(&self, runner: &Runner, bytes: &[u8], digest: &Digest) -> Result<Component, ComponentError> {
        let (engine, cache) = (&runner.wasmtime, &self.0.cache);
        let name = CodeCache::name(engine, digest);
        if let Some(component) = cache.load(engine, &name) {
            return Ok(component);
        }
        let _turn = self.0.compiler.lock().unwrap_or_else(PoisonError::into_inner);
        // Someone else may have compiled it in the meantime.
        if let Some(component) = cache.load(engine, &name) {
            return Ok(component);
        }
        let started = Instant::now();
        let component = Component::from_binary(engine, bytes)
            .map_err(|error| ComponentError::Compile(format!("{error:#}")))?;
        let took = started.elapsed().as_millis() as u64;
        tracing::info!(component.digest = %digest, compile.ms = took, "component compiled");
        cache.store(&name, &component);
        Ok(component)
    }
}

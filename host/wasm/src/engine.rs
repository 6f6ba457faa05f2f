//! Compiles, links and hands out programs.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use platform_domain::{ByteSize, Digest};
use tokio::task::spawn_blocking;
use wasmtime::component::{Component, Linker};

use crate::{
    ComponentError, EngineError, Program, ProgramSpec, admission::HostSlots, cache::CodeCache,
    data_dir::DataDirs, inspect, limits, link, memory::HostMemory, state::CallState, ticker::Ticker, tuning,
    wire::Contract,
};

/// How much of the machine components may use.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where compiled code is kept. Made with mode 0700; nobody but this host may write to it.
    pub cache_dir: PathBuf,
    /// Routes that run at the same time, over all challenges; at least 1.
    pub max_concurrent_calls: u32,
    /// The most memory one call may have, whatever its program asks for.
    pub max_call_memory: ByteSize,
    /// The memory of all calls together.
    pub max_total_memory: ByteSize,
}

/// Runs components. Clones are the same engine; its clock stops when the last clone and program are gone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    // First, so that the clock has stopped when the engine goes.
    _ticker: Ticker,
    pub(crate) wasmtime: wasmtime::Engine,
    linker: Linker<CallState>,
    cache: CodeCache,
    pub(crate) data_dirs: DataDirs,
    pub(crate) slots: HostSlots,
    pub(crate) memory: HostMemory,
    pub(crate) max_call_memory: u64,
    /// One compilation at a time: each uses every core already.
    compiler: Mutex<()>,
}

impl EngineConfig {
    /// What suits a small machine: 64 calls of at most 256 MiB each, 4 GiB together.
    pub fn new(cache_dir: PathBuf) -> Self {
        Self {
            cache_dir,
            max_concurrent_calls: 64,
            max_call_memory: ByteSize(256 << 20),
            max_total_memory: ByteSize(4 << 30),
        }
    }
}

impl Engine {
    /// Starts an engine. Blocks on the disk.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let EngineConfig {
            cache_dir,
            max_concurrent_calls,
            max_call_memory,
            max_total_memory,
        } = config;
        let refused = |error: wasmtime::Error| EngineError::Wasmtime(format!("{error:#}"));
        let cache = CodeCache::open(&cache_dir).map_err(|source| EngineError::Cache {
            path: cache_dir,
            source,
        })?;
        let routes = max_concurrent_calls.max(1);
        let all = routes.saturating_add(limits::WEIGHTS_SLOTS as u32);
        let max_memory = usize::try_from(max_call_memory.0).unwrap_or(usize::MAX);
        let wasmtime = tuning::engine(all, max_memory).map_err(refused)?;
        Ok(Self(Arc::new(Inner {
            _ticker: Ticker::start(wasmtime.clone()).map_err(EngineError::Clock)?,
            linker: link::linker(&wasmtime).map_err(refused)?,
            wasmtime,
            cache,
            data_dirs: DataDirs::default(),
            slots: HostSlots::new(routes),
            memory: HostMemory::new(max_total_memory.0),
            max_call_memory: max_call_memory.0,
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
        let component = self.compiled(bytes, &found)?;
        let mismatch = |error: wasmtime::Error| ComponentError::Mismatch(format!("{error:#}"));
        let pre = self.0.linker.instantiate_pre(&component).map_err(mismatch)?;
        let contract = Contract::find(&pre).map_err(ComponentError::Mismatch)?;
        Program::new(self.clone(), pre, contract, info.capabilities, spec)
    }

    fn compiled(&self, bytes: &[u8], digest: &Digest) -> Result<Component, ComponentError> {
        let (engine, cache) = (&self.0.wasmtime, &self.0.cache);
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

//! Compiles, links and hands out programs.

use std::{
    future::Future,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use platform_domain::Digest;
use platform_state::{State, States};
use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking};

use crate::{
    CompilerProgram, CompilerStatus, ComponentError, ComponentInfo, EngineError, JobDesk, Limits, LogBook,
    Needs, Network, Program, ProgramSpec, Start, StateSpec,
    cache::{CodeCache, Facts, Sealed, Unsealed},
    compiler::Compiler,
    data_dir::DataDirs,
    inspect::{check_kind, judge},
    limits::count,
    memory::HostMemory,
    outgoing::Egress,
    pool::WarmRoom,
    prepared::{Prepared, Step},
    runner::Runner,
    stage::Back,
};

/// How much of the machine components may use.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where compiled code is kept. Made with mode 0700; nobody but this host may write to it.
    pub cache_dir: PathBuf,
    /// What compiles.
    pub compiler: CompilerProgram,
    /// What challenges and their calls may use.
    pub limits: Limits,
    /// The world that challenges may send requests to.
    pub network: Network,
    /// Who takes jobs of challenges.
    pub jobs: JobDesk,
}

/// Runs components. Clones are the same engine; its clock stops when the last clone and program are gone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) limits: Arc<Limits>,
    runners: [Arc<Runner>; 2],
    cache: CodeCache,
    compiler: Compiler,
    pub(crate) data_dirs: DataDirs,
    pub(crate) states: States,
    pub(crate) logs: LogBook,
    pub(crate) memory: HostMemory,
    pub(crate) warm: WarmRoom,
    pub(crate) back: Arc<Back>,
    pub(crate) egress: Arc<Egress>,
    pub(crate) jobs: JobDesk,
    /// Of calls that may wait for a client.
    pub(crate) streams: Arc<Semaphore>,
    /// Loads of compiled code at the same time.
    loads: Semaphore,
}

/// Loads of compiled code at the same time: enough that one waits for the disk while another one computes.
const PARALLEL_LOADS: usize = 4;

impl EngineConfig {
    /// With the usual limits, which suit a small machine.
    pub fn new(cache_dir: PathBuf, compiler: CompilerProgram) -> Self {
        Self {
            cache_dir,
            compiler,
            limits: Limits::default(),
            network: Network::default(),
            jobs: JobDesk::default(),
        }
    }
}

impl Engine {
    /// Starts an engine. Blocks on the disk.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let EngineConfig {
            cache_dir,
            compiler,
            limits,
            network,
            jobs,
        } = config;
        limits.check().map_err(EngineError::Limits)?;
        let limits = Arc::new(limits);
        let runners = Runner::all(&limits)?.map(Arc::new);
        // What slots an engine has makes no other code, so one entry serves all.
        let [runner, _] = &runners;
        let cache = CodeCache::open(&cache_dir, &runner.wasmtime).map_err(|source| EngineError::Cache {
            path: cache_dir,
            source,
        })?;
        Ok(Self(Arc::new(Inner {
            runners,
            cache,
            compiler: Compiler::new(compiler, limits.clone()),
            data_dirs: DataDirs::default(),
            states: States::default(),
            logs: LogBook::new(limits.clone()),
            memory: HostMemory::new(limits.memory_total.0),
            warm: WarmRoom::new(count(limits.warm_total)),
            jobs,
            egress: Arc::new(Egress::new(network, &limits)),
            streams: Arc::new(Semaphore::new(count(limits.streamed_routes))),
            back: Arc::new(Back::new().map_err(EngineError::Threads)?),
            limits,
            loads: Semaphore::new(PARALLEL_LOADS),
        })))
    }

    /// What a component shows, without compiling it.
    pub async fn inspect(&self, component: Bytes) -> Result<ComponentInfo, ComponentError> {
        let size = component.len();
        let (digest, component) = blocking(move || {
            check_kind(&component)?;
            Ok((Digest::of(&component), component))
        })
        .await?;
        let found = self.0.compiler.look(digest, &component).await?;
        judge(digest, size, found)
    }

    /// Makes a component ready to be called; what remains is what a challenge makes of it. Takes milliseconds when
    /// its code is in the cache, and does not ask for the component then; seconds without, and the wait for its turn
    /// with the compiler. Dropped, it stops.
    pub async fn prepare<E: From<ComponentError>>(
        &self,
        digest: Digest,
        component: impl Future<Output = Result<Bytes, E>>,
        tell: impl Fn(Step),
    ) -> Result<Prepared, E> {
        if let Some(prepared) = self.cached(digest).await? {
            return Ok(prepared);
        }
        tell(Step::WaitingForCompiler);
        let turn = self.0.compiler.turn().await;
        // Someone else may have compiled it in the meantime.
        if let Some(prepared) = self.cached(digest).await? {
            return Ok(prepared);
        }
        // Not before: whoever waits should not hold megabytes.
        let component = checked(component.await?, digest).await?;
        tell(Step::Compiling);
        let (code, facts) = turn.compile(digest, &component, &self.0.cache).await?;
        drop(component);
        let engine = self.clone();
        Ok(blocking(move || engine.fresh(digest, code, &facts)).await?)
    }

    /// Makes a program of a component that is ready.
    pub async fn start(&self, prepared: Prepared, spec: ProgramSpec) -> Result<Program, ComponentError> {
        let (expected, found) = (spec.digest, prepared.info.digest);
        if found != expected {
            return Err(ComponentError::Digest { expected, found });
        }
        let linked = prepared.link(&spec.grants)?;
        let state = self.state(&prepared, &spec).await?;
        let engine = self.clone();
        let waits = spec.data_dir.is_some();
        let program = move || Program::new(&engine, prepared, linked, state, spec);
        if waits { blocking(program).await } else { program() }
    }

    /// Opens what the host keeps for a component that asks for it, and brings the database to where the component's
    /// migrations end.
    async fn state(&self, prepared: &Prepared, spec: &ProgramSpec) -> Result<Option<State>, ComponentError> {
        let info = prepared.info();
        let migrations = info.manifest.as_ref().map(|manifest| manifest.migrations.clone());
        let migrations = migrations.unwrap_or_default();
        if !info.asks.iter().any(|grant| grant.keeps_state()) && migrations.is_empty() {
            return Ok(None);
        }
        let Some(StateSpec { dir, database, blobs }) = spec.state.clone() else {
            return Err(ComponentError::Host(
                "there is no place for the challenge's state".to_owned(),
            ));
        };
        let (engine, handle, spec) = (self.clone(), Handle::current(), spec.clone());
        let open = move || {
            let limits = engine.0.limits.state(database, blobs);
            let states = &engine.0.states;
            let state = match spec.start {
                Start::Live => handle.block_on(states.open(&dir, &limits)),
                // What runs keeps its limits, whatever becomes of this.
                Start::Rehearsal => handle.block_on(states.join(&dir, &limits)),
            }?;
            let time = Duration::from_millis(engine.0.limits.migration_ms);
            let migration = state
                .database()
                .migrate(&migrations, time, spec.start.rehearsal());
            let migrated = handle.block_on(migration)?;
            if migrated > 0 && spec.start == Start::Live {
                tracing::info!(challenge.slug = %spec.slug, migrations = migrated, "The challenge's database was migrated");
            }
            Ok(state)
        };
        blocking(open).await.map(Some)
    }

    /// The two together, for whoever has the component at hand.
    pub async fn load(&self, component: Bytes, spec: ProgramSpec) -> Result<Program, ComponentError> {
        let at_hand = std::future::ready(Ok::<_, ComponentError>(component));
        let prepared = self.prepare(spec.digest, at_hand, |_| ()).await?;
        self.start(prepared, spec).await
    }

    /// What the compiler is doing.
    pub fn compiler_status(&self) -> CompilerStatus {
        self.0.compiler.status()
    }

    /// What challenges say and have said.
    pub fn logs(&self) -> &LogBook {
        &self.0.logs
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

    async fn cached(&self, digest: Digest) -> Result<Option<Prepared>, ComponentError> {
        // Nobody closes it.
        let _place = self.0.loads.acquire().await;
        let engine = self.clone();
        blocking(move || {
            let started = Instant::now();
            let (cache, name) = (&engine.0.cache, engine.0.cache.name(&digest));
            let Some(sealed) = cache.find(&name) else {
                return Ok(None);
            };
            match engine.linked(digest, &sealed, started, true) {
                // Sealed by this host, and still not what this engine runs.
                Err(ComponentError::Compile(reason)) => {
                    cache.refuse(&name, &reason);
                    Ok(None)
                }
                other => other.map(Some),
            }
        })
        .await
    }

    /// Seals what was just compiled, and takes it from there as everybody else will.
    fn fresh(&self, digest: Digest, code: Unsealed, facts: &Facts) -> Result<Prepared, ComponentError> {
        let started = Instant::now();
        let (cache, name) = (&self.0.cache, self.0.cache.name(&digest));
        let not_kept = |error: &str| ComponentError::Host(format!("compiled code cannot be kept: {error}"));
        cache
            .seal(&name, code, facts)
            .map_err(|error| not_kept(&error.to_string()))?;
        let sealed = cache.find(&name).ok_or_else(|| not_kept("it is gone"))?;
        self.linked(digest, &sealed, started, false)
    }

    fn linked(
        &self,
        digest: Digest,
        sealed: &Sealed,
        started: Instant,
        cached: bool,
    ) -> Result<Prepared, ComponentError> {
        let facts = &sealed.facts;
        let info = judge(digest, facts.size, facts.found.clone())?;
        Prepared::load(self.runner(&info.needs), info, sealed, started, cached)
    }
}

/// The component, if it can be one and is this one.
async fn checked(component: Bytes, expected: Digest) -> Result<Bytes, ComponentError> {
    blocking(move || {
        check_kind(&component)?;
        match Digest::of(&component) {
            found if found == expected => Ok(component),
            found => Err(ComponentError::Digest { expected, found }),
        }
    })
    .await
}

/// Runs what computes or waits for the disk on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ComponentError> + Send + 'static,
) -> Result<T, ComponentError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ComponentError::Host(error.to_string())))
}

//! A component that is ready to be called.

mod http;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use platform_domain::{
    Capability, Digest, EpochContext, Grant, Instances, Manifest, RawWeight, Request, Response, Secret,
    SecretName, SecretUse, SecretValue, Slug,
};
use platform_state::{SqlError, State};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::InstancePre;

use crate::{
    CallError, ComponentError, DiskFull, Engine, ProgramSpec, Start, Usage,
    admission::{Permit, Queue},
    call,
    cpu::Clock,
    data_dir::{DataDir, Turn},
    disk::Allowance,
    limits::count,
    live::{Live, Times},
    logs::ChallengeLog,
    outgoing::{Injected, Outgoing},
    pace::{Pace, Paced},
    pool::Pool,
    prepared::Prepared,
    program::http::Streams,
    runner::Runner,
    stage::{self, Back, Call},
    state::{CallSetup, CallState},
    wire::Contract,
};

/// A loaded component. Calls may overlap as they like; the program sorts out what can run when.
pub struct Program {
    shared: Arc<Shared>,
    queue: Queue,
    capabilities: BTreeSet<Capability>,
    route: Bounds,
    weights: Bounds,
    back: Arc<Back>,
    /// Of its routes.
    pace: Arc<Pace>,
    streams: Streams,
    /// Ends instances that nobody asks for; ends with the program.
    _reaper: Option<AbortOnDropHandle<()>>,
    /// The same for connections to its database.
    _keeper: Option<AbortOnDropHandle<()>>,
}

/// What a running call needs; it may outlive the program.
pub(crate) struct Shared {
    /// Tells this program's idle instance in a data directory from another's.
    number: u64,
    pub(crate) slug: Slug,
    pub(crate) runner: Arc<Runner>,
    pub(crate) pre: InstancePre<CallState>,
    pub(crate) contract: Contract,
    pub(crate) setup: Arc<CallSetup>,
    /// `None`: an instance answers one call.
    pool: Option<Pool>,
}

/// The times of one function.
#[derive(Clone, Copy)]
struct Bounds {
    deadline: Duration,
    compute: Duration,
}

impl Program {
    pub(crate) fn new(
        engine: &Engine,
        prepared: Prepared,
        (pre, contract): (InstancePre<CallState>, Contract),
        state: Option<State>,
        spec: ProgramSpec,
    ) -> Result<Self, ComponentError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let ProgramSpec {
            slug,
            digest: _,
            data_dir,
            env,
            instances,
            memory,
            disk,
            grants: _,
            outbound,
            secrets,
            state: _,
            metagraph,
            start,
            route_deadline,
            weights_deadline,
        } = spec;
        let Prepared { info, runner, .. } = prepared;
        let data = data_dir.map(|path| engine.0.data_dirs.open(&path)).transpose()?;
        let limits = engine.0.limits.clone();
        let memory_limit = memory.0.min(limits.memory_max.0);
        let allowed = Allowance {
            bytes: disk.0.min(limits.data_max.0),
            files: limits.data_files,
            open: count(limits.open_files),
        };
        let bounds = |deadline, compute| Bounds {
            deadline,
            compute: Duration::from_millis(compute),
        };
        let route = bounds(route_deadline, limits.route_cpu_ms);
        let weights = bounds(weights_deadline, limits.weights_cpu_ms);
        let log = match start {
            Start::Live => engine.0.logs.of(&slug),
            Start::Rehearsal => ChallengeLog::new(slug.clone(), &limits),
        };
        let mut setup = CallSetup::new(log, memory_limit, engine.0.memory.clone(), limits);
        setup.env = env.into_iter().collect();
        let keeper = state.as_ref().map(keeper);
        setup.state = state;
        setup.metagraph = info.asks.contains(&Grant::Metagraph).then_some(metagraph);
        let jobs = || (slug.clone(), engine.0.jobs.clone());
        let asks_for_jobs = [Grant::Jobs, Grant::GpuJobs]
            .iter()
            .any(|grant| info.asks.contains(grant));
        setup.jobs = asks_for_jobs.then(jobs);
        setup.secrets = readable(&secrets, info.manifest.as_ref());
        setup.outgoing = info.asks.contains(&Grant::OutgoingHttp).then(|| {
            let asked = info
                .manifest
                .map(|manifest| manifest.outbound)
                .unwrap_or_default();
            let injected = Injected::of(&secrets);
            let limits = engine.0.limits.clone();
            Arc::new(Outgoing::new(
                engine.0.egress.clone(),
                slug.clone(),
                (asked, outbound),
                injected,
                limits,
            ))
        });
        setup.files = data.as_ref().map(|data| data.files(allowed));
        let shared = Arc::new(Shared {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            slug,
            runner,
            pre,
            contract,
            setup: Arc::new(setup),
            pool: match instances {
                Instances::PerCall => None,
                Instances::Warm(warm) => Some(Pool::new(warm, engine.0.warm.clone())),
            },
        });
        Ok(Self {
            _reaper: reaper(&shared, data.as_ref()),
            _keeper: keeper,
            queue: Queue::new(shared.runner.slots.clone(), data),
            shared,
            capabilities: info.capabilities,
            route,
            weights,
            back: engine.0.back.clone(),
            pace: Arc::default(),
            streams: Streams::new(engine.0.streams.clone(), count(engine.0.limits.streamed_routes)),
        })
    }

    /// What it exports; never empty.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// What it keeps and does. Looks at the files of its database, and not at others.
    pub fn usage(&self) -> Usage {
        let setup = &self.shared.setup;
        Usage {
            files: setup.files.as_ref().map(|(_, quota)| quota.usage()),
            state: setup.state.as_ref().map(State::usage),
            outbound: setup.outgoing.as_ref().map(|outgoing| outgoing.usage()),
        }
    }

    /// What it keeps in the host at this moment, as one digest; `None` when it keeps nothing there or more than is hashed. Its
    /// files are its own affair: they may be gigabytes, and only the program writes there.
    pub async fn state_digest(&self) -> Result<Option<Digest>, SqlError> {
        let Some(state) = self.shared.setup.state.clone() else {
            return Ok(None);
        };
        let runtime = tokio::runtime::Handle::current();
        let hashing = move || runtime.block_on(state.database().digest());
        // Only a stop of the process cancels it.
        tokio::task::spawn_blocking(hashing).await.unwrap_or(Ok(None))
    }

    /// Why the call of this request found no room on the disk, if it did, however it ended. Told once.
    pub fn disk_full(&self, request_id: &str) -> Option<DiskFull> {
        let (_, quota) = self.shared.setup.files.as_ref()?;
        quota.refusal(request_id)
    }

    /// Asks the challenge to answer a miner. Dropping the future stops a call that keeps nothing; one that has a data
    /// directory or a database runs on, so that it does not leave half of its work behind.
    pub async fn handle_route(&self, request: Request) -> Result<Response, CallError> {
        let Some(function) = self.shared.contract.handle_route else {
            return Err(CallError::Unsupported);
        };
        let Permit { mut turn, slots } = self.queue.route().await?;
        let shared = self.shared.clone();
        if !shared.setup.blocks() {
            let times = self.route.on(Clock::Polled);
            let call = Call::new(async move {
                let mut kept = shared.pool.as_ref().and_then(Pool::take);
                let answer = call::handle_route(&shared, &function, &request, times, &mut kept).await;
                shared.put_back(kept, &mut None);
                drop(slots);
                answer
            });
            return self.back.run(Paced::new(call, &self.pace)).await;
        }
        let times = self.route.on(Clock::Thread);
        let call = Call::new(async move {
            let mut kept = shared.resume(&mut turn);
            let answer = call::handle_route(&shared, &function, &request, times, &mut kept).await;
            shared.put_back(kept, &mut turn);
            if let Some(turn) = &mut turn {
                turn.end(&answer);
            }
            drop(slots);
            answer
        });
        self.back.run_apart(Paced::new(call, &self.pace)).await
    }

    /// Asks the challenge for the weights of an epoch. The entries are as the challenge gave them.
    ///
    /// They stay in front, however long they take: nobody's requests may keep an epoch waiting.
    pub async fn get_weights(&self, context: EpochContext) -> Result<Vec<RawWeight>, CallError> {
        let Some(function) = self.shared.contract.get_weights else {
            return Err(CallError::Unsupported);
        };
        // Over files it waits for at most one route, which may take its time first.
        let patience = self.weights.deadline.saturating_add(self.route.deadline);
        let Permit { mut turn, slots } = self.queue.weights(patience).await?;
        let shared = self.shared.clone();
        if !shared.setup.blocks() {
            let times = self.weights.on(Clock::Polled);
            let call = Call::new(async move {
                let answer = call::get_weights(&shared, &function, &context, times).await;
                drop(slots);
                answer
            });
            return call.await;
        }
        let times = self.weights.on(Clock::Thread);
        let call = Call::new(async move {
            if let Some(turn) = &mut turn {
                turn.begin();
            }
            let answer = call::get_weights(&shared, &function, &context, times).await;
            if let Some(turn) = &mut turn {
                turn.end(&answer);
            }
            drop(slots);
            answer
        });
        stage::run_apart(call).await
    }
}

impl Shared {
    /// A store for a fresh instance.
    pub(crate) fn fresh(&self) -> Live {
        Live::new(&self.runner.wasmtime, &self.setup)
    }

    /// The instance that was kept for this call, if there is one.
    fn resume(&self, turn: &mut Option<Turn>) -> Option<Live> {
        match (&self.pool, turn) {
            (Some(pool), Some(turn)) => turn.resume(self.number, pool.warm()),
            (Some(pool), None) => pool.take(),
            (None, Some(turn)) => {
                turn.begin();
                None
            }
            (None, None) => None,
        }
    }

    /// Keeps the instance for a later call, if instances of this program are kept.
    fn put_back(&self, kept: Option<Live>, turn: &mut Option<Turn>) {
        match (&self.pool, kept, turn) {
            (Some(pool), Some(live), Some(turn)) => pool.leave(live, self.number, turn),
            (Some(pool), Some(live), None) => pool.put(live),
            _ => {}
        }
    }
}

impl Bounds {
    fn on(self, clock: Clock) -> Times {
        let Self { deadline, compute } = self;
        Times {
            deadline,
            compute,
            clock,
        }
    }
}

/// What a program may read of its secrets: nothing that its author did not ask for.
fn readable(secrets: &[Secret], manifest: Option<&Manifest>) -> BTreeMap<SecretName, SecretValue> {
    let is_readable = |secret: &&Secret| {
        secret.usage == SecretUse::Reveal
            && manifest.is_some_and(|manifest| manifest.secrets.contains(&secret.name))
    };
    let readable = secrets.iter().filter(is_readable);
    readable
        .map(|secret| (secret.name.clone(), secret.value.clone()))
        .collect()
}

/// How long a connection to a database is kept that nobody uses: it has a cache, and files open.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Closes connections that nobody uses.
fn keeper(state: &State) -> AbortOnDropHandle<()> {
    let state = state.downgrade();
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the program that keeps its handle"
    )]
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(IDLE_CONNECTION).await;
            let Some(state) = state.upgrade() else { return };
            // Closing the last connection writes.
            let closed = tokio::task::spawn_blocking(move || state.database().retire(IDLE_CONNECTION)).await;
            if closed.is_err() {
                return;
            }
        }
    });
    AbortOnDropHandle::new(task)
}

/// Looks at idle instances as often as they may live.
fn reaper(shared: &Arc<Shared>, data: Option<&Arc<DataDir>>) -> Option<AbortOnDropHandle<()>> {
    let warm = *shared.pool.as_ref()?.warm();
    let (shared, data) = (Arc::downgrade(shared), data.map(Arc::downgrade));
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the program that keeps its handle"
    )]
    let task = tokio::spawn(async move {
        while let Some(shared) = shared.upgrade() {
            match data.as_ref().map(std::sync::Weak::upgrade) {
                Some(Some(data)) => data.retire(&warm),
                Some(None) => return,
                None => shared.pool.iter().for_each(Pool::retire),
            }
            drop(shared);
            tokio::time::sleep(warm.max_age).await;
        }
    });
    Some(AbortOnDropHandle::new(task))
}

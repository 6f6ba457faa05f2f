//! A component that is ready to be called.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use platform_domain::{
    ByteSize, Capability, Digest, EpochContext, Instances, RawWeight, Request, Response, Slug,
};
use tokio::{runtime::Handle, task::spawn_blocking};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::InstancePre;

use crate::{
    CallError, ComponentError, DataUsage, DiskFull, Engine,
    admission::{Permit, Queue},
    call,
    cpu::Clock,
    data_dir::{DataDir, Turn},
    disk::Allowance,
    limits::count,
    live::{Live, Times},
    pool::Pool,
    runner::Runner,
    state::{CallSetup, CallState},
    wire::Contract,
};

/// How a component is to run.
#[derive(Clone, Debug)]
pub struct ProgramSpec {
    /// The challenge, for logs.
    pub slug: Slug,
    /// Of the component's bytes.
    pub digest: Digest,
    /// Preopened as `/data`, made with mode 0700; then calls run one at a time. `None`: no files, calls run
    /// in parallel.
    pub data_dir: Option<PathBuf>,
    /// The guest's whole environment.
    pub env: BTreeMap<String, String>,
    /// Whether an instance answers one call or many.
    pub instances: Instances,
    /// Memory of one call; the engine's own limit stays.
    pub memory: ByteSize,
    /// What it may keep in `data_dir`; the engine's own limit stays.
    pub disk: ByteSize,
    /// How long one `handle-route` may take.
    pub route_deadline: Duration,
    /// How long one `get-weights` may take.
    pub weights_deadline: Duration,
}

/// A loaded component. Calls may overlap as they like; the program sorts out what can run when.
pub struct Program {
    shared: Arc<Shared>,
    queue: Queue,
    capabilities: BTreeSet<Capability>,
    route: Bounds,
    weights: Bounds,
    /// Ends instances that nobody asks for; ends with the program.
    _reaper: Option<AbortOnDropHandle<()>>,
}

/// What a running call needs; it may outlive the program.
pub(crate) struct Shared {
    /// Tells this program's idle instance in a data directory from another's.
    number: u64,
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
        engine: Engine,
        runner: Arc<Runner>,
        pre: InstancePre<CallState>,
        contract: Contract,
        capabilities: BTreeSet<Capability>,
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
            route_deadline,
            weights_deadline,
        } = spec;
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
        let mut setup = CallSetup::new(slug, memory_limit, engine.0.memory.clone(), limits);
        setup.env = env.into_iter().collect();
        setup.files = data.as_ref().map(|data| data.files(allowed));
        let shared = Arc::new(Shared {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
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
            queue: Queue::new(shared.runner.slots.clone(), data),
            shared,
            capabilities,
            route,
            weights,
        })
    }

    /// What it exports; never empty.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// What it keeps in its data directory, if it has one. Does not look at the disk.
    pub fn data_usage(&self) -> Option<DataUsage> {
        let (_, quota) = self.shared.setup.files.as_ref()?;
        Some(quota.usage())
    }

    /// Why the call of this request found no room on the disk, if it did, however it ended. Told once.
    pub fn disk_full(&self, request_id: &str) -> Option<DiskFull> {
        let (_, quota) = self.shared.setup.files.as_ref()?;
        quota.refusal(request_id)
    }

    /// Asks the challenge to answer a miner. Dropping the future stops a call that has no data directory; one
    /// that has runs on, so that it does not leave half of its work behind.
    pub async fn handle_route(&self, request: Request) -> Result<Response, CallError> {
        let Some(function) = self.shared.contract.handle_route else {
            return Err(CallError::Unsupported);
        };
        let Permit { turn, slots } = self.queue.route().await?;
        let Some(turn) = turn else {
            let mut kept = self.shared.pool.as_ref().and_then(Pool::take);
            let times = self.route.on(Clock::Polled);
            let call = call::handle_route(&self.shared, &function, &request, times, &mut kept);
            let answer = caught(call).await;
            if let (Some(pool), Some(live)) = (&self.shared.pool, kept) {
                pool.put(live);
            }
            drop(slots);
            return answer;
        };
        let (shared, times) = (self.shared.clone(), self.route.on(Clock::Thread));
        apart(turn, slots, move |turn, runtime| {
            let mut kept = shared.resume(turn);
            let call = call::handle_route(&shared, &function, &request, times, &mut kept);
            let answer = runtime.block_on(call);
            if let (Some(pool), Some(live)) = (&shared.pool, kept) {
                pool.leave(live, shared.number, turn);
            }
            answer
        })
        .await
    }

    /// Asks the challenge for the weights of an epoch. The entries are as the challenge gave them.
    pub async fn get_weights(&self, context: EpochContext) -> Result<Vec<RawWeight>, CallError> {
        let Some(function) = self.shared.contract.get_weights else {
            return Err(CallError::Unsupported);
        };
        let Permit { turn, slots } = self.queue.weights(self.weights.deadline).await?;
        let Some(turn) = turn else {
            let times = self.weights.on(Clock::Polled);
            let call = call::get_weights(&self.shared, &function, &context, times);
            let answer = caught(call).await;
            drop(slots);
            return answer;
        };
        let (shared, times) = (self.shared.clone(), self.weights.on(Clock::Thread));
        apart(turn, slots, move |turn, runtime| {
            turn.begin();
            runtime.block_on(call::get_weights(&shared, &function, &context, times))
        })
        .await
    }
}

impl Shared {
    /// A store for a fresh instance.
    pub(crate) fn fresh(&self) -> Live {
        Live::new(&self.runner.wasmtime, &self.setup)
    }

    fn resume(&self, turn: &mut Turn) -> Option<Live> {
        match &self.pool {
            Some(pool) => turn.resume(self.number, pool.warm()),
            None => {
                turn.begin();
                None
            }
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

/// Runs a call where it was asked for: it gives the thread back at every tick. Even a panic of the host is only
/// this call's error.
async fn caught<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    let ended = AssertUnwindSafe(call).catch_unwind().await;
    ended.unwrap_or_else(|_| Err(CallError::Host("a host function panicked".into())))
}

/// Runs a call over a data directory on a thread of its own, because file operations then block it.
async fn apart<T: Send + 'static>(
    mut turn: Turn,
    slots: impl Send + 'static,
    call: impl FnOnce(&mut Turn, &Handle) -> Result<T, CallError> + Send + 'static,
) -> Result<T, CallError> {
    let runtime = Handle::current();
    let task = spawn_blocking(move || {
        let answer = call(&mut turn, &runtime);
        if !answer.as_ref().is_err_and(CallError::left_unclean) {
            turn.end_clean();
        }
        drop(slots);
        answer
    });
    task.await
        .unwrap_or_else(|error| Err(CallError::Host(error.to_string())))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_the_error_of_that_call() {
        let call = async {
            if Handle::try_current().is_ok() {
                panic!("a host function went wrong");
            }
            Ok(())
        };
        assert!(matches!(caught(call).await, Err(CallError::Host(_))));
    }
}

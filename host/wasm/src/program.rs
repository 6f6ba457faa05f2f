//! A component that is ready to be called.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use platform_domain::{
    ByteSize, Capability, Digest, EpochContext, Instances, RawWeight, Request, Response, Slug,
};
use tokio::{runtime::Handle, task::spawn_blocking};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::InstancePre;

use crate::{
    CallError, ComponentError, Engine,
    admission::{Permit, Queue},
    call,
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
    /// How long an instance lives.
    pub instances: Instances,
    /// Memory of one call; the engine's own limit stays.
    pub memory: ByteSize,
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
    route_deadline: Duration,
    weights_deadline: Duration,
}

/// What a running call needs; it may outlive the program.
pub(crate) struct Shared {
    pub(crate) runner: Arc<Runner>,
    pub(crate) pre: InstancePre<CallState>,
    pub(crate) contract: Contract,
    pub(crate) setup: CallSetup,
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
        let ProgramSpec {
            slug,
            digest: _,
            data_dir,
            env,
            instances: _,
            memory,
            route_deadline,
            weights_deadline,
        } = spec;
        let data = data_dir.map(|path| engine.0.data_dirs.open(&path)).transpose()?;
        let limits = engine.0.limits.clone();
        let memory_limit = memory.0.min(limits.memory_max.0);
        let mut setup = CallSetup::new(slug, memory_limit, engine.0.memory.clone(), limits);
        setup.env = env.into_iter().collect();
        setup.files = data.as_ref().map(|data| data.preopened());
        Ok(Self {
            queue: Queue::new(runner.slots.clone(), data),
            shared: Arc::new(Shared {
                runner,
                pre,
                contract,
                setup,
            }),
            capabilities,
            route_deadline,
            weights_deadline,
        })
    }

    /// What it exports; never empty.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// Asks the challenge to answer a miner. Dropping the future stops a call that has no data directory; one
    /// that has runs on, so that it does not leave half of its work behind.
    pub async fn handle_route(&self, request: Request) -> Result<Response, CallError> {
        let Some(function) = self.shared.contract.handle_route else {
            return Err(CallError::Unsupported);
        };
        let permit = self.queue.route().await?;
        let (shared, deadline) = (self.shared.clone(), self.route_deadline);
        let call = async move { call::handle_route(&shared, &function, &request, deadline).await };
        run(permit, call).await
    }

    /// Asks the challenge for the weights of an epoch. The entries are as the challenge gave them.
    pub async fn get_weights(&self, context: EpochContext) -> Result<Vec<RawWeight>, CallError> {
        let Some(function) = self.shared.contract.get_weights else {
            return Err(CallError::Unsupported);
        };
        let permit = self.queue.weights(self.weights_deadline).await?;
        let (shared, deadline) = (self.shared.clone(), self.weights_deadline);
        let call = async move { call::get_weights(&shared, &function, &context, deadline).await };
        run(permit, call).await
    }
}

/// Runs a call as a task of its own, so that even a panic of the host is only this call's error. Over a data
/// directory it gets a thread of its own, because file operations then block it.
async fn run<T: Send + 'static>(
    permit: Permit,
    call: impl Future<Output = Result<T, CallError>> + Send + 'static,
) -> Result<T, CallError> {
    let Permit { turn, slots } = permit;
    let task = match turn {
        None => {
            #[expect(
                clippy::disallowed_methods,
                reason = "bounded by the call's deadline and awaited at once"
            )]
            let task = tokio::spawn(async move {
                let answer = call.await;
                drop(slots);
                answer
            });
            task
        }
        Some(mut turn) => {
            let runtime = Handle::current();
            spawn_blocking(move || {
                turn.begin();
                let answer = runtime.block_on(call);
                if !answer.as_ref().is_err_and(CallError::left_unclean) {
                    turn.end_clean();
                }
                drop(slots);
                answer
            })
        }
    };
    let answer = AbortOnDropHandle::new(task).await;
    answer.unwrap_or_else(|error| Err(CallError::Host(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_the_error_of_that_call() {
        let permit = Permit {
            turn: None,
            slots: Vec::new(),
        };
        let call = async {
            if Handle::try_current().is_ok() {
                panic!("a host function went wrong");
            }
            Ok(())
        };
        assert!(matches!(run(permit, call).await, Err(CallError::Host(_))));
    }
}

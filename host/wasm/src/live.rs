//! An instance with its store: what answers calls, one after the other.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use platform_domain::{EpochContext, Metagraph, Warm};
use tokio::sync::oneshot;
use wasmtime::{
    Store,
    component::{ComponentExportIndex, Instance},
};

use crate::{
    cpu::{Clock, Metered},
    incoming::{Begun, Exchange, Watched},
    program::Shared,
    state::{CallSetup, CallState},
    wire::{
        GetWeightsAnswer, GetWeightsArgs, HandleAnswer, HandleArgs, HandleRouteAnswer, HandleRouteArgs,
        Request,
    },
};

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Until it must have answered.
    pub(crate) deadline: Duration,
    /// How long it may compute.
    pub(crate) compute: Duration,
    /// What computing is measured with.
    pub(crate) clock: Clock,
}

/// How a call ends without an answer.
pub(crate) enum End {
    /// It waited too long.
    Late,
    /// A trap, an interruption, an answer that cannot be read.
    Error(wasmtime::Error),
}

/// A store, and the instance in it once the first call has made it.
pub(crate) struct Live {
    pub(crate) store: Store<CallState>,
    instance: Option<Instance>,
    born: Instant,
    calls: u32,
}

/// An absurd deadline is as good as none.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Live {
    /// An empty store.
    pub(crate) fn new(engine: &wasmtime::Engine, setup: &Arc<CallSetup>) -> Self {
        Self {
            store: CallSetup::store(setup, engine),
            instance: None,
            born: Instant::now(),
            calls: 0,
        }
    }

    /// Whether it may answer one more call under these bounds.
    pub(crate) fn is_fresh_enough(&self, warm: &Warm, now: Instant) -> bool {
        self.calls < warm.max_calls.get() && now.saturating_duration_since(self.born) < warm.max_age
    }

    /// Calls `handle-route`.
    pub(crate) async fn handle_route(
        &mut self,
        shared: &Shared,
        function: &ComponentExportIndex,
        request: &platform_domain::Request,
        times: Times,
    ) -> Result<HandleRouteAnswer, End> {
        self.begin(&request.id, times.deadline, shared.setup.subnet_now());
        let call = async {
            let instance = self.instance(shared).await?;
            let function = instance
                .get_typed_func::<HandleRouteArgs<'_>, HandleRouteAnswer>(&mut self.store, function)?;
            function
                .call_async(&mut self.store, (Request::from(request),))
                .await
        };
        let answer = in_time(times, call).await;
        self.end();
        answer
    }

    /// Calls `handle`.
    pub(crate) async fn handle_http(
        &mut self,
        shared: &Shared,
        function: &ComponentExportIndex,
        (request_id, request): (&str, http::Request<Watched>),
        times: Times,
        (exchange, tell): (&Exchange, oneshot::Sender<Begun>),
    ) -> Result<HandleAnswer, End> {
        self.begin(request_id, times.deadline, shared.setup.subnet_now());
        let call = async {
            let instance = self.instance(shared).await?;
            let function = instance.get_typed_func::<HandleArgs, HandleAnswer>(&mut self.store, function)?;
            let args = self.store.data_mut().exchange(request, exchange.clone(), tell)?;
            function.call_async(&mut self.store, args).await?;
            exchange.returned().await;
            Ok(())
        };
        let answer = in_time(times, call).await;
        self.end();
        answer
    }

    /// Calls `get-weights`.
    pub(crate) async fn get_weights(
        &mut self,
        shared: &Shared,
        function: &ComponentExportIndex,
        context: &EpochContext,
        times: Times,
    ) -> Result<GetWeightsAnswer, End> {
        let metagraph = Some(context.metagraph.clone());
        self.begin(&format!("epoch-{}", context.epoch), times.deadline, metagraph);
        let call = async {
            let instance = self.instance(shared).await?;
            let function =
                instance.get_typed_func::<GetWeightsArgs, GetWeightsAnswer>(&mut self.store, function)?;
            function.call_async(&mut self.store, (context.into(),)).await
        };
        let answer = in_time(times, call).await;
        self.end();
        answer
    }

    fn begin(&mut self, request_id: &str, deadline: Duration, metagraph: Option<Arc<Metagraph>>) {
        self.calls = self.calls.saturating_add(1);
        let until = Instant::now() + deadline.min(LONGEST);
        self.store.data_mut().begin(request_id, until, metagraph);
        self.store.set_epoch_deadline(1);
    }

    fn end(&mut self) {
        self.store.data_mut().end();
    }

    async fn instance(&mut self, shared: &Shared) -> wasmtime::Result<Instance> {
        if let Some(instance) = self.instance {
            return Ok(instance);
        }
        let instance = shared.pre.instantiate_async(&mut self.store).await?;
        self.instance = Some(instance);
        Ok(instance)
    }
}

/// The interruption stops a guest that computes, this one that waits.
async fn in_time<T>(times: Times, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, End> {
    let call = pin!(call);
    let call = Metered::new(times.clock, times.compute, call);
    match tokio::time::timeout(times.deadline, call).await {
        Ok(answer) => answer.map_err(End::Error),
        Err(_) => Err(End::Late),
    }
}

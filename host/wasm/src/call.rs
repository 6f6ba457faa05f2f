//! One call: a store, an instance, a function, an answer or the reason why there is none.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use platform_domain::{EpochContext, RawWeight, Request, Response};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, component::ComponentExportIndex};
use wasmtime_wasi::I32Exit;

use crate::{
    CallError, answer,
    limits::{Limits, MAX_EXPLANATION, size},
    memory::Refusal,
    program::Shared,
    state::CallState,
    wire::{GetWeightsAnswer, GetWeightsArgs, HandleRouteAnswer, HandleRouteArgs},
};

/// Calls `handle-route` in a fresh instance.
pub(crate) async fn handle_route(
    shared: &Shared,
    function: &ComponentExportIndex,
    request: &Request,
    deadline: Duration,
) -> Result<Response, CallError> {
    let mut store = store(shared, &request.id, deadline);
    let call = async {
        let instance = shared.pre.instantiate_async(&mut store).await?;
        let function =
            instance.get_typed_func::<HandleRouteArgs<'_>, HandleRouteAnswer>(&mut store, function)?;
        function.call_async(&mut store, (request.into(),)).await
    };
    let (answer,) = in_time(deadline, call)
        .await
        .map_err(|end| explain(end, &store, &shared.setup.limits, deadline))?;
    answer::response(answer.map_err(answer::error)?, &shared.setup.limits)
}

/// Calls `get-weights` in a fresh instance.
pub(crate) async fn get_weights(
    shared: &Shared,
    function: &ComponentExportIndex,
    context: &EpochContext,
    deadline: Duration,
) -> Result<Vec<RawWeight>, CallError> {
    let mut store = store(shared, &format!("epoch-{}", context.epoch.0), deadline);
    let call = async {
        let instance = shared.pre.instantiate_async(&mut store).await?;
        let function =
            instance.get_typed_func::<GetWeightsArgs<'_>, GetWeightsAnswer>(&mut store, function)?;
        function.call_async(&mut store, (context.into(),)).await
    };
    let (answer,) = in_time(deadline, call)
        .await
        .map_err(|end| explain(end, &store, &shared.setup.limits, deadline))?;
    answer::weights(answer.map_err(answer::error)?, &shared.setup.limits)
}

/// How a call ends without an answer.
enum End {
    /// It waited too long.
    Late,
    /// A trap, an interruption, an answer that cannot be read.
    Error(wasmtime::Error),
}

fn store(shared: &Shared, request_id: &str, deadline: Duration) -> Store<CallState> {
    let now = Instant::now();
    // An absurd deadline is as good as none.
    let until = now
        .checked_add(deadline)
        .unwrap_or(now + Duration::from_secs(86_400));
    shared.setup.store(&shared.runner.wasmtime, request_id, until)
}

/// The interruption stops a guest that computes, this one that waits.
async fn in_time<T>(deadline: Duration, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, End> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer.map_err(End::Error),
        Err(_) => Err(End::Late),
    }
}

fn explain(end: End, store: &Store<CallState>, limits: &Limits, deadline: Duration) -> CallError {
    let End::Error(error) = end else {
        return CallError::Deadline(deadline);
    };
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return CallError::Deadline(deadline);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return CallError::Busy {
            retry_after: limits.retry_after(),
        };
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return CallError::Trapped(format!("it called exit with code {code}"));
    }
    let detail = shortened(format!("{}; {error}", error.root_cause()));
    if detail.contains("fuel allocated for hostcalls") {
        return CallError::OutputTooLarge {
            what: "bytes given to the host at once",
            limit: size(limits.transfer),
        };
    }
    let memory = &store.data().memory;
    match memory.refused() {
        None => CallError::Trapped(detail),
        Some(Refusal::Call) => CallError::OutOfMemory {
            limit: memory.limit(),
            detail,
        },
        Some(Refusal::Host) => CallError::Host(format!("the memory for all calls is used up: {detail}")),
    }
}

fn shortened(mut text: String) -> String {
    let end = text.floor_char_boundary(MAX_EXPLANATION);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_explanation_is_cut_between_characters() {
        assert_eq!(shortened("out of fuel".into()), "out of fuel");
        let cut = shortened("x".to_owned() + &"é".repeat(MAX_EXPLANATION));
        assert_eq!(cut.len(), MAX_EXPLANATION - 1);
    }
}

//! One call: in an instance, an answer or the reason why there is none.

use platform_domain::{EpochContext, RawWeight, Request, Response};
use tokio::sync::oneshot;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, component::ComponentExportIndex};
use wasmtime_wasi::I32Exit;

use crate::{
    CallError, answer,
    incoming::{Begun, Exchange, Watched},
    limits::{Limits, MAX_EXPLANATION, size},
    live::{End, Live, Times},
    memory::Refusal,
    program::Shared,
    state::CallState,
};

/// Answers a miner in the kept instance, if there is one. It is kept again if it may answer further calls: one
/// that ended a call badly has broken its own state.
pub(crate) async fn handle_route(
    shared: &Shared,
    function: &ComponentExportIndex,
    request: &Request,
    times: Times,
    kept: &mut Option<Live>,
) -> Result<Response, CallError> {
    let mut live = kept.take().unwrap_or_else(|| shared.fresh());
    let answer = live.handle_route(shared, function, request, times).await;
    let (answer,) = answer.map_err(|end| explain(end, &live.store, &shared.setup.limits, times))?;
    let answer = match answer {
        Ok(answer) => answer::response(answer, &shared.setup.limits)?,
        // On purpose, and nothing is broken by it.
        Err(error) => {
            *kept = Some(live);
            return Err(answer::error(error));
        }
    };
    *kept = Some(live);
    Ok(answer)
}

/// The same for a component that speaks HTTP itself; `tell` hears of the head of its answer, and whoever reads the body
/// after it lets the call go on.
pub(crate) async fn handle_http(
    shared: &Shared,
    function: &ComponentExportIndex,
    (request_id, request): (&str, http::Request<Watched>),
    times: Times,
    (exchange, tell): (&Exchange, oneshot::Sender<Begun>),
    kept: &mut Option<Live>,
) -> Result<(), CallError> {
    let mut live = kept.take().unwrap_or_else(|| shared.fresh());
    let answer = live.handle_http(shared, function, (request_id, request), times, (exchange, tell));
    let answer = answer.await;
    if let Err(end) = answer {
        let limits = &shared.setup.limits;
        return Err(match explain(end, &live.store, limits, times) {
            CallError::Deadline(limit) if exchange.waits_for_client() => CallError::SlowClient(limit),
            error => error,
        });
    }
    let verdict = exchange.judge();
    if matches!(verdict, Ok(()) | Err(CallError::Guest(_))) {
        *kept = Some(live);
    }
    verdict
}

/// Asks for weights, always in a fresh instance: what miners' requests left in memory must not weigh.
pub(crate) async fn get_weights(
    shared: &Shared,
    function: &ComponentExportIndex,
    context: &EpochContext,
    times: Times,
) -> Result<Vec<RawWeight>, CallError> {
    let mut live = shared.fresh();
    let answer = live.get_weights(shared, function, context, times).await;
    let (answer,) = answer.map_err(|end| explain(end, &live.store, &shared.setup.limits, times))?;
    answer::weights(answer.map_err(answer::error)?, &shared.setup.limits)
}

fn explain(end: End, store: &Store<CallState>, limits: &Limits, times: Times) -> CallError {
    let End::Error(error) = end else {
        return CallError::Deadline(times.deadline);
    };
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return if store.data().computed_too_long {
            CallError::Computed(times.compute)
        } else {
            CallError::Deadline(times.deadline)
        };
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

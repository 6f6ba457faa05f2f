//! The chain for the operator: nodes, subnet, who is registered, and whether weights would be taken.

use axum::extract::State;
use platform_admin_types::{
    ChainStatusView, CheckView, MetagraphView, NeuronView, NodeView, PreflightView, SubnetView, TimingView,
};
use platform_domain::EpochId;
use platform_epoch::{
    ChainError, Check, EndpointHealth, EpochError, Epochs, Foreseen, Outlook, Preflight, ScheduleError,
    Subnet, Timing,
};
use serde::Serialize;
use serde_json::Value;

use crate::{ApiError, Json};

pub(crate) async fn status(State(epochs): State<Epochs>) -> Result<Json<ChainStatusView>, ApiError> {
    let Outlook {
        status,
        subnet,
        timing,
        account,
    } = epochs.outlook().await?;
    Ok(Json(ChainStatusView {
        spec_name: status.spec_name,
        spec_version: status.spec_version,
        genesis: status.genesis,
        ss58_prefix: status.ss58_prefix,
        best: status.best.0,
        finalised: status.finalised.0,
        hotkey: account.map(|account| account.hotkey),
        proxied: account.is_some_and(|account| account.proxy.is_some()),
        subnet: subnet_view(&subnet, &timing)?,
        nodes: status.endpoints.into_iter().map(node_view).collect(),
    }))
}

pub(crate) async fn metagraph(State(epochs): State<Epochs>) -> Result<Json<MetagraphView>, ApiError> {
    let metagraph = epochs.metagraph().await?;
    let neurons = metagraph.registered().map(|(uid, neuron)| NeuronView {
        uid,
        hotkey: neuron.hotkey,
        stake: neuron.stake,
        validator_permit: neuron.validator_permit,
    });
    Ok(Json(MetagraphView {
        netuid: metagraph.netuid(),
        block: metagraph.block(),
        block_hash: metagraph.block_hash(),
        owner: metagraph.owner(),
        neurons: neurons.collect(),
    }))
}

pub(crate) async fn preflight(State(epochs): State<Epochs>) -> Result<Json<PreflightView>, ApiError> {
    let Foreseen { epoch, preflight } = epochs.preflight().await?;
    Ok(Json(preflight_view(epoch, preflight)))
}

/// Every check, as it is told.
pub(crate) fn preflight_view(epoch: Option<EpochId>, preflight: Preflight) -> PreflightView {
    let passed = preflight.passes();
    let view = |check: Check| CheckView {
        name: check.name.to_owned(),
        verdict: word(&check.verdict),
        detail: check.detail,
        hint: (!check.hint.is_empty()).then(|| check.hint.to_owned()),
    };
    PreflightView {
        epoch,
        passed,
        checks: preflight.checks.into_iter().map(view).collect(),
    }
}

fn subnet_view(subnet: &Subnet, timing: &Timing) -> Result<SubnetView, ApiError> {
    let timing = TimingView {
        epoch: timing.epoch().map_err(unscheduled)?.0,
        next_epoch_block: timing.next_epoch().map_err(unscheduled)?,
        tempo: subnet.tempo,
        block_ms: u64::try_from(timing.block_time.as_millis()).unwrap_or(u64::MAX),
        reveal_period: timing.reveal_period.get(),
    };
    Ok(SubnetView {
        netuid: subnet.netuid,
        mechanism: subnet.mechanism,
        neurons: subnet.neurons,
        min_allowed_weights: subnet.min_allowed_weights,
        max_weight_limit: subnet.max_weight_limit,
        weights_version: subnet.weights_version,
        weights_rate_limit: subnet.weights_rate_limit,
        commit_reveal: subnet.commit_reveal,
        timing,
    })
}

fn node_view(health: EndpointHealth) -> NodeView {
    NodeView {
        endpoint: health.endpoint,
        current: health.current,
        state: word(&health.state),
        latency_ms: health.latency_ms,
        best: health.best,
        failures: health.failures,
        error: health.error,
    }
}

fn unscheduled(error: ScheduleError) -> ApiError {
    EpochError::Chain(ChainError::Schedule(error)).into()
}

/// The word that a value is on the wire.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

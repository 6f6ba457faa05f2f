//! Weights for the operator: what would be recorded, what was, and asking for an epoch.

use axum::{
    extract::{FromRef, Path, Query, State},
    http::StatusCode,
};
use platform_admin_types::{
    AnswerView, CallView, EpochList, EpochView, PreviewView, RawAnswer, RawAnswers, RehearsalView, StepView,
    VectorView, WeightsStatus,
};
use platform_domain::{EpochId, RawWeight, with_causes};
use platform_epoch::{
    Answer, ComputeRequest, EpochError, EpochRow, Epochs, EpochsStatus, JournalStep, Preview, RecordedVector,
    Rehearsal,
};
use serde::Deserialize;

use crate::{AdminState, ApiError, Json, chain::preflight_view};

/// More rows than anyone reads. In a full subnet a row is some ten kilobytes, its report left out.
const MAX_HISTORY: u32 = 1000;
const DEFAULT_HISTORY: u32 = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    limit: Option<u32>,
}

impl FromRef<AdminState> for Epochs {
    fn from_ref(state: &AdminState) -> Self {
        state.epochs.clone()
    }
}

pub(crate) async fn preview(State(epochs): State<Epochs>) -> Result<Json<PreviewView>, ApiError> {
    Ok(Json(preview_view(epochs.preview().await?)))
}

pub(crate) async fn rehearse(State(epochs): State<Epochs>) -> Result<Json<RehearsalView>, ApiError> {
    let Rehearsal {
        preview,
        preflight,
        call,
        error,
    } = epochs.rehearse().await?;
    let epoch = preview.epoch;
    let call = call.map(|call| CallView {
        name: call.name,
        data: call.data,
        proxied: call.proxied,
        round: call.sealed.map(|(round, _)| round),
        reveal_block: call.sealed.map(|(_, block)| block),
    });
    Ok(Json(RehearsalView {
        preview: preview_view(preview),
        preflight: preflight.map(|preflight| preflight_view(Some(epoch), preflight)),
        call,
        error,
    }))
}

pub(crate) async fn submit(State(epochs): State<Epochs>) -> Result<(StatusCode, Json<EpochView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(epoch_view(epochs.request().await?))))
}

pub(crate) async fn history(
    State(epochs): State<Epochs>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<EpochList>, ApiError> {
    let limit = page.map_or(0, |Query(Page { limit })| limit.unwrap_or(DEFAULT_HISTORY));
    if !(1..=MAX_HISTORY).contains(&limit) {
        let reason = format!("the query is limit=N with N from 1 to {MAX_HISTORY}");
        return Err(ApiError::invalid_field("limit", reason));
    }
    let rows = epochs.history(limit).await?;
    Ok(Json(EpochList {
        epochs: rows.into_iter().map(epoch_view).collect(),
    }))
}

pub(crate) async fn show(
    State(epochs): State<Epochs>,
    Path(epoch): Path<String>,
) -> Result<Json<EpochView>, ApiError> {
    let epoch = number(&epoch)?;
    let row = epochs.get(epoch).await?.ok_or_else(missing)?;
    let steps = epochs.journal(&row).await?;
    let mut view = epoch_view(row);
    view.steps = steps.into_iter().map(step_view).collect();
    Ok(Json(view))
}

pub(crate) async fn answers(
    State(epochs): State<Epochs>,
    Path(epoch): Path<String>,
) -> Result<Json<RawAnswers>, ApiError> {
    let epoch = number(&epoch)?;
    let answers = epochs.answers(epoch).await?.ok_or_else(missing)?;
    let answers = answers.into_iter().map(raw_answer).collect();
    Ok(Json(RawAnswers { epoch, answers }))
}

pub(crate) async fn inputs(
    State(epochs): State<Epochs>,
    Path(epoch): Path<String>,
) -> Result<Json<ComputeRequest>, ApiError> {
    let inputs = epochs.inputs(number(&epoch)?).await?;
    inputs.map(Json).ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is no such epoch, or it ended before the challenges had answered",
        )
    })
}

fn missing() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no such epoch")
}

fn number(text: &str) -> Result<EpochId, ApiError> {
    text.parse().map_err(|_| missing())
}

pub(crate) async fn status(State(epochs): State<Epochs>) -> Json<WeightsStatus> {
    let EpochsStatus {
        block,
        epoch,
        error,
        alarms,
    } = epochs.status();
    Json(WeightsStatus {
        submits: epochs.submits(),
        block,
        epoch,
        error,
        alarms: alarms
            .into_iter()
            .map(|alarm| format!("epoch {}: {}", alarm.epoch, alarm.text))
            .collect(),
    })
}

impl From<EpochError> for ApiError {
    fn from(error: EpochError) -> Self {
        match &error {
            EpochError::NoChain => Self::new(StatusCode::CONFLICT, "no_chain", error.to_string())
                .hint("set chain.endpoint and chain.netuid in the host's configuration"),
            EpochError::NobodyTakesPart => {
                Self::new(StatusCode::CONFLICT, "nobody_takes_part", error.to_string())
                    .hint("activate a challenge that gives weights")
            }
            EpochError::TooLate { .. } => Self::new(StatusCode::CONFLICT, "too_late", error.to_string()),
            EpochError::NoHotkey => Self::new(StatusCode::CONFLICT, "no_hotkey", error.to_string())
                .hint("set chain.hotkey_file or chain.wallet in the host's configuration"),
            // The operator's own node: what it said is for the operator.
            EpochError::Chain(_) | EpochError::NotTaken(_) | EpochError::NotYet(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "chain", with_causes(&error))
            }
            EpochError::Store(_) | EpochError::Ledger(_) | EpochError::Json(_) => Self::internal(&error),
        }
    }
}

fn vector_view(vector: RecordedVector) -> VectorView {
    let RecordedVector { uids, weights, u16 } = vector;
    VectorView { uids, weights, u16 }
}

fn answer_view(answer: &Answer) -> AnswerView {
    let Answer {
        slug,
        source,
        component,
        state,
        emission_percent,
        weights,
        refused,
    } = answer;
    AnswerView {
        slug: slug.clone(),
        component: *component,
        state: *state,
        source: source.to_string(),
        emission_percent: *emission_percent,
        entries: weights.as_ref().map(Vec::len),
        reason: refused.clone(),
    }
}

fn raw_answer(answer: Answer) -> RawAnswer {
    let view = answer_view(&answer);
    let weights = answer.weights;
    RawAnswer {
        answer: view,
        weights: weights.map(|weights| weights.iter().map(RawWeight::to_texts).collect()),
    }
}

fn preview_view(preview: Preview) -> PreviewView {
    let Preview {
        epoch,
        block,
        block_hash,
        answers,
        policy,
        vector,
        nothing_to_pay: _,
        report,
    } = preview;
    let (vector, reason) = match vector {
        Ok(vector) => (Some(vector_view(vector)), None),
        Err(reason) => (None, Some(reason)),
    };
    let answers = answers.iter().map(answer_view).collect();
    PreviewView {
        epoch,
        block,
        block_hash,
        policy,
        answers,
        vector,
        reason,
        report,
    }
}

fn epoch_view(row: EpochRow) -> EpochView {
    let ended = row.is_over();
    let EpochRow {
        lane,
        numbering,
        epoch,
        state,
        step: _,
        block,
        block_hash,
        began_at,
        updated_at,
        policy,
        inputs: _,
        vector,
        report,
        attempts,
        call,
        extrinsic,
        sealed,
        included,
        on_chain,
        revealed,
        error,
        reason,
    } = row;
    EpochView {
        genesis: lane.genesis,
        netuid: lane.netuid,
        mechanism: lane.mechanism,
        numbering: numbering.to_string(),
        epoch,
        state: state.to_string(),
        ended,
        block,
        block_hash,
        began_at,
        updated_at,
        policy,
        vector: vector.map(vector_view),
        report,
        attempts,
        call,
        extrinsic_hash: extrinsic.map(|extrinsic| extrinsic.hash),
        included_block: included.map(|(block, _)| block),
        included_hash: included.map(|(_, hash)| hash),
        sealed: sealed.and_then(|sealed| serde_json::from_value(sealed).ok()),
        on_chain,
        revealed_block: revealed,
        error,
        reason,
        steps: Vec::new(),
    }
}

fn step_view(step: JournalStep) -> StepView {
    let JournalStep {
        seq,
        at,
        state,
        what,
        error,
    } = step;
    StepView {
        seq,
        at,
        state: state.to_string(),
        what: serde_json::to_value(what).unwrap_or_default(),
        error,
    }
}

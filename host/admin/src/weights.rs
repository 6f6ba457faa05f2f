//! Weights for the operator: what would be recorded, what was, and asking for an epoch.

use axum::{
    extract::{FromRef, Path, Query, State},
    http::StatusCode,
};
use platform_admin_types::{AnswerView, EpochList, EpochView, PreviewView, VectorView, WeightsStatus};
use platform_domain::{EpochId, with_causes};
use platform_epoch::{Answer, EpochError, EpochRow, Epochs, EpochsStatus, Preview, RecordedVector};
use serde::Deserialize;

use crate::{AdminState, ApiError, Json};

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
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no such epoch");
    let epoch: EpochId = epoch.parse().map_err(|_| missing())?;
    let row = epochs.get(epoch).await?.ok_or_else(missing)?;
    Ok(Json(epoch_view(row)))
}

pub(crate) async fn status(State(epochs): State<Epochs>) -> Json<WeightsStatus> {
    let EpochsStatus { block, epoch, error } = epochs.status();
    Json(WeightsStatus {
        submits: epochs.submits(),
        block,
        epoch,
        error,
    })
}

impl From<EpochError> for ApiError {
    fn from(error: EpochError) -> Self {
        match &error {
            EpochError::NoChain => Self::new(StatusCode::CONFLICT, "no_chain", error.to_string())
                .hint("set chain.endpoint and chain.netuid in the host's configuration"),
            EpochError::NobodyTakesPart => Self::new(StatusCode::CONFLICT, "nobody_takes_part", error.to_string())
                .hint("activate a challenge that gives weights"),
            EpochError::Taken { .. } => Self::new(StatusCode::CONFLICT, "epoch_taken", error.to_string())
                .hint("set epoch.period_blocks to what it was, or to a value whose epochs are not in the history"),
            // The operator's own node: what it said is for the operator.
            EpochError::Chain(_) | EpochError::NotTaken(_) => Self::new(StatusCode::BAD_GATEWAY, "chain", with_causes(&error)),
            EpochError::Store(_) | EpochError::Ledger(_) => Self::internal(&error),
        }
    }
}

fn vector_view(vector: RecordedVector) -> VectorView {
    let RecordedVector { uids, weights, u16 } = vector;
    VectorView { uids, weights, u16 }
}

fn answer_view(answer: Answer) -> AnswerView {
    let Answer {
        slug,
        component,
        emission_percent,
        weights,
    } = answer;
    let (entries, reason) = match weights {
        Ok(weights) => (Some(weights.len()), None),
        Err(reason) => (None, Some(reason)),
    };
    AnswerView {
        slug,
        component,
        emission_percent,
        entries,
        reason,
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
    let answers = answers.into_iter().map(answer_view).collect();
    PreviewView {
        epoch,
        block,
        block_hash,
        policy: policy.to_owned(),
        answers,
        vector,
        reason,
        report,
    }
}

fn epoch_view(row: EpochRow) -> EpochView {
    let EpochRow {
        lane,
        epoch,
        state,
        block,
        block_hash,
        began_at,
        updated_at,
        policy,
        vector,
        report,
        attempts,
        extrinsic,
        included,
        on_chain,
        reason,
    } = row;
    EpochView {
        genesis: lane.genesis,
        netuid: lane.netuid,
        mechanism: lane.mechanism,
        epoch,
        state: state.to_string(),
        ended: state.is_final(),
        block,
        block_hash,
        began_at,
        updated_at,
        policy,
        vector: vector.map(vector_view),
        report,
        attempts,
        extrinsic_hash: extrinsic.map(|extrinsic| extrinsic.hash),
        included_block: included.map(|(block, _)| block),
        included_hash: included.map(|(_, hash)| hash),
        on_chain,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use crate::challenges::tests::{Host, refusal};

    #[tokio::test]
    async fn a_page_of_the_history_has_a_length_that_is_told_when_it_is_wrong() {
        let host = Host::start().await;
        for (query, fits) in [
            ("", true),
            ("?limit=1", true),
            ("?limit=1000", true),
            ("?limit=0", false),
            ("?limit=1001", false),
            ("?limit=-1", false),
            ("?limit=", false),
            ("?limit=x", false),
            ("?page=1", false),
        ] {
            let answer = host
                .call("GET", &format!("/v1/admin/weights/history{query}"), None)
                .await;
            if fits {
                assert_eq!(answer.body, serde_json::json!({ "epochs": [] }), "{query}");
            } else {
                assert_eq!(refusal(&answer), (422, "invalid_field", "limit"), "{query}");
            }
        }
    }
}

//! Weights: what would be recorded, what was, and what the chain made of it.

use platform_domain::{
    BlockHash, BlockNumber, Digest, EmissionPercent, EpochId, MechanismId, Netuid, Slug, Uid, UnixSeconds,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Client, ClientError};

/// A weights vector in UID order: three lists of the same length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorView {
    /// The UIDs.
    pub uids: Vec<Uid>,
    /// The shares as decimal strings that sum to one.
    pub weights: Vec<String>,
    /// What is submitted.
    pub u16: Vec<u16>,
}

/// What was answered for one challenge. One whose own answer does not count may have several, in the order of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerView {
    /// The challenge.
    pub slug: Slug,
    /// Digest of the component that answered.
    pub component: Option<Digest>,
    /// Digest of the state that it answered from, where there is one.
    pub state: Option<Digest>,
    /// Whose word it is: `live` (its own), `primary/HOTKEY` or `last-good/EPOCH`.
    pub source: String,
    /// Its part of the emission.
    pub emission_percent: EmissionPercent,
    /// How many entries it has; absent when nothing was said.
    pub entries: Option<usize>,
    /// Why it does not count; absent when it does.
    pub reason: Option<String>,
}

/// `POST /v1/admin/weights/preview`: what an epoch would record if it began now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PreviewView {
    /// The epoch.
    pub epoch: EpochId,
    /// The block at which the subnet was read.
    pub block: BlockNumber,
    /// That block's hash.
    pub block_hash: BlockHash,
    /// The policy with its version.
    pub policy: String,
    /// What each challenge answered.
    pub answers: Vec<AnswerView>,
    /// The vector, when there is one.
    pub vector: Option<VectorView>,
    /// Why there is none.
    pub reason: Option<String>,
    /// How it came about.
    pub report: Option<Value>,
}

/// One step of an epoch, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Counted from 1.
    pub seq: u64,
    /// When.
    pub at: UnixSeconds,
    /// The state it led to.
    pub state: String,
    /// All that it changed.
    pub what: Value,
    /// Why it did not go on, for a step that is about that.
    pub error: Option<String>,
}

/// `GET /v1/admin/weights/epochs/{epoch}/answers`: what each challenge answered, as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawAnswers {
    /// The epoch.
    pub epoch: EpochId,
    /// By slug.
    pub answers: Vec<RawAnswer>,
}

/// One answer with its scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawAnswer {
    /// Where it is from, and whether there is one.
    #[serde(flatten)]
    pub answer: AnswerView,
    /// Hotkey and score, in the challenge's own order; the score is a text because JSON has no NaN.
    pub weights: Option<Vec<(String, String)>>,
}

/// One epoch of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EpochView {
    /// The chain.
    pub genesis: BlockHash,
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism of the subnet.
    pub mechanism: MechanismId,
    /// The epoch.
    pub epoch: EpochId,
    /// How epochs are numbered: `tempo`, or `every/N` blocks.
    pub numbering: String,
    /// begun, collected, recorded, submitted, included, finalised, revealed, skipped or failed.
    pub state: String,
    /// Whether nothing more will happen.
    pub ended: bool,
    /// The block at which the subnet was read.
    pub block: BlockNumber,
    /// That block's hash.
    pub block_hash: BlockHash,
    /// When it began.
    pub began_at: UnixSeconds,
    /// When it last changed.
    pub updated_at: UnixSeconds,
    /// The policy with its version.
    pub policy: Option<String>,
    /// What was recorded.
    pub vector: Option<VectorView>,
    /// How it came about; left out of a history.
    pub report: Option<Value>,
    /// How many extrinsics were signed for it.
    pub attempts: u32,
    /// The call that the last one makes.
    pub call: Option<String>,
    /// The hash of the last one.
    pub extrinsic_hash: Option<BlockHash>,
    /// The block that holds it.
    pub included_block: Option<BlockNumber>,
    /// That block's hash.
    pub included_hash: Option<BlockHash>,
    /// The commit, where weights are revealed later.
    pub sealed: Option<SealedView>,
    /// What the chain held afterwards: UID and weight.
    pub on_chain: Option<Vec<(Uid, u16)>>,
    /// The block in which a commit was revealed.
    pub revealed_block: Option<BlockNumber>,
    /// Why it did not go on when it last tried.
    pub error: Option<String>,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Each step; left out of a history.
    #[serde(default)]
    pub steps: Vec<StepView>,
}

/// A commit that is to be revealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedView {
    /// The round of the beacon that opens it.
    pub round: u64,
    /// The chain's epoch that it was committed in.
    pub committed_in: u64,
    /// The first block that may reveal it.
    pub first_block: BlockNumber,
    /// Blake2-256 of the commit, as the chain's events have it.
    pub commit_hash: BlockHash,
}

/// `GET /v1/admin/weights/history`: the newest epochs first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EpochList {
    /// The epochs.
    pub epochs: Vec<EpochView>,
}

/// `GET /v1/admin/weights/status`: what drives the epochs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WeightsStatus {
    /// Whether vectors are submitted; without a hotkey they are recorded only.
    pub submits: bool,
    /// The chain's best block when it was last seen.
    pub block: Option<BlockNumber>,
    /// The epoch of that block.
    pub epoch: Option<EpochId>,
    /// Why the epoch does not go on; absent when it does.
    pub error: Option<String>,
    /// What an operator should look at: the sink got more than it should, a commit was not revealed.
    #[serde(default)]
    pub alarms: Vec<String>,
}

impl Client {
    /// What an epoch would record if it began now.
    pub async fn weights_preview(&self) -> Result<PreviewView, ClientError> {
        self.post("/v1/admin/weights/preview", &()).await
    }

    /// Begins the current epoch and has the host take it to its end; answers at once.
    pub async fn weights_submit(&self) -> Result<EpochView, ClientError> {
        self.post("/v1/admin/weights/submit", &()).await
    }

    /// The newest epochs first.
    pub async fn weights_history(&self, limit: u32) -> Result<EpochList, ClientError> {
        self.get(&format!("/v1/admin/weights/history?limit={limit}"))
            .await
    }

    /// One epoch.
    pub async fn weights_epoch(&self, epoch: EpochId) -> Result<EpochView, ClientError> {
        self.get(&format!("/v1/admin/weights/epochs/{epoch}")).await
    }

    /// What each challenge answered in an epoch, as it came.
    pub async fn weights_answers(&self, epoch: EpochId) -> Result<RawAnswers, ClientError> {
        self.get(&format!("/v1/admin/weights/epochs/{epoch}/answers"))
            .await
    }

    /// Everything that the vector of an epoch was computed from, as `platform weights compute` reads it.
    pub async fn weights_inputs(&self, epoch: EpochId) -> Result<Value, ClientError> {
        self.get(&format!("/v1/admin/weights/epochs/{epoch}/inputs"))
            .await
    }

    /// What drives the epochs.
    pub async fn weights_status(&self) -> Result<WeightsStatus, ClientError> {
        self.get("/v1/admin/weights/status").await
    }
}

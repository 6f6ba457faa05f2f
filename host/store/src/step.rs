//! The steps that an epoch takes: what each may follow, and what it changes.

use platform_domain::{BlockHash, BlockNumber, Digest, Uid, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EpochRow, EpochState, RecordedExtrinsic, RecordedVector};

/// One step. Each names the states it may follow.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// begun → collected
    Collect {
        /// The block at which the subnet was read, and its hash.
        block: (BlockNumber, BlockHash),
        /// The policy with its version.
        policy: String,
        /// The subnet as it was.
        inputs: Value,
    },
    /// collected → recorded
    Record {
        /// The vector.
        vector: RecordedVector,
        /// How it came about.
        report: Value,
    },
    /// recorded, submitted or included → submitted: a new extrinsic, because the one before can no longer be included, or was
    /// and did nothing. finalised → submitted: because its commit will never be revealed.
    Submit {
        /// The signed bytes.
        extrinsic: RecordedExtrinsic,
        /// The name of the call.
        call: String,
        /// What the commit is sealed to, if it is one.
        sealed: Option<Value>,
    },
    /// submitted or included → included
    Include(BlockNumber, BlockHash),
    /// included → submitted: the block was dropped by a reorganisation.
    Drop,
    /// included → finalised; also submitted → finalised, when the chain shows what the extrinsic did and no longer its block.
    Finalise {
        /// The weights that the chain holds; none yet for a commit.
        on_chain: Option<Vec<(Uid, u16)>>,
    },
    /// finalised → revealed, for a commit
    Reveal {
        /// The block in which it was revealed, if that is known.
        block: Option<BlockNumber>,
        /// The weights that the chain holds.
        on_chain: Vec<(Uid, u16)>,
    },
    /// begun, collected or recorded → skipped
    Skip {
        /// Why there was nothing to pay, or nobody to sign.
        reason: String,
        /// What each challenge did.
        report: Option<Value>,
    },
    /// any state that is not the end → failed
    Fail {
        /// Why.
        reason: String,
    },
    /// skipped or failed → begun, as long as nothing was signed: nothing of it can have reached the chain.
    Reopen {
        /// The best block, and its hash.
        block: (BlockNumber, BlockHash),
    },
    /// Stays where it is, and says why. A state that is not the end.
    Trouble {
        /// Why it does not go on.
        error: String,
    },
}

/// What a step changed, as the journal has it: enough to make the row again, but for inputs and report, which are large and
/// named by their SHA-256.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the row and of the steps")]
pub enum Change {
    /// The first.
    Begin { block: BlockNumber, hash: BlockHash },
    /// The first of an epoch that an older host wrote: its row as it was.
    CarriedOver {},
    /// [`Step::Collect`]
    Collect {
        block: BlockNumber,
        hash: BlockHash,
        policy: String,
        inputs: Digest,
    },
    /// [`Step::Record`]
    Record { vector: RecordedVector, report: Digest },
    /// [`Step::Submit`]
    Submit {
        extrinsic: RecordedExtrinsic,
        call: String,
        sealed: Option<Value>,
    },
    /// [`Step::Include`]
    Include { block: BlockNumber, hash: BlockHash },
    /// [`Step::Drop`]
    Drop {},
    /// [`Step::Finalise`]
    Finalise { on_chain: Option<Vec<(Uid, u16)>> },
    /// [`Step::Reveal`]
    Reveal {
        block: Option<BlockNumber>,
        on_chain: Vec<(Uid, u16)>,
    },
    /// [`Step::Skip`]
    Skip { reason: String, report: Option<Digest> },
    /// [`Step::Fail`]
    Fail { reason: String },
    /// [`Step::Reopen`]
    Reopen { block: BlockNumber, hash: BlockHash },
    /// [`Step::Trouble`]
    Trouble { error: String },
}

/// A step of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalStep {
    /// 1 for the first.
    pub seq: u64,
    /// When.
    pub at: UnixSeconds,
    /// Where it led.
    pub state: EpochState,
    /// What it changed.
    pub what: Change,
    /// What went wrong, if something did.
    pub error: Option<String>,
}

impl Step {
    /// For errors; the journal has the same.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Collect { .. } => "collect",
            Self::Record { .. } => "record",
            Self::Submit { .. } => "submit",
            Self::Include(..) => "include",
            Self::Drop => "drop",
            Self::Finalise { .. } => "finalise",
            Self::Reveal { .. } => "reveal",
            Self::Skip { .. } => "skip",
            Self::Fail { .. } => "fail",
            Self::Reopen { .. } => "reopen",
            Self::Trouble { .. } => "trouble",
        }
    }

    /// Where it leads from this row; `None` when it may not follow.
    pub(crate) fn leads_to(&self, row: &EpochRow) -> Option<EpochState> {
        use EpochState::{
            Begun, Collected, Failed, Finalised, Included, Recorded, Revealed, Skipped, Submitted,
        };
        let from = row.state;
        let unrevealed = from == Finalised && row.sealed.is_some();
        let (may, to) = match self {
            Self::Collect { .. } => (from == Begun, Collected),
            Self::Record { .. } => (from == Collected, Recorded),
            Self::Submit { .. } => (
                matches!(from, Recorded | Submitted | Included) || unrevealed,
                Submitted,
            ),
            Self::Include(..) => (matches!(from, Submitted | Included), Included),
            Self::Drop => (from == Included, Submitted),
            Self::Finalise { .. } => (matches!(from, Submitted | Included), Finalised),
            Self::Reveal { .. } => (unrevealed, Revealed),
            Self::Skip { .. } => (matches!(from, Begun | Collected | Recorded), Skipped),
            Self::Fail { .. } => (!row.is_over(), Failed),
            Self::Reopen { .. } => (
                matches!(from, Skipped | Failed) && row.attempts == 0 && row.extrinsic.is_none(),
                Begun,
            ),
            Self::Trouble { .. } => (!row.is_over(), from),
        };
        may.then_some(to)
    }

    /// As the journal has it, and what is kept in the row alone: the inputs and the report.
    pub(crate) fn into_change(self) -> (Change, Option<Value>, Option<Value>) {
        match self {
            Self::Collect {
                block: (block, hash),
                policy,
                inputs,
            } => {
                let digest = digest(&inputs);
                let change = Change::Collect {
                    block,
                    hash,
                    policy,
                    inputs: digest,
                };
                (change, Some(inputs), None)
            }
            Self::Record { vector, report } => {
                let digest = digest(&report);
                (
                    Change::Record {
                        vector,
                        report: digest,
                    },
                    None,
                    Some(report),
                )
            }
            Self::Skip { reason, report } => {
                let digest = report.as_ref().map(digest);
                (
                    Change::Skip {
                        reason,
                        report: digest,
                    },
                    None,
                    report,
                )
            }
            Self::Submit {
                extrinsic,
                call,
                sealed,
            } => {
                let change = Change::Submit {
                    extrinsic,
                    call,
                    sealed,
                };
                (change, None, None)
            }
            Self::Include(block, hash) => (Change::Include { block, hash }, None, None),
            Self::Drop => (Change::Drop {}, None, None),
            Self::Finalise { on_chain } => (Change::Finalise { on_chain }, None, None),
            Self::Reveal { block, on_chain } => (Change::Reveal { block, on_chain }, None, None),
            Self::Fail { reason } => (Change::Fail { reason }, None, None),
            Self::Reopen { block: (block, hash) } => (Change::Reopen { block, hash }, None, None),
            Self::Trouble { error } => (Change::Trouble { error }, None, None),
        }
    }
}

impl Change {
    /// What went wrong, if something did.
    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Skip { reason: text, .. } | Self::Fail { reason: text } | Self::Trouble { error: text } => {
                Some(text)
            }
            _ => None,
        }
    }

    /// The row after this step, without the inputs and the report that it brought.
    pub(crate) fn applied_to(self, mut row: EpochRow, state: EpochState, at: UnixSeconds) -> EpochRow {
        (row.state, row.updated_at) = (state, at);
        row.step = row.step.saturating_add(1);
        // Whatever it was, it went on; and if it did not, that is told below.
        row.error = None;
        match self {
            Self::Begin { block, hash } | Self::Reopen { block, hash } => {
                (row.block, row.block_hash, row.began_at) = (block, hash, at);
                (row.policy, row.inputs, row.vector, row.report) = (None, None, None, None);
                row.reason = None;
            }
            Self::Collect {
                block, hash, policy, ..
            } => {
                (row.block, row.block_hash, row.policy) = (block, hash, Some(policy));
            }
            Self::Record { vector, .. } => row.vector = Some(vector),
            Self::Submit {
                extrinsic,
                call,
                sealed,
            } => {
                (row.extrinsic, row.call, row.sealed) = (Some(extrinsic), Some(call), sealed);
                (row.attempts, row.included) = (row.attempts.saturating_add(1), None);
            }
            Self::Include { block, hash } => row.included = Some((block, hash)),
            Self::Drop {} => row.included = None,
            Self::Finalise { on_chain } => row.on_chain = on_chain,
            Self::Reveal { block, on_chain } => (row.revealed, row.on_chain) = (block, Some(on_chain)),
            Self::Skip { reason, .. } | Self::Fail { reason } => row.reason = Some(reason),
            Self::Trouble { error } => row.error = Some(error),
            Self::CarriedOver {} => {}
        }
        row
    }
}

/// Of the text that the column holds.
pub(crate) fn digest(value: &Value) -> Digest {
    Digest::of(value.to_string().as_bytes())
}

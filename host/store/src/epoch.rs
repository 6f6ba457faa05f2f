//! An epoch as the ledger has it, and the steps it can take.

use std::{fmt, str::FromStr};

use platform_domain::{
    BlockHash, BlockNumber, EmissionPercent, EpochId, MechanismId, Netuid, RawWeight, Slug, Uid, UnixSeconds,
};
use serde::{Deserialize, Serialize};

/// Whose weights: one mechanism of one subnet of one chain. A ledger never mixes two chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The chain's genesis hash.
    pub genesis: BlockHash,
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism of the subnet.
    pub mechanism: MechanismId,
}

/// Where an epoch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// The subnet was read; challenges may have been asked.
    Begun,
    /// The vector is fixed.
    Recorded,
    /// The extrinsic is signed and kept; it may have been sent.
    Signed,
    /// The extrinsic is in a block that is not yet final.
    Included,
    /// The chain holds the recorded vector in a final block.
    Finalised,
    /// Nothing was to be submitted; the reason says why.
    Skipped,
    /// It ended otherwise; the reason says how.
    Failed,
}

/// A recorded vector, in UID order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedVector {
    /// The UIDs.
    pub uids: Vec<Uid>,
    /// The shares as decimal strings that sum to one.
    pub weights: Vec<String>,
    /// What is submitted.
    pub u16: Vec<u16>,
}

/// A signed extrinsic, kept before it is sent: whoever sends it again sends the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedExtrinsic {
    /// Hexadecimal.
    pub bytes: String,
    /// `0x` and hexadecimal.
    pub hash: BlockHash,
    /// The signer's nonce.
    pub nonce: u64,
    /// The block its mortality counts from.
    pub birth: BlockNumber,
    /// The first block in which it is no longer valid.
    pub expires: BlockNumber,
}

/// One challenge's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The challenge.
    pub slug: Slug,
    /// Digest of the component that answered.
    pub component: Option<String>,
    /// Its part of the emission at that time.
    pub emission_percent: EmissionPercent,
    /// What it said, or why it said nothing.
    pub weights: Result<Vec<RawWeight>, String>,
}

/// An epoch as the ledger has it.
#[derive(Clone, Debug)]
pub struct EpochRow {
    /// Whose weights.
    pub lane: Lane,
    /// The epoch.
    pub epoch: EpochId,
    /// Where it stands.
    pub state: EpochState,
    /// The block at which the subnet was read.
    pub block: BlockNumber,
    /// That block's hash.
    pub block_hash: BlockHash,
    /// When it began.
    pub began_at: UnixSeconds,
    /// When the row last changed.
    pub updated_at: UnixSeconds,
    /// The policy with its version.
    pub policy: Option<String>,
    /// The vector, once recorded.
    pub vector: Option<RecordedVector>,
    /// How the vector came about.
    pub report: Option<serde_json::Value>,
    /// How many extrinsics were signed for it; only the last can still be valid.
    pub attempts: u32,
    /// The last signed extrinsic.
    pub extrinsic: Option<RecordedExtrinsic>,
    /// The block that holds it.
    pub included: Option<(BlockNumber, BlockHash)>,
    /// What the chain held when it was read back.
    pub on_chain: Option<Vec<(Uid, u16)>>,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
}

/// One step forward. Each names the states it may follow.
#[derive(Clone, Debug)]
pub enum Step {
    /// begun → recorded
    Record {
        /// The policy with its version.
        policy: String,
        /// The vector.
        vector: RecordedVector,
        /// How it came about.
        report: serde_json::Value,
    },
    /// recorded or signed → signed: a new extrinsic, because the one before can no longer be included.
    Sign(RecordedExtrinsic),
    /// signed or included → included
    Include(BlockNumber, BlockHash),
    /// included → signed: the block was dropped by a reorganisation.
    Dropped,
    /// included → finalised
    Finalise {
        /// What the chain holds.
        on_chain: Vec<(Uid, u16)>,
    },
    /// begun or recorded → skipped
    Skip {
        /// Why there was nothing to pay, or nobody to sign.
        reason: String,
        /// What each challenge did.
        report: Option<serde_json::Value>,
    },
    /// any unfinished state → failed
    Fail {
        /// Why.
        reason: String,
    },
}

impl EpochState {
    const ALL: [Self; 7] = [
        Self::Begun,
        Self::Recorded,
        Self::Signed,
        Self::Included,
        Self::Finalised,
        Self::Skipped,
        Self::Failed,
    ];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Recorded => "recorded",
            Self::Signed => "signed",
            Self::Included => "included",
            Self::Finalised => "finalised",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finalised | Self::Skipped | Self::Failed)
    }
}

impl FromStr for EpochState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownState)
    }
}

impl fmt::Display for EpochState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no state of an epoch.
#[derive(Debug, thiserror::Error)]
#[error("not a state of an epoch")]
pub struct UnknownState;

impl Step {
    /// The states this step may follow, and the one it leads to.
    pub(crate) const fn transition(&self) -> (&'static [EpochState], EpochState) {
        use EpochState::{Begun, Failed, Finalised, Included, Recorded, Signed, Skipped};
        match self {
            Self::Record { .. } => (&[Begun], Recorded),
            Self::Sign(_) => (&[Recorded, Signed], Signed),
            Self::Include(..) => (&[Signed, Included], Included),
            Self::Dropped => (&[Included], Signed),
            Self::Finalise { .. } => (&[Included], Finalised),
            Self::Skip { .. } => (&[Begun, Recorded], Skipped),
            Self::Fail { .. } => (&[Begun, Recorded, Signed, Included], Failed),
        }
    }

    /// The row after this step.
    pub(crate) fn applied_to(self, row: &EpochRow, now: UnixSeconds) -> EpochRow {
        let (_, state) = self.transition();
        let mut next = EpochRow {
            state,
            updated_at: now,
            ..row.clone()
        };
        match self {
            Self::Record {
                policy,
                vector,
                report,
            } => {
                (next.policy, next.vector, next.report) = (Some(policy), Some(vector), Some(report));
            }
            Self::Sign(extrinsic) => {
                (next.extrinsic, next.attempts) = (Some(extrinsic), row.attempts.saturating_add(1));
            }
            Self::Include(block, hash) => next.included = Some((block, hash)),
            Self::Dropped => next.included = None,
            Self::Finalise { on_chain } => next.on_chain = Some(on_chain),
            Self::Skip { reason, report } => (next.reason, next.report) = (Some(reason), report),
            Self::Fail { reason } => next.reason = Some(reason),
        }
        next
    }
}

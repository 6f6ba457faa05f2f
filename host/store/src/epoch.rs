//! An epoch as the ledger has it.

use std::{fmt, str::FromStr};

use platform_domain::{BlockHash, BlockNumber, EpochId, Hotkey, MechanismId, Netuid, Uid, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Numbering;

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

/// Which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochKey {
    /// Whose weights.
    pub lane: Lane,
    /// What the number counts.
    pub numbering: Numbering,
    /// The number.
    pub epoch: EpochId,
}

/// Where an epoch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// Challenges may have been asked; nothing of it is kept.
    Begun,
    /// What the challenges answered is kept, and the subnet as it then was.
    Collected,
    /// The vector is fixed.
    Recorded,
    /// The extrinsic is signed and kept; it may have been sent.
    Submitted,
    /// The extrinsic is in a block that is not yet final.
    Included,
    /// The chain holds the recorded vector in a final block, or a commit to it that is not yet revealed.
    Finalised,
    /// The chain has revealed the commit, and holds the recorded vector.
    Revealed,
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
    /// Whose weights it sets; `None` in what was signed before this was written down.
    #[serde(default)]
    pub hotkey: Option<Hotkey>,
}

/// An epoch as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRow {
    /// Whose weights.
    pub lane: Lane,
    /// What the number counts.
    pub numbering: Numbering,
    /// The epoch.
    pub epoch: EpochId,
    /// Where it stands.
    pub state: EpochState,
    /// How many steps it took; the newest in its journal.
    pub step: u64,
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
    /// The subnet as it was when the challenges had answered. Left out of lists.
    pub inputs: Option<Value>,
    /// The vector, once recorded.
    pub vector: Option<RecordedVector>,
    /// How the vector came about. Left out of lists.
    pub report: Option<Value>,
    /// How many extrinsics were signed for it; only the last can still be valid.
    pub attempts: u32,
    /// The name of the chain's call in the last extrinsic.
    pub call: Option<String>,
    /// The last signed extrinsic.
    pub extrinsic: Option<RecordedExtrinsic>,
    /// What its commit is sealed to; `None` when the chain reads the weights at once.
    pub sealed: Option<Value>,
    /// The block that holds it.
    pub included: Option<(BlockNumber, BlockHash)>,
    /// The weights that the chain held when they were read back.
    pub on_chain: Option<Vec<(Uid, u16)>>,
    /// The block in which the commit was revealed.
    pub revealed: Option<BlockNumber>,
    /// Why it did not go on when it last tried.
    pub error: Option<String>,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
}

impl EpochRow {
    /// Which epoch it is.
    pub const fn key(&self) -> EpochKey {
        EpochKey {
            lane: self.lane,
            numbering: self.numbering,
            epoch: self.epoch,
        }
    }

    /// Whether nothing more will happen by itself. A commit that is final has still to be revealed.
    pub const fn is_over(&self) -> bool {
        match self.state {
            EpochState::Revealed | EpochState::Skipped | EpochState::Failed => true,
            EpochState::Finalised => self.sealed.is_none(),
            EpochState::Begun
            | EpochState::Collected
            | EpochState::Recorded
            | EpochState::Submitted
            | EpochState::Included => false,
        }
    }
}

impl EpochState {
    /// Every state, in the order in which they follow.
    pub const ALL: [Self; 9] = [
        Self::Begun,
        Self::Collected,
        Self::Recorded,
        Self::Submitted,
        Self::Included,
        Self::Finalised,
        Self::Revealed,
        Self::Skipped,
        Self::Failed,
    ];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Collected => "collected",
            Self::Recorded => "recorded",
            Self::Submitted => "submitted",
            Self::Included => "included",
            Self::Finalised => "finalised",
            Self::Revealed => "revealed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
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

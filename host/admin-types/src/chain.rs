//! The chain as the host sees it: its nodes, the subnet, and whether weights would be taken.

use platform_domain::{BlockHash, BlockNumber, Hotkey, MechanismId, Netuid, Uid};
use serde::{Deserialize, Serialize};

use crate::{Client, ClientError};

/// One node of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Scheme and host; providers put keys into the rest.
    pub endpoint: String,
    /// Whether requests go to it now.
    pub current: bool,
    /// `untried`, `healthy`, `behind`, `waiting` or `refused`.
    pub state: String,
    /// How long its last answer took.
    pub latency_ms: Option<u64>,
    /// Its best block when it was last asked.
    pub best: Option<BlockNumber>,
    /// Failures since the last success.
    pub failures: u32,
    /// What was wrong the last time.
    pub error: Option<String>,
}

/// When the subnet's epochs are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimingView {
    /// The chain's number for the epoch that the next block is in.
    pub epoch: u64,
    /// The block in which it ends.
    pub next_epoch_block: BlockNumber,
    /// Blocks between epochs.
    pub tempo: u16,
    /// Milliseconds between blocks.
    pub block_ms: u64,
    /// After how many epochs a commit is revealed.
    pub reveal_period: u64,
}

/// What a subnet asks of weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetView {
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism.
    pub mechanism: MechanismId,
    /// How many neurons there are.
    pub neurons: u16,
    /// The fewest entries of a vector.
    pub min_allowed_weights: u16,
    /// The most that one entry may be of the sum, in 65535ths.
    pub max_weight_limit: u16,
    /// The least version key that is taken.
    pub weights_version: u64,
    /// Blocks between two settings.
    pub weights_rate_limit: u64,
    /// Whether weights are committed first and revealed later.
    pub commit_reveal: bool,
    /// When epochs are.
    pub timing: TimingView,
}

/// `GET /v1/admin/chain/status`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainStatusView {
    /// The runtime's name, `node-subtensor`.
    pub spec_name: String,
    /// The runtime's version.
    pub spec_version: u32,
    /// The chain's first block, which names it.
    pub genesis: BlockHash,
    /// 42.
    pub ss58_prefix: u16,
    /// The best block.
    pub best: BlockNumber,
    /// The last final block.
    pub finalised: BlockNumber,
    /// Whose weights are submitted; none without a hotkey.
    pub hotkey: Option<Hotkey>,
    /// Whether another key signs for it.
    pub proxied: bool,
    /// The subnet.
    pub subnet: SubnetView,
    /// Every node, in the order in which they are tried.
    pub nodes: Vec<NodeView>,
}

/// One registered neuron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeuronView {
    /// Its place.
    pub uid: Uid,
    /// Its hotkey.
    pub hotkey: Hotkey,
    /// In billionths.
    pub stake: u64,
    /// Whether its weights count.
    pub validator_permit: bool,
}

/// `GET /v1/admin/chain/metagraph`: who is registered, read anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetagraphView {
    /// The subnet.
    pub netuid: Netuid,
    /// The block it was read at.
    pub block: BlockNumber,
    /// That block's hash.
    pub block_hash: BlockHash,
    /// The owner's hotkey.
    pub owner: Option<Hotkey>,
    /// By UID; places without a hotkey are left out.
    pub neurons: Vec<NeuronView>,
}

/// One check that the chain will make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// The chain's name of the error where there is one.
    pub name: String,
    /// `passed`, `failed` or `unknown`.
    pub verdict: String,
    /// With the numbers.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// `GET /v1/admin/chain/preflight`: whether the chain would take weights of this host now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightView {
    /// The epoch whose vector was tried; none when none is recorded, and a vector that pays the hotkey itself was.
    pub epoch: Option<platform_domain::EpochId>,
    /// Whether every check passed.
    pub passed: bool,
    /// Each, in the order of the chain.
    pub checks: Vec<CheckView>,
}

/// `POST /v1/admin/weights/rehearse`: what would be sent, and whether it would be taken. Nothing is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RehearsalView {
    /// What the epoch would record.
    pub preview: crate::PreviewView,
    /// Every check.
    pub preflight: Option<PreflightView>,
    /// The call, when there is a vector.
    pub call: Option<CallView>,
    /// Why there is none, when there is a vector.
    pub error: Option<String>,
}

/// A call as it would be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// Its name in the runtime.
    pub name: String,
    /// `0x` and its SCALE bytes.
    pub data: String,
    /// Whether it is wrapped in one of a proxy.
    pub proxied: bool,
    /// The round of the beacon it is sealed to, for a commit.
    pub round: Option<u64>,
    /// The first block that may reveal a commit.
    pub reveal_block: Option<BlockNumber>,
}

impl Client {
    /// The nodes, the runtime and the subnet.
    pub async fn chain_status(&self) -> Result<ChainStatusView, ClientError> {
        self.get("/v1/admin/chain/status").await
    }

    /// Who is registered.
    pub async fn chain_metagraph(&self) -> Result<MetagraphView, ClientError> {
        self.get("/v1/admin/chain/metagraph").await
    }

    /// Whether weights would be taken.
    pub async fn chain_preflight(&self) -> Result<PreflightView, ClientError> {
        self.get("/v1/admin/chain/preflight").await
    }

    /// What would be sent.
    pub async fn weights_rehearse(&self) -> Result<RehearsalView, ClientError> {
        self.post("/v1/admin/weights/rehearse", &()).await
    }
}

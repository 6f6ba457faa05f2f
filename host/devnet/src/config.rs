//! What a test node is told: where to listen, how fast, and what the chain begins with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use platform_domain::{Hotkey, Netuid};
use serde::{Deserialize, Serialize};

/// How a test node runs.
#[derive(Clone, Debug)]
pub struct DevnetConfig {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The time between blocks; `None` makes blocks on request only.
    pub block_time: Option<Duration>,
    /// How many blocks the finalized head is behind the best one, at most 128.
    pub finality_lag: u32,
    /// What block 0 holds.
    pub genesis: Genesis,
}

/// What block 0 holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Genesis {
    /// The subnets. None is made up: not even the root network.
    pub subnets: Vec<SubnetGenesis>,
    /// The stake below which no hotkey but a subnet's owner may set weights, in RAO.
    pub stake_threshold: u64,
}

/// One subnet at block 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubnetGenesis {
    /// Its number, below 4096.
    pub netuid: Netuid,
    /// Blocks between epochs; 0 never runs one.
    pub tempo: u16,
    /// The owner's hotkey, which is its coldkey too. The all-zero account is nobody.
    pub owner: Hotkey,
    /// Position is UID.
    pub neurons: Vec<NeuronGenesis>,
    /// Blocks between two updates of one hotkey's weights.
    pub weights_rate_limit: u64,
    /// The fewest entries of a vector.
    pub min_allowed_weights: u16,
    /// The lowest version key accepted; 0 accepts all.
    pub weights_version: u64,
    /// Whether plain `set_weights` is refused. Commit calls are not offered by this node.
    pub commit_reveal: bool,
    /// How many mechanisms there are, 1 to 16.
    pub mechanisms: u8,
}

/// One neuron at block 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronGenesis {
    /// Its hotkey.
    pub hotkey: Hotkey,
    /// Its stake weight, in RAO.
    #[serde(default)]
    pub stake: u64,
    /// Whether it may set weights for others.
    #[serde(default)]
    pub validator_permit: bool,
}

/// The chain's target, `Aura.SlotDuration` on the main network.
const BLOCK_TIME: Duration = Duration::from_secs(12);
/// About what GRANDPA lags by on a healthy chain.
const FINALITY_LAG: u32 = 2;
/// Half the blocks whose state is kept, so that the finalized state is always there.
pub(crate) const MAX_FINALITY_LAG: u32 = 128;

impl Default for DevnetConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            block_time: Some(BLOCK_TIME),
            finality_lag: FINALITY_LAG,
            genesis: Genesis::default(),
        }
    }
}

impl Default for SubnetGenesis {
    /// A subnet 1 as the chain registers it, except that plain `set_weights` is allowed.
    fn default() -> Self {
        Self {
            netuid: Netuid(1),
            tempo: 360,
            owner: Hotkey::from_bytes([0; 32]),
            neurons: Vec::new(),
            weights_rate_limit: 100,
            min_allowed_weights: 1,
            weights_version: 0,
            commit_reveal: false,
            mechanisms: 1,
        }
    }
}

//! What a test node is told: where to listen, how fast, and what the chain begins with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use platform_domain::{BlockNumber, Hotkey, Netuid, UnixSeconds};
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
    /// What the blocks' time is taken from.
    pub clock: Clock,
    /// Whose pulses the chain stores; without one it stores none, and no commit is ever revealed.
    pub beacon: Option<BeaconGenesis>,
    /// What the runtime is like.
    pub runtime: RuntimeAge,
    /// What block 0 holds.
    pub genesis: Genesis,
}

/// What the runtime is like, as far as its metadata tells. Its version is 461 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeAge {
    /// As recorded at spec 461: mechanisms, and epochs that the chain counts.
    #[default]
    Present,
    /// As before mechanisms and before spec 423: `set_weights` and `commit_timelocked_weights` only, and epochs on the grid.
    Old,
}

/// What the time that a block is stamped with is taken from. It never stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// The block's height: `start + height · step`, so that pulses come with blocks however fast these are made.
    Blocks {
        /// The time of block 0.
        start: UnixSeconds,
        /// The time between two blocks.
        step: Duration,
    },
}

/// A beacon that signs a round every `period` seconds from `genesis` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeaconGenesis {
    /// What its secret key is made of. It is no secret.
    pub seed: [u8; 32],
    /// When round 1 came out.
    pub genesis: UnixSeconds,
    /// Seconds between two rounds.
    pub period: u64,
}

impl DevnetConfig {
    /// How long a block takes, where that can be told: what `Aura.SlotDuration` is then.
    pub(crate) fn slot(&self) -> Option<Duration> {
        match self.clock {
            Clock::System => self.block_time,
            Clock::Blocks { step, .. } => Some(step),
        }
    }
}

impl Clock {
    /// The time for a block, in milliseconds since 1970.
    pub(crate) fn millis(self, number: u32) -> u64 {
        let since = match self {
            Self::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Self::Blocks { start, step } => {
                Duration::from_secs(start.0).saturating_add(step.saturating_mul(number))
            }
        };
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What block 0 holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Genesis {
    /// The subnets. None is made up: not even the root network.
    pub subnets: Vec<SubnetGenesis>,
    /// The stake below which no hotkey but a subnet's owner may set weights, in RAO.
    pub stake_threshold: u64,
    /// The only version of commits that is taken.
    pub commit_reveal_version: u16,
    /// Who may act for whom.
    pub proxies: Vec<ProxyGenesis>,
    /// Until which block the chain is in safe mode.
    pub safe_mode_until: Option<BlockNumber>,
}

/// A delegation at block 0: an entry of `Proxy.Proxies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyGenesis {
    /// For whom.
    pub real: Hotkey,
    /// Who acts.
    pub delegate: Hotkey,
    /// What it may do, by the runtime's name: `Any`, `Staking`, ….
    pub kind: String,
    /// Blocks that a call must be announced before.
    #[serde(default)]
    pub delay: u32,
}

/// One subnet at block 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubnetGenesis {
    /// Its number, below 4096.
    pub netuid: Netuid,
    /// Blocks between epochs; 0 never runs one.
    pub tempo: u16,
    /// The block in which the owner wants an epoch before its time; 0 for none.
    pub pending_epoch_at: BlockNumber,
    /// Epochs between a commit and its reveal, 1 to 100.
    pub reveal_period: u64,
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
    /// Whether weights are committed first and revealed later, and plain `set_weights` is refused.
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
/// The chain's default of `CommitRevealWeightsVersion`.
const COMMIT_REVEAL_VERSION: u16 = 4;
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
            clock: Clock::System,
            beacon: None,
            runtime: RuntimeAge::Present,
            genesis: Genesis::default(),
        }
    }
}

impl Default for Genesis {
    fn default() -> Self {
        Self {
            subnets: Vec::new(),
            stake_threshold: 0,
            commit_reveal_version: COMMIT_REVEAL_VERSION,
            proxies: Vec::new(),
            safe_mode_until: None,
        }
    }
}

impl Default for SubnetGenesis {
    /// A subnet 1 as the chain registers it, except that plain `set_weights` is allowed.
    fn default() -> Self {
        Self {
            netuid: Netuid(1),
            tempo: 360,
            pending_epoch_at: BlockNumber(0),
            reveal_period: 1,
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

//! What an operator decides about epochs.

use std::time::Duration;

use platform_chain::ChainConfig;
use platform_domain::{MechanismId, Netuid};
use platform_weights::{Fallback, Policy};

use crate::{Primary, Schedule};

/// When and how weights are computed.
#[derive(Clone, Debug)]
pub struct EpochConfig {
    /// The nodes; `None` serves miners and submits nothing.
    pub chain: Option<ChainConfig>,
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism of the subnet.
    pub mechanism: MechanismId,
    /// When epochs begin.
    pub schedule: Schedule,
    /// How shares are made.
    pub policy: Policy,
    /// Whom to pay when there is nobody to pay.
    pub fallback: Fallback,
    /// How many percent of the whole the sink may get beyond what is expected, before that is an alarm; with 100 never.
    pub sink_alarm_percent: u8,
    /// Whether others are told what the chain still keeps sealed.
    pub tell_sealed: bool,
    /// Another host, for challenges whose rule takes its word.
    pub primary: Option<Primary>,
    /// How long a challenge may take to answer.
    pub collect_deadline: Duration,
    /// How often the chain's head is looked at.
    pub poll: Duration,
}

//! What can go wrong, by what the caller can do about it.

use std::{error::Error, time::Duration};

use platform_domain::{BlockHash, BlockNumber, MechanismId, Netuid};
use platform_timelock::{RehearsalError, ScheduleError, SealError};

use crate::Rejection;

/// Why the chain did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The configuration: the endpoint is not a WebSocket address.
    #[error("an endpoint is an address that begins with ws:// or wss:// and has a host")]
    Endpoint,
    /// The configuration: no endpoint at all.
    #[error("no endpoint of the chain is configured")]
    NoEndpoint,
    /// The node cannot be reached or the connection broke. The next call connects anew.
    #[error("no connection to the node")]
    Connection(#[source] Box<dyn Error + Send + Sync>),
    /// The node did not answer in time. The next call connects anew.
    #[error("the node did not answer {method} within {} ms", after.as_millis())]
    Timeout {
        /// The RPC method.
        method: String,
        /// The deadline.
        after: Duration,
    },
    /// The node is on another chain than configured, or than the one that was first connected to.
    #[error("the node's genesis is {found}, not {expected}")]
    Genesis {
        /// The chain wanted.
        expected: BlockHash,
        /// The node's chain.
        found: BlockHash,
    },
    /// The node writes addresses with another prefix than Bittensor's 42, so it is of another network.
    #[error("the node's SS58 prefix is {0}, Bittensor's is 42; is this an endpoint of another network?")]
    Prefix(u64),
    /// The node's runtime, by its name, is not subtensor.
    #[error("the node's runtime is {0:?} and not Bittensor's; is this an endpoint of another network?")]
    NotSubtensor(String),
    /// The node answered with an error that has no variant of its own.
    #[error("the node refused {method}: {message} ({code})")]
    Rpc {
        /// The RPC method.
        method: &'static str,
        /// The JSON-RPC error code.
        code: i32,
        /// The node's text, shortened.
        message: String,
    },
    /// The node's answer does not have the shape the method promises.
    #[error("the node's answer to {method} is malformed")]
    Answer {
        /// The RPC method.
        method: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The node does not know the block, or has already discarded its state.
    #[error("the node has no state for block {0}")]
    BlockUnavailable(BlockHash),
    /// The extrinsic is in this block of the best chain, but what came of it can no longer be read: the node
    /// has discarded the block's events, which most do after 256 blocks. An archive node has them.
    #[error("the extrinsic is in block {block}, whose events the node has discarded")]
    EventsDiscarded {
        /// The block's height.
        block: BlockNumber,
        /// The block's hash.
        hash: BlockHash,
    },
    /// The runtime has not what this host relies on, or in another shape: one of the two must be upgraded.
    #[error("the runtime and this host disagree about {what}")]
    Runtime {
        /// The item of the runtime.
        what: String,
        /// How they disagree.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such subnet.
    #[error("there is no subnet {0}")]
    NoSubnet(Netuid),
    /// There is no such mechanism in the subnet.
    #[error("subnet {netuid} has no mechanism {mechanism}")]
    NoMechanism {
        /// The subnet.
        netuid: Netuid,
        /// The mechanism.
        mechanism: MechanismId,
    },
    /// `IncorrectCommitRevealVersion` to be: the chain takes commits of a version that this host cannot make.
    #[error(
        "the chain takes commits of version {0} and this host makes version 4: the host must be upgraded"
    )]
    CommitRevealVersion(u16),
    /// A trial with a pulse of the chain's failed: it would never be able to open the commit.
    #[error(
        "what is sealed here could not be opened by the chain; is the beacon in the configuration the chain's?"
    )]
    Rehearsal(#[source] RehearsalError),
    /// The weights cannot be sealed.
    #[error("the weights cannot be sealed")]
    Seal(#[source] SealError),
    /// The subnet's epochs are such that there is no reveal.
    #[error("the subnet's schedule has no reveal for a commit of now")]
    Schedule(#[source] ScheduleError),
    /// The runtime was upgraded between composing a call and signing it, so the bytes may mean something else now.
    #[error(
        "the call was composed for spec version {composed} and the runtime is {current} now; compose it anew"
    )]
    Upgraded {
        /// The version it was composed for.
        composed: u32,
        /// The version now.
        current: u32,
    },
    /// A call whose lists of UIDs and of values differ in length.
    #[error("{uids} UIDs but {values} values")]
    Unequal {
        /// The number of UIDs.
        uids: usize,
        /// The number of values.
        values: usize,
    },
    /// The node's transaction pool refused the extrinsic.
    #[error("the extrinsic was rejected")]
    Rejected(#[source] Rejection),
}

impl ChainError {
    /// Whether the same question may well be answered a little later, without anyone doing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Timeout { .. })
    }

    pub(crate) fn runtime(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (what, source) = (what.into(), source.into());
        Self::Runtime { what, source }
    }
}

//! Why a node does not start, and why a fault cannot be injected.

use platform_domain::{Hotkey, Netuid};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// A test node must not be reachable from another machine.
    #[error("a devnet listens on a loopback address, {0} is not one")]
    NotLoopback(std::net::SocketAddr),
    /// The port is taken, or the machine refuses.
    #[error("cannot listen")]
    Listen(#[source] std::io::Error),
    /// Finality further back than state is kept.
    #[error("finality may lag by at most {} blocks", crate::config::MAX_FINALITY_LAG)]
    FinalityLag,
    /// A block time of nothing.
    #[error("the block time is zero; leave it out for blocks on request")]
    BlockTime,
    /// Genesis or period of the beacon.
    #[error("the beacon is not usable")]
    Beacon(#[from] crate::drand::BeaconRefused),
    /// A genesis that the chain could not hold.
    #[error("the genesis is not valid")]
    Genesis(#[from] GenesisError),
    /// The recorded metadata lacks something this crate uses: a defect of this crate.
    #[error("the recorded metadata does not fit")]
    Metadata(#[from] MetadataError),
    /// Two methods of one name: a defect of this crate.
    #[error("the RPC methods do not register")]
    Methods(#[source] jsonrpsee::core::RegisterMethodError),
}

/// A genesis that the chain could not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// The storage index of a mechanism is `mechanism * 4096 + netuid`.
    #[error("subnet {0}: a netuid is below 4096")]
    Netuid(Netuid),
    /// Two entries for one subnet.
    #[error("subnet {0} appears twice")]
    DuplicateSubnet(Netuid),
    /// Two UIDs for one hotkey.
    #[error("subnet {0}: {1} appears twice")]
    DuplicateHotkey(Netuid, Hotkey),
    /// UIDs are 16 bits wide.
    #[error("subnet {0} has more than 65535 neurons")]
    TooManyNeurons(Netuid),
    /// Every subnet has mechanism 0; the index leaves room for 16.
    #[error("subnet {0} has 1 to 16 mechanisms")]
    Mechanisms(Netuid),
    /// The chain's bound on `RevealPeriodEpochs`.
    #[error("subnet {0} reveals after 1 to 100 epochs")]
    RevealPeriod(Netuid),
}

/// The recorded metadata lacks something, or has it in another shape.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not metadata of version 15.
    #[error("not metadata V15")]
    Version,
    /// No such pallet, item, event, error, constant or runtime call.
    #[error("{0} is not in the metadata")]
    Missing(String),
    /// A transaction extension that signs data this crate does not know.
    #[error("the transaction extension {0} is not supported")]
    Extension(String),
    /// A value of another shape than the metadata says.
    #[error("a value does not encode")]
    Encode(#[from] scale_encode::Error),
    /// A storage key of another shape than the metadata says.
    #[error("a storage key does not encode")]
    Key(#[from] frame_decode::storage::StorageKeyEncodeError),
    /// State written by this crate that this crate cannot read.
    #[error("a stored value does not decode")]
    Decode(#[from] parity_scale_codec::Error),
    /// A round that the beacon cannot sign: a defect of this crate or of the curve's.
    #[error("a pulse cannot be made")]
    Pulse(#[source] platform_timelock::CurveError),
}

/// The chain has no such subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no subnet {0} on this chain")]
pub struct NoSubnet(pub Netuid);

/// Why the best block cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReorgRefused {
    /// A finalized block stays.
    #[error("the best block is final")]
    Final,
    /// The replacement cannot be built: a defect of this crate.
    #[error("the replacement cannot be built")]
    Metadata(#[from] MetadataError),
}

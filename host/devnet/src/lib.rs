//! **A TEST NODE. Never a chain, never a source of truth, never reachable from another machine.**
//!
//! It speaks enough of subtensor's JSON-RPC, over HTTP and WebSocket on one loopback port, that a client
//! written for the chain cannot tell the difference on the calls it makes: the metadata of spec 461, state as
//! SCALE bytes under the real storage keys, headers whose blake2-256 is the block's hash, extrinsics whose
//! signature, era, nonce and every extension byte are checked, and the chain's own refusals in the chain's own
//! words and order.
//!
//! It has the epochs of spec 423 and later, commit-reveal of weights (version 4) and a beacon whose pulses open the commits. [`Faults`]
//! has what goes wrong on the chain and on the way to it; [`Hyperparameter`], what a subnet's owner changes meanwhile.
//!
//! What it does **not** have: consensus (blocks appear on a timer or on request, finality lags by a fixed
//! number), a state trie (the state root is a hash chain over the writes), Yuma (an epoch only moves the
//! schedule), fees, and any call but `set_weights`, `commit_timelocked_weights`, their forms for mechanisms and `Proxy.proxy`
//! around one of these: others are included and fail with `System.CallFiltered`. Stake is what the genesis says and never moves.

mod block;
mod calls;
mod chain;
mod commits;
mod config;
mod drand;
mod epochs;
mod error;
mod events;
mod execute;
mod extrinsic;
mod faults;
mod frames;
mod genesis;
#[cfg(test)]
mod golden;
mod items;
mod metadata;
mod metagraph;
mod node;
mod orders;
mod pool;
mod proxies;
mod reveals;
mod rpc;
mod runtime_api;
mod state;
mod validity;
mod weights;
mod wire;

pub use chain::Accepted;
pub use config::{
    BeaconGenesis, Clock, DevnetConfig, Genesis, NeuronGenesis, ProxyGenesis, RuntimeAge, SubnetGenesis,
};
pub use drand::BeaconRefused;
pub use error::{DevnetError, GenesisError, MetadataError, NoSubnet, ReorgRefused};
pub use faults::{Exhausted, Faults, Retracted};
pub use node::Devnet;
pub use orders::Hyperparameter;

//! **A TEST NODE. Never a chain, never a source of truth, never reachable from another machine.**
//!
//! It speaks enough of subtensor's JSON-RPC, over HTTP and WebSocket on one loopback port, that a client
//! written for the chain cannot tell the difference on the calls it makes: the metadata of spec 461, state as
//! SCALE bytes under the real storage keys, headers whose blake2-256 is the block's hash, extrinsics whose
//! signature, era, nonce and every extension byte are checked, and the chain's own refusals in the chain's own
//! words and order.
//!
//! What it does **not** have: consensus (blocks appear on a timer or on request, finality lags by a fixed
//! number), a state trie (the state root is a hash chain over the writes), Yuma (an epoch only moves the
//! schedule), fees, commit-reveal, and any call but `set_weights` and `set_mechanism_weights`: others are
//! included and fail with `System.CallFiltered`. Stake is what the genesis says and never moves.

mod block;
mod chain;
mod config;
mod epochs;
mod error;
mod events;
mod execute;
mod extrinsic;
mod faults;
mod genesis;
#[cfg(test)]
mod golden;
mod items;
mod metadata;
mod metagraph;
mod node;
mod pool;
mod rpc;
mod runtime_api;
mod state;
mod validity;
mod weights;
mod wire;

pub use chain::Accepted;
pub use config::{DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
pub use error::{DevnetError, GenesisError, MetadataError, ReorgRefused};
pub use faults::Faults;
pub use node::Devnet;

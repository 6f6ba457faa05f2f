//! The chain that a subnet lives on: reads who is registered, signs a vector of weights with the
//! validator's hotkey, sends it and follows it to finality. Everything about the runtime comes from the
//! metadata of the block in question, by name; nothing is generated at build time. When to send, and what,
//! is the caller's business, and so is keeping what was signed before it is sent. Commit-reveal is not
//! spoken: a subnet that has it on is refused.

mod chain;
mod error;
#[cfg(test)]
mod golden;
mod inclusion;
mod link;
mod outcome;
mod rejection;
mod rpc;
mod runtime;
mod subnet;
mod weights;

pub use chain::{Chain, ChainConfig};
pub use error::ChainError;
pub use inclusion::Inclusion;
pub use outcome::DispatchFailure;
pub use rejection::Rejection;
pub use subnet::Subnet;
pub use weights::{MORTALITY, SignedExtrinsic, WeightsCall};

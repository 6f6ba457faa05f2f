//! The chain that a subnet lives on: reads who is registered and when epochs are, checks a vector of weights as the chain will,
//! composes and signs the call that sets or commits it, sends it, and follows it to finality and to its reveal. Everything
//! about the runtime comes from the metadata of the block in question, by name; nothing is generated at build time. When to
//! send, and what, is the caller's business, and so is keeping what was signed before it is sent.
//!
//! The way of a vector: [`Chain::preflight`], [`Chain::compose`], [`Chain::sign`], keep the bytes, [`Chain::submit`],
//! [`Chain::inclusion`] until final, and where it was sealed [`Chain::reveal`]. After an outcome that is unknown
//! [`Chain::held`] says what the chain has; [`Retry`] says what to do after each error.

mod chain;
mod commit;
mod compose;
mod endpoint;
mod error;
mod extrinsic;
#[cfg(test)]
mod golden;
mod health;
mod held;
mod inclusion;
mod limits;
mod link;
mod outcome;
mod pool;
mod preflight;
mod proxy;
mod rejection;
mod retry;
mod reveal;
mod rpc;
mod runtime;
mod status;
mod submitter;
mod subnet;
mod timing;
mod view;
mod weights;

pub use chain::{Chain, ChainConfig};
pub use commit::Sealed;
pub use compose::Composed;
pub use error::ChainError;
pub use extrinsic::{MORTALITY, SignedExtrinsic};
pub use health::{EndpointHealth, EndpointState};
pub use held::{Held, Holding};
pub use inclusion::Inclusion;
pub use outcome::DispatchFailure;
pub use preflight::{Check, Preflight, Verdict};
pub use rejection::Rejection;
pub use retry::{Failure, Retry};
pub use reveal::{Missed, RevealState};
pub use status::ChainStatus;
pub use submitter::{Account, Submitter};
pub use subnet::Subnet;
pub use timing::Timing;
pub use weights::WeightsCall;

//! Weights, from the challenges to the chain: collect → aggregate → record → sign → submit → confirm.
//!
//! The vector is recorded before it is signed, and the signed bytes are recorded before they are sent. A
//! restart goes on from what is recorded: it sends the very same bytes again, which the chain takes once
//! because of their nonce. A new extrinsic is signed only when the one before can no longer be included.
//!
//! How scores become shares is `platform-weights`; how to talk to a node is `platform-chain`.

mod collect;
mod confirm;
mod drive;
mod epochs;
mod error;
mod prepare;
mod submit;

pub use epochs::{EpochConfig, Epochs, EpochsStatus};
pub use error::EpochError;
pub use platform_store::{Answer, EpochRow, EpochState, RecordedVector};
pub use prepare::Preview;

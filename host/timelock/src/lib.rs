//! Weights that nobody can copy: sealed to a moment that has not come, and opened by the chain when it has. This is Bittensor's
//! commit-reveal, version 4, as far as it is arithmetic: bytes and numbers in, bytes and numbers out. Who reads the chain,
//! sends the commit and looks whether it was revealed is another crate's business.
//!
//! 1. [`Schedule`] says from what the chain keeps when a commit will be revealed, and which [`Round`] of the [`Beacon`] is out
//!    then.
//! 2. [`Payload`] is what is sealed: hotkey, weights, version key.
//! 3. [`Beacon::seal`] makes the [`Ciphertext`] that is committed. [`Beacon::rehearse`] finds out beforehand whether the chain
//!    will be able to open it, because afterwards it does not say.
//! 4. The signature in the [`Pulse`] of that round opens it: [`Ciphertext::open`], [`Payload::revealed`]. The chain does this;
//!    here it is for rehearsals and for a test node, which has a [`BeaconKey`] to make pulses of its own.
//!
//! The forms are those of spec 423 to 461 (`commit_reveal_version` 4); paths of files are those of
//! `opentensor/subtensor` at spec 425.

mod beacon;
mod beacon_key;
mod ciphertext;
mod config;
mod curve;
mod entropy;
#[cfg(test)]
mod golden;
mod ibe;
pub mod limits;
mod payload;
mod public_key;
mod pulse;
mod round;
mod schedule;
mod seal;
mod signature;

pub use beacon::{Beacon, MomentError, VerifyError};
pub use beacon_key::BeaconKey;
pub use ciphertext::{Ciphertext, CiphertextError};
pub use config::{BeaconConfig, BeaconError, Scheme, SchemeError};
pub use curve::CurveError;
pub use entropy::EntropyError;
pub use payload::{Payload, PayloadError};
pub use public_key::{PublicKey, PublicKeyError};
pub use pulse::{Pulse, PulseError};
pub use round::{Round, RoundError};
pub use schedule::{Epochs, Grid, Reveal, RevealPeriod, Schedule, ScheduleError, SubnetEpoch};
pub use seal::{OpenError, RehearsalError, SealError};
pub use signature::{Signature, SignatureError};

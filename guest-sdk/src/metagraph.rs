//! Who is in the subnet, as the chain had it at one block. A call sees the same block from its beginning to its end; asked
//! for weights, that of its [context](crate::WeightsContext).
//!
//! ```
//! use platform_guest_sdk::{prelude::*, testing::{Harness, Subnet, post}};
//!
//! struct Parts;
//!
//! #[challenge(name = "parts")]
//! impl Parts {
//!     #[post("/attempts", signed)]
//!     fn attempt(request: &Request) -> Result<(u16, ())> {
//!         let subnet = request.environment().metagraph();
//!         match subnet.find(&request.signed_caller()?.hotkey)? {
//!             Some(neuron) if !neuron.validator_permit => Ok((201, ())),
//!             _ => Err(Error::forbidden("only for miners of this subnet")),
//!         }
//!     }
//!
//!     /// A part for every miner.
//!     #[weights]
//!     fn weights(context: &WeightsContext) -> Result<Weights> {
//!         let neurons = context.environment().metagraph().neurons()?;
//!         let miners = neurons.into_iter().filter(|neuron| !neuron.validator_permit);
//!         Weights::from_scores(miners.map(|neuron| (neuron.hotkey, 1.0)))
//!     }
//! }
//!
//! let subnet = Subnet::new(7).validator("5Vera", 1_000_000_000).miner("5Alice").miner("5Bob");
//! let parts = Harness::<Parts>::new().subnet(subnet);
//! assert_eq!(parts.send(post("/attempts").caller("5Alice", Some(1))).status(), 201);
//! assert_eq!(parts.send(post("/attempts").caller("5Vera", Some(0))).status(), 403);
//! assert_eq!(parts.weights(&parts.moment()).unwrap().entries().len(), 2);
//! // As in a host that has not read the subnet yet.
//! let early = Harness::<Parts>::new();
//! assert_eq!(early.send(post("/attempts").caller("5Alice", Some(1))).status(), 503);
//! ```

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

use std::fmt;

#[cfg(target_family = "wasm")]
use component as border;
#[cfg(not(target_family = "wasm"))]
use native as border;

use crate::{Environment, Error};

/// The subnet at the block that this call sees. To take one costs nothing: each function asks the host.
#[derive(Clone, Debug)]
pub struct Metagraph {
    inner: border::Metagraph,
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A hotkey that is registered in the subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neuron {
    /// Its place in the subnet.
    pub uid: u16,
    /// An SS58 address with prefix 42.
    pub hotkey: String,
    /// What the chain compares when it ranks validators, in billionths: the subnet's alpha, and the TAO behind it by the
    /// chain's weight for that, after what keys lend to each other. No amount that somebody could withdraw.
    pub stake: u64,
    /// Whether the chain counts the weights that it sets.
    pub validator_permit: bool,
}

/// The host has not read the subnet since it started. It does within seconds when it reaches the chain; a host without a
/// chain never does. Weights are never asked for before.
///
/// `?` makes it a 503, so that a miner comes back: for that it is no [`std::error::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotReadYet;

/// What a question about the subnet is answered with.
pub type Result<T> = std::result::Result<T, NotReadYet>;

impl Metagraph {
    pub(crate) fn open(environment: &Environment) -> Self {
        let inner = border::Metagraph::open(environment);
        Self { inner }
    }

    /// The block at which the subnet was read.
    pub fn block(&self) -> Result<Block> {
        self.inner.block()
    }

    /// The number of the subnet.
    pub fn netuid(&self) -> Result<u16> {
        self.inner.netuid()
    }

    /// Every neuron, in the order of their UIDs; a UID without a neuron is left out. It is the whole subnet in memory, some
    /// 100 bytes for each: whoever needs one asks for one.
    pub fn neurons(&self) -> Result<Vec<Neuron>> {
        self.inner.neurons()
    }

    /// The neuron of a UID, if there is one.
    pub fn neuron(&self, uid: u16) -> Result<Option<Neuron>> {
        self.inner.neuron(uid)
    }

    /// The UID of a hotkey; none when it is not registered.
    pub fn uid_of(&self, hotkey: &str) -> Result<Option<u16>> {
        self.inner.uid_of(hotkey)
    }

    /// The neuron of a hotkey; none when it is not registered.
    pub fn find(&self, hotkey: &str) -> Result<Option<Neuron>> {
        match self.uid_of(hotkey)? {
            Some(uid) => self.neuron(uid),
            None => Ok(None),
        }
    }

    /// The hotkey of the subnet's owner, if it has one. It need not be registered.
    pub fn owner(&self) -> Result<Option<String>> {
        self.inner.owner()
    }
}

impl fmt::Display for NotReadYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the subnet was not read yet; try again in a moment")
    }
}

impl From<NotReadYet> for Error {
    fn from(error: NotReadYet) -> Self {
        Self::busy(error.to_string())
    }
}

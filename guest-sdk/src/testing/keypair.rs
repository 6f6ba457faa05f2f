//! Keys for tests.

use std::fmt;

use schnorrkel::{ExpansionMode, MiniSecretKey};

use crate::crypto::{self, native::CONTEXT};

/// A miner's key pair, for tests of what verifies [signatures](crate::crypto).
#[derive(Clone)]
pub struct Keypair(schnorrkel::Keypair);

impl Keypair {
    /// The one of this seed, as wallets make it.
    ///
    /// # Panics
    /// Never: every seed has a key pair.
    #[must_use]
    #[expect(clippy::expect_used, reason = "32 bytes are always a seed")]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = MiniSecretKey::from_bytes(&seed).expect("32 bytes");
        Self(seed.expand_to_keypair(ExpansionMode::Ed25519))
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.public.to_bytes()
    }

    /// The SS58 address, with the prefix of Bittensor.
    #[must_use]
    pub fn hotkey(&self) -> String {
        crypto::ss58_encode(&self.public_key(), crypto::BITTENSOR).unwrap_or_default()
    }

    /// Signs exactly these bytes, with sr25519 in the context `substrate`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign_simple(CONTEXT, message).to_bytes()
    }
}

/// Its address only.
impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keypair").field(&self.hotkey()).finish()
    }
}

//! A beacon of one's own, for a test node: it signs rounds as drand's nodes do together. No secret of value may depend on it.

use std::fmt;

use platform_domain::UnixSeconds;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{Beacon, BeaconConfig, CurveError, PublicKey, Pulse, Round, Signature, curve, curve::Scalar};

/// What signs rounds. Silent in `Debug`, wiped when it is dropped.
pub struct BeaconKey {
    secret: Zeroizing<Scalar>,
    public: PublicKey,
}

/// So that a seed makes no key of anything else.
const KEY: &[u8] = b"platform timelock: key of a beacon\0";

impl BeaconKey {
    /// The key that a seed stands for: always the same. Twice 32 bytes of SHA-256 are taken modulo the order, so that no key
    /// is likelier than another.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, CurveError> {
        let mut wide = Zeroizing::new([0; 64]);
        for (half, number) in wide.chunks_exact_mut(32).zip(0_u8..) {
            let hash = Sha256::new().chain_update(KEY).chain_update([number]);
            half.copy_from_slice(&hash.chain_update(seed).finalize());
        }
        let secret = Zeroizing::new(curve::scalar(wide.as_slice()));
        let public = PublicKey::of_point(curve::times_g2(curve::generator(), *secret))?;
        Ok(Self { secret, public })
    }

    /// What its pulses are verified with.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a round: the secret key times what stands for the round.
    pub fn sign(&self, round: Round) -> Result<Pulse, CurveError> {
        let point = curve::times_g1(curve::identity(round)?, *self.secret);
        let signature = Signature::of_point(point)?;
        Ok(Pulse { round, signature })
    }

    /// The configuration of the beacon that this key signs for, with a genesis and whole seconds between rounds.
    pub fn config(&self, genesis: UnixSeconds, period: u64) -> BeaconConfig {
        BeaconConfig {
            public_key: self.public.to_string(),
            genesis: genesis.0,
            period,
            ..BeaconConfig::default()
        }
    }

    /// Whether this is the key of a beacon.
    pub fn is_of(&self, beacon: &Beacon) -> bool {
        self.public == *beacon.public_key()
    }
}

impl fmt::Debug for BeaconKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BeaconKey(… {})", self.public)
    }
}

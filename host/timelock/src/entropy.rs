//! All that is random in a ciphertext, so that sealing itself is a function.

use zeroize::Zeroizing;

use crate::ibe::Secret;

/// What one ciphertext is made of besides its content. Never used twice: two contents with the same are both open.
pub(crate) struct Entropy {
    /// What the content is encrypted with.
    pub(crate) key: Secret,
    /// What the key is wrapped with. In `tle` it is the hash of a random scalar, which nobody can tell from random bytes.
    pub(crate) sigma: Secret,
    pub(crate) nonce: [u8; Entropy::NONCE_BYTES],
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct EntropyError;

impl Entropy {
    pub(crate) const NONCE_BYTES: usize = 12;

    /// From the system.
    pub(crate) fn fresh() -> Result<Self, EntropyError> {
        let mut entropy = Self {
            key: Zeroizing::new([0; 32]),
            sigma: Zeroizing::new([0; 32]),
            nonce: [0; Self::NONCE_BYTES],
        };
        for bytes in [
            entropy.key.as_mut_slice(),
            entropy.sigma.as_mut_slice(),
            &mut entropy.nonce,
        ] {
            getrandom::fill(bytes).map_err(|_| EntropyError)?;
        }
        Ok(entropy)
    }
}

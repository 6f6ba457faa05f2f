//! A key, and sealing with it: XChaCha20-Poly1305, whose nonces are long enough to be random.

use chacha20poly1305::{
    Key as CipherKey, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use platform_domain::SecretValue;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::KeyError;

/// What seals and unseals. Silent in `Debug`, wiped when it is dropped.
pub struct Key(Zeroizing<[u8; Self::BYTES]>);

/// The bytes were not sealed with this key for this purpose, or are not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes are damaged, or were sealed for something else")]
pub struct Damaged;

const NONCE_BYTES: usize = 24;
/// Enough to tell keys apart, and too little to be of use to who guesses.
const ID_BYTES: usize = 8;
/// So that the id of a key is the hash of nothing else.
const ID_PREFIX: &[u8] = b"platform vault: id of a key\0";

impl Key {
    /// Of a key and of its file.
    pub const BYTES: usize = 32;

    pub(crate) const fn new(bytes: Zeroizing<[u8; Self::BYTES]>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Tells this key from another, and says nothing else about it.
    pub fn id(&self) -> String {
        let hash = Sha256::new().chain_update(ID_PREFIX).chain_update(self.bytes());
        hex::encode(hash.finalize().iter().take(ID_BYTES).copied().collect::<Vec<_>>())
    }

    /// Seals a value for one purpose: it cannot be unsealed for another.
    pub fn seal(&self, purpose: &[u8], value: &SecretValue) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| KeyError::Random)?;
        let payload = Payload {
            msg: value.reveal(),
            aad: purpose,
        };
        let sealed = self.cipher().encrypt(XNonce::from_slice(&nonce), payload);
        // It only fails on more bytes than any memory has.
        let sealed = sealed.map_err(|_| KeyError::Random)?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// What was sealed for this purpose.
    pub fn unseal(&self, purpose: &[u8], sealed: &[u8]) -> Result<SecretValue, Damaged> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(Damaged)?;
        let payload = Payload {
            msg: sealed,
            aad: purpose,
        };
        let value = self.cipher().decrypt(XNonce::from_slice(nonce), payload);
        value.map(SecretValue::new).map_err(|_| Damaged)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(CipherKey::from_slice(self.bytes()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u8) -> Key {
        Key::new(Zeroizing::new([seed; 32]))
    }

    fn value(bytes: &[u8]) -> SecretValue {
        SecretValue::new(bytes.to_vec())
    }

    #[test]
    fn a_key_is_known_by_an_id_that_says_nothing_else() {
        assert_eq!(key(1).id(), key(1).id());
        assert_ne!(key(1).id(), key(2).id());
        assert_eq!(key(1).id().len(), 16);
        assert_eq!(format!("{:?}", key(1)), "Key(…)");
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let [first, second] = [(); 2].map(|()| key(1).seal(b"a", &value(b"hunter2")).unwrap());
        assert_ne!(first, second);
        assert!(!first.windows(7).any(|part| part == b"hunter2"));
    }

    proptest! {
        #[test]
        fn only_the_same_key_and_purpose_unseal(bytes in any::<Vec<u8>>(), purpose in any::<Vec<u8>>()) {
            let sealed = key(1).seal(&purpose, &value(&bytes)).unwrap();
            let unsealed = key(1).unseal(&purpose, &sealed).unwrap();
            prop_assert_eq!(unsealed.reveal(), &bytes);
            prop_assert!(key(2).unseal(&purpose, &sealed).is_err());
            let other = [purpose.as_slice(), b"x"].concat();
            prop_assert!(key(1).unseal(&other, &sealed).is_err());
        }

        #[test]
        fn whatever_is_changed_is_noticed(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut sealed = key(1).seal(b"a", &value(&bytes)).unwrap();
            let cut = at.index(sealed.len());
            prop_assert!(key(1).unseal(b"a", &sealed[..cut]).is_err());
            sealed[cut] ^= 1 << bit;
            prop_assert!(key(1).unseal(b"a", &sealed).is_err());
        }
    }
}

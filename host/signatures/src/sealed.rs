//! How cosign seals a private key with a password: scrypt (RFC 7914) makes a key of it, XSalsa20-Poly1305 (NaCl's
//! secretbox) seals with that. All is JSON, from `encrypted` of secure-systems-lab/go-securesystemslib:
//!
//! ```json
//! {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":"…"},
//!  "cipher":{"name":"nacl/secretbox","nonce":"…"},"ciphertext":"…"}
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305, aead::Aead as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{KeyError, limits::MAX_SCRYPT_N};

/// Why a private key could not be sealed, unsealed or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is another password, or the file is damaged: nobody can tell these apart.
    #[error("the password is wrong, or the key file is damaged")]
    Password,
    /// The password is right, and what it opens is no key that can be used.
    #[error("what the password opens is no key that can be used")]
    Key(#[source] KeyError),
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    Random,
}

/// A sealed key whose parameters are in bounds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: Base64,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: Base64,
}

#[derive(Serialize, Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: Base64,
}

/// As Go writes bytes into JSON.
struct Base64(Vec<u8>);

const SCRYPT: &str = "scrypt";
const SECRETBOX: &str = "nacl/secretbox";
/// The weakest that cosign's library knows, and what cosign wrote earlier.
const MIN_SCRYPT_N: u32 = 1 << 15;
/// What cosign writes.
const SCRYPT_N: u32 = 1 << 16;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 1;
const SALT_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

impl Sealed {
    /// Reads and checks. What scrypt would be told comes from the file: nothing is taken for it before it is in bounds.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, KeyError> {
        let sealed: Self = serde_json::from_slice(json).map_err(|_| KeyError::Damaged)?;
        let Params { n, r, p } = sealed.kdf.params;
        let strength = n.is_power_of_two() && (MIN_SCRYPT_N..=MAX_SCRYPT_N).contains(&n);
        if sealed.kdf.name != SCRYPT {
            return Err(KeyError::Sealing("another function than scrypt"));
        }
        if !strength || r != SCRYPT_R || p != SCRYPT_P {
            return Err(KeyError::Sealing("other parameters of scrypt"));
        }
        if sealed.cipher.name != SECRETBOX {
            return Err(KeyError::Sealing("another cipher than nacl/secretbox"));
        }
        if sealed.cipher.nonce.0.len() != NONCE_BYTES {
            return Err(KeyError::Damaged);
        }
        Ok(sealed)
    }

    pub(crate) fn close(secret: &[u8], password: &[u8]) -> Result<Self, SealError> {
        let mut salt = vec![0; SALT_BYTES];
        let mut nonce = vec![0; NONCE_BYTES];
        getrandom::fill(&mut salt).map_err(|_| SealError::Random)?;
        getrandom::fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = Self {
            kdf: Kdf {
                name: SCRYPT.to_owned(),
                params: Params {
                    n: SCRYPT_N,
                    r: SCRYPT_R,
                    p: SCRYPT_P,
                },
                salt: Base64(salt),
            },
            cipher: Cipher {
                name: SECRETBOX.to_owned(),
                nonce: Base64(nonce),
            },
            ciphertext: Base64(Vec::new()),
        };
        let nonce = crypto_secretbox::Nonce::from_slice(&sealed.cipher.nonce.0);
        let ciphertext = sealed.cipher(password)?.encrypt(nonce, secret);
        // It only fails on more bytes than any memory has.
        sealed.ciphertext = Base64(ciphertext.map_err(|_| SealError::Random)?);
        Ok(sealed)
    }

    pub(crate) fn open(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let nonce = crypto_secretbox::Nonce::from_slice(&self.cipher.nonce.0);
        let opened = self
            .cipher(password)?
            .decrypt(nonce, self.ciphertext.0.as_slice());
        opened.map(Zeroizing::new).map_err(|_| SealError::Password)
    }

    pub(crate) fn to_json(&self) -> String {
        // It only fails for maps whose keys are no text.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn cipher(&self, password: &[u8]) -> Result<XSalsa20Poly1305, SealError> {
        let Params { n, r, p } = self.kdf.params;
        let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
        let unusable = || SealError::Key(KeyError::Sealing("other parameters of scrypt"));
        let params = scrypt::Params::new(log_n, r, p, KEY_BYTES).map_err(|_| unusable())?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        scrypt::scrypt(password, &self.kdf.salt.0, &params, key.as_mut_slice()).map_err(|_| unusable())?;
        Ok(XSalsa20Poly1305::new(crypto_secretbox::Key::from_slice(
            key.as_slice(),
        )))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes());
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

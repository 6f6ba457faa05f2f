//! The keys that an operator trusts, and which of them signed. Whether that is enough is decided by whoever asks.

use std::collections::BTreeMap;

use platform_domain::{Digest, KeyName};

use crate::{
    BundleError, Payload, PayloadError, PublicKey, Signature, SignatureError,
    bundle::Envelope,
    limits::{MAX_PAYLOAD, MAX_TRUSTED_KEYS},
};

/// Keys by name. No key is in it twice, so a signature has one name.
#[derive(Clone, Debug, Default)]
pub struct Trusted(BTreeMap<KeyName, PublicKey>);

/// Why a key is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedError {
    /// There are enough.
    #[error("at most {MAX_TRUSTED_KEYS} keys are trusted")]
    TooMany,
    /// Another key has the name.
    #[error("there is a key {0} already")]
    Name(KeyName),
    /// The key has another name.
    #[error("this key is trusted already, as {0}")]
    Key(KeyName),
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The signature cannot be read.
    #[error("the signature cannot be read")]
    Signature(#[source] SignatureError),
    /// None of the trusted keys made it, or it was made for something else.
    #[error("no trusted key made this signature")]
    NoKey,
    /// A trusted key made it, for something else.
    #[error("what the key {key} signed is not this")]
    Payload {
        /// Which key.
        key: KeyName,
        /// What it signed.
        source: PayloadError,
    },
    /// The payload is too large to look at.
    #[error("the payload is too large")]
    TooLarge,
    /// The bundle cannot be read.
    #[error("the bundle cannot be read")]
    Bundle(#[source] BundleError),
    /// A trusted key made the bundle, for something else.
    #[error("what the key {key} signed is not this")]
    Statement {
        /// Which key.
        key: KeyName,
        /// What it signed.
        source: BundleError,
    },
}

impl Trusted {
    /// Trusts one more key.
    pub fn add(&mut self, name: KeyName, key: PublicKey) -> Result<(), TrustedError> {
        if self.0.contains_key(&name) {
            return Err(TrustedError::Name(name));
        }
        if let Some((other, _)) = self.0.iter().find(|(_, other)| **other == key) {
            return Err(TrustedError::Key(other.clone()));
        }
        if self.0.len() >= MAX_TRUSTED_KEYS {
            return Err(TrustedError::TooMany);
        }
        self.0.insert(name, key);
        Ok(())
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&KeyName, &PublicKey)> {
        self.0.iter()
    }

    /// Which key signed this manifest, in the older form: the bytes of the payload as they are in the registry, and the
    /// signature in base64. What the payload says is looked at when a key has signed it, and not before.
    pub fn verify(&self, manifest: &Digest, payload: &[u8], signature: &str) -> Result<&KeyName, Refused> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Refused::TooLarge);
        }
        let signature: Signature = signature.parse().map_err(Refused::Signature)?;
        let key = self.signer(|key| key.verify(payload, &signature).is_ok())?;
        let checked = Payload::parse(payload).and_then(|payload| payload.check(manifest));
        checked.map_err(|source| Refused::Payload {
            key: key.clone(),
            source,
        })?;
        Ok(key)
    }

    /// Which key signed this manifest, in the newer form.
    pub fn verify_bundle(&self, manifest: &Digest, bundle: &[u8]) -> Result<&KeyName, Refused> {
        let envelope = Envelope::parse(bundle).map_err(Refused::Bundle)?;
        let key = self.signer(|key| envelope.is_signed_by(key))?;
        envelope.check(manifest).map_err(|source| Refused::Statement {
            key: key.clone(),
            source,
        })?;
        Ok(key)
    }

    fn signer(&self, signed: impl Fn(&PublicKey) -> bool) -> Result<&KeyName, Refused> {
        let found = self.0.iter().find(|(_, key)| signed(key));
        found.map(|(name, _)| name).ok_or(Refused::NoKey)
    }
}

//! Private keys: PKCS#8 (RFC 5958) and SEC1 (RFC 5915) in PEM, and cosign's own sealed form of PKCS#8.

use std::fmt;

use ed25519_dalek::Signer as _;
use p256::pkcs8::{EncodePrivateKey as _, PrivateKeyInfo};
use zeroize::Zeroizing;

use crate::{
    Algorithm, KeyError, PublicKey, SealError, Signature, pem,
    public_key::{Half, P256, other_curve, supported},
    sealed::Sealed,
};

/// Signs. Silent in `Debug`, wiped when it is dropped.
pub struct PrivateKey(Secret);

enum Secret {
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

/// A private key as a file has it.
#[derive(Debug)]
pub enum PrivateKeyFile {
    /// In clear (`PRIVATE KEY`, `EC PRIVATE KEY`).
    Plain(PrivateKey),
    /// As cosign writes it (`ENCRYPTED SIGSTORE PRIVATE KEY`, earlier `ENCRYPTED COSIGN PRIVATE KEY`).
    Sealed(SealedKey),
}

/// A private key that needs its password. What it says about its sealing has been checked.
#[derive(Debug)]
pub struct SealedKey(Sealed);

/// Of 2^32 tries one gives no key; four in a row do not happen.
const TRIES: usize = 4;

impl PrivateKeyFile {
    /// Reads the one private key of a PEM file.
    pub fn from_pem(file: &[u8]) -> Result<Self, KeyError> {
        let block = pem::block(file)?;
        match block.label {
            pem::PKCS8 => PrivateKey::from_pkcs8(&block.bytes).map(Self::Plain),
            pem::SEC1 => PrivateKey::from_sec1(&block.bytes).map(Self::Plain),
            label if pem::SEALED.contains(&label) => {
                Ok(Self::Sealed(SealedKey(Sealed::from_json(&block.bytes)?)))
            }
            pem::PUBLIC => Err(KeyError::Public),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::SealedOtherwise),
            "RSA PRIVATE KEY" => Err(KeyError::Algorithm("RSA".to_owned())),
            label => Err(KeyError::Label(label.to_owned())),
        }
    }
}

impl SealedKey {
    /// Takes a fraction of a second and up to 128 MiB, on purpose: so does every guess of who has the file. An empty
    /// password is one; cosign takes it too.
    pub fn unseal(&self, password: &[u8]) -> Result<PrivateKey, SealError> {
        let der = self.0.open(password)?;
        PrivateKey::from_pkcs8(&der).map_err(SealError::Key)
    }
}

impl PrivateKey {
    /// Makes a new key.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SealError> {
        let mut seed = Zeroizing::new([0; 32]);
        for _ in 0..TRIES {
            getrandom::fill(seed.as_mut_slice()).map_err(|_| SealError::Random)?;
            match algorithm {
                Algorithm::Ed25519 => {
                    return Ok(Self(Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(
                        &seed,
                    ))));
                }
                Algorithm::P256 => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(seed.as_slice()) {
                        return Ok(Self(Secret::P256(key)));
                    }
                }
            }
        }
        Err(SealError::Random)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfo::try_from(der).map_err(|_| KeyError::Damaged)?;
        let parameters = info.algorithm.parameters_oid().ok();
        match supported(info.algorithm.oid, parameters)? {
            Algorithm::P256 => p256::ecdsa::SigningKey::try_from(info).map(Secret::P256).ok(),
            Algorithm::Ed25519 => ed25519_dalek::SigningKey::try_from(info)
                .map(Secret::Ed25519)
                .ok(),
        }
        .map(Self)
        .ok_or(KeyError::Damaged)
    }

    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let key = sec1::EcPrivateKey::try_from(der).map_err(|_| KeyError::Damaged)?;
        match key.parameters.and_then(|parameters| parameters.named_curve()) {
            Some(P256) => {}
            Some(curve) => return Err(other_curve(curve)),
            None => return Err(KeyError::Algorithm("ECDSA on a curve without a name".to_owned())),
        }
        let key = p256::SecretKey::try_from(key).map_err(|_| KeyError::Damaged)?;
        Ok(Self(Secret::P256(key.into())))
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Secret::P256(_) => Algorithm::P256,
            Secret::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The half that others may have.
    pub fn public(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Secret::P256(key) => Half::P256(*key.verifying_key()),
            Secret::Ed25519(key) => Half::Ed25519(key.verifying_key()),
        })
    }

    /// Signs these bytes: with ECDSA over their SHA-256 (RFC 6979: no randomness, so none can fail), or with pure Ed25519.
    /// `cosign verify --key`, skopeo and OpenSSL take both.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature::new(match &self.0 {
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        })
    }

    /// The PEM of a file that cosign and [`PrivateKeyFile`] read. As slow as [`SealedKey::unseal`].
    pub fn to_sealed_pem(&self, password: &[u8]) -> Result<Zeroizing<String>, SealError> {
        let der = match &self.0 {
            Secret::P256(key) => key.to_pkcs8_der(),
            Secret::Ed25519(key) => {
                // Version 1, without the public half: Go reads nothing else.
                let bytes = ed25519_dalek::pkcs8::KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                bytes.to_pkcs8_der()
            }
        };
        // It only fails on lengths that no key has.
        let der = der.map_err(|_| SealError::Key(KeyError::Damaged))?;
        let sealed = Sealed::close(der.as_bytes(), password)?;
        let [label, _] = pem::SEALED;
        Ok(pem::write(label, sealed.to_json().as_bytes()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, …)", self.algorithm())
    }
}

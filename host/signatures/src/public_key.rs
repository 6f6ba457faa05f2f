//! Public keys: SubjectPublicKeyInfo (RFC 5280) in PEM, of ECDSA on P-256 and of Ed25519.

use std::fmt;

use ed25519_dalek::pkcs8::EncodePublicKey as _;
use p256::{
    ecdsa::signature::Verifier as _,
    pkcs8::{AssociatedOid as _, ObjectIdentifier, SubjectPublicKeyInfoRef, der::Decode as _},
};
use platform_domain::Digest;
use sha2::{Digest as _, Sha512};

use crate::{KeyError, Signature, SignatureError, pem};

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on the curve P-256 with SHA-256: what cosign makes by itself.
    P256,
    /// Ed25519.
    Ed25519,
}

/// Who may have signed.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(pub(crate) Half);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Half {
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// SHA-256 of a public key in DER. Shown as 64 hexadecimal digits, the same that `openssl pkey -pubin -outform der |
/// sha256sum` shows; in base64 it is the `hint` in bundles of cosign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

pub(crate) const EC: ObjectIdentifier = p256::elliptic_curve::ALGORITHM_OID;
pub(crate) const P256: ObjectIdentifier = p256::NistP256::OID;
pub(crate) const ED25519: ObjectIdentifier = ed25519_dalek::pkcs8::ALGORITHM_OID;

/// Enough to tell the keys of one host apart.
const SHORT_BYTES: usize = 8;

impl PublicKey {
    /// Reads the one public key of a PEM file (`PUBLIC KEY`), as `cosign generate-key-pair` and `openssl pkey -pubout` write it.
    pub fn from_pem(file: &[u8]) -> Result<Self, KeyError> {
        let block = pem::block(file)?;
        match block.label {
            pem::PUBLIC => Self::from_der(&block.bytes),
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            "RSA PUBLIC KEY" => Err(KeyError::Algorithm("RSA".to_owned())),
            label => Err(KeyError::Label(label.to_owned())),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Damaged)?;
        let parameters = info.algorithm.parameters_oid().ok();
        let bytes = info.subject_public_key.as_bytes().ok_or(KeyError::Damaged)?;
        match supported(info.algorithm.oid, parameters)? {
            Algorithm::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes)
                .map(Half::P256)
                .ok(),
            Algorithm::Ed25519 => ed25519_dalek::VerifyingKey::try_from(bytes)
                .ok()
                // With one of these few, signatures are right for many messages.
                .filter(|key| !key.is_weak())
                .map(Half::Ed25519),
        }
        .map(Self)
        .ok_or(KeyError::Damaged)
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Half::P256(_) => Algorithm::P256,
            Half::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Tells it from all others.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(*Digest::of(&self.to_der()).as_bytes())
    }

    /// As `cosign generate-key-pair` writes it.
    pub fn to_pem(&self) -> String {
        pem::write(pem::PUBLIC, &self.to_der()).to_string()
    }

    /// Always the same bytes for a key, however it was written.
    fn to_der(&self) -> Vec<u8> {
        let der = match &self.0 {
            Half::P256(key) => key.to_public_key_der(),
            Half::Ed25519(key) => key.to_public_key_der(),
        };
        // It only fails on lengths that no key has.
        der.map(|der| der.as_bytes().to_vec()).unwrap_or_default()
    }

    /// Whether this key signed these bytes, in a way that `cosign sign --key` does.
    ///
    /// - P-256: ECDSA over SHA-256, in DER. Both of the two forms of a signature are taken, because cosign and OpenSSL make
    ///   the one with the high `s` half of the time, and nothing here tells signatures apart by their bytes.
    /// - Ed25519: pure (OpenSSL, older cosign, and all that `cosign verify --key` reads) or prehashed (Ed25519ph, which cosign
    ///   signs with since logs want it), which cannot be taken for each other: what they hash begins differently.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let pure = self.verify_pure(message, signature);
        match (&self.0, pure) {
            (Half::Ed25519(key), Err(SignatureError::Other)) => {
                let hash = Sha512::new().chain_update(message);
                let signature = ed25519(signature)?;
                key.verify_prehashed_strict(hash, None, &signature)
                    .map_err(|_| SignatureError::Other)
            }
            (_, result) => result,
        }
    }

    /// As [`PublicKey::verify`] without the prehashed form, which is not used in bundles.
    pub(crate) fn verify_pure(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        match &self.0 {
            Half::P256(key) => {
                let signature = p256::ecdsa::Signature::from_der(signature.as_bytes());
                let signature = signature.map_err(|_| SignatureError::Form)?;
                key.verify(message, &signature).map_err(|_| SignatureError::Other)
            }
            Half::Ed25519(key) => {
                let signature = ed25519(signature)?;
                key.verify_strict(message, &signature)
                    .map_err(|_| SignatureError::Other)
            }
        }
    }
}

fn ed25519(signature: &Signature) -> Result<ed25519_dalek::Signature, SignatureError> {
    ed25519_dalek::Signature::from_slice(signature.as_bytes()).map_err(|_| SignatureError::Form)
}

/// The algorithm of a key by its object identifiers.
pub(crate) fn supported(
    algorithm: ObjectIdentifier,
    parameters: Option<ObjectIdentifier>,
) -> Result<Algorithm, KeyError> {
    let name = match (algorithm, parameters) {
        (EC, Some(P256)) => return Ok(Algorithm::P256),
        (ED25519, None) => return Ok(Algorithm::Ed25519),
        (EC, Some(curve)) => return Err(other_curve(curve)),
        (EC, None) => "ECDSA on a curve without a name".to_owned(),
        (other, _) => match other.to_string().as_str() {
            "1.2.840.113549.1.1.1" => "RSA".to_owned(),
            "1.2.840.113549.1.1.10" => "RSA-PSS".to_owned(),
            "1.2.840.10040.4.1" => "DSA".to_owned(),
            "1.3.101.110" => "X25519".to_owned(),
            "1.3.101.113" => "Ed448".to_owned(),
            oid => format!("the algorithm {oid}"),
        },
    };
    Err(KeyError::Algorithm(name))
}

pub(crate) fn other_curve(curve: ObjectIdentifier) -> KeyError {
    let name = match curve.to_string().as_str() {
        "1.3.132.0.33" => "P-224".to_owned(),
        "1.3.132.0.34" => "P-384".to_owned(),
        "1.3.132.0.35" => "P-521".to_owned(),
        "1.3.132.0.10" => "secp256k1".to_owned(),
        oid => format!("the curve {oid}"),
    };
    KeyError::Algorithm(format!("ECDSA on {name}"))
}

impl Fingerprint {
    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 of the 64 digits, for lists.
    pub fn short(&self) -> String {
        hex::encode(self.0.iter().take(SHORT_BYTES).copied().collect::<Vec<_>>())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "ECDSA P-256",
            Self::Ed25519 => "Ed25519",
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PublicKey({}, {})",
            self.algorithm(),
            self.fingerprint().short()
        )
    }
}

//! The newer form, a bundle (`sigstore_bundle.proto` 0.3 of sigstore/protobuf-specs, as JSON): a DSSE envelope
//! (secure-systems-lab/dsse) with a statement (in-toto/attestation) about the manifest. Read only: what we write is the
//! older form, which everybody reads.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform_domain::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{
    PublicKey, Signature, SignatureError,
    limits::MAX_BUNDLE,
    names::{BUNDLE_MEDIA_TYPE, SIGN_PREDICATE},
    payload::shortened,
};

/// Why a bundle does not count.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is larger than it has to be.
    #[error("a bundle has at most {MAX_BUNDLE} bytes, this has more")]
    TooLarge,
    /// It is no such JSON.
    #[error("this is no bundle of a signature")]
    Json(#[source] serde_json::Error),
    /// It is a bundle of another version, or nothing of the kind.
    #[error("bundles of type {0:?} are not read, only {BUNDLE_MEDIA_TYPE}")]
    MediaType(String),
    /// It was signed without a key of one's own, with a certificate for an identity.
    #[error("the bundle is signed with a certificate and not with a key")]
    Certificate,
    /// It signs a file and not a statement about a manifest.
    #[error("the bundle is a signature of a file and not of a manifest")]
    File,
    /// It has no signature, or several.
    #[error("a bundle has one signature, this has {0}")]
    Signatures(usize),
    /// Its signature is none.
    #[error("the bundle's signature cannot be read")]
    Signature(#[source] SignatureError),
    /// What is in the envelope is no statement.
    #[error("the bundle's envelope holds no statement")]
    Statement,
    /// It states something else than "this I sign".
    #[error("this states {0:?}, which is no signature")]
    Predicate(String),
    /// It is about another manifest.
    #[error("what was signed is something else")]
    OtherManifest,
}

/// What the signature is over, and what it says. Nothing of it counts before a key has verified it.
pub(crate) struct Envelope {
    payload: Vec<u8>,
    /// The signed bytes: the "pre-authentication encoding" of DSSE.
    encoded: Vec<u8>,
    signature: Signature,
}

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
const SHA256: &str = "sha256";

/// Unknown fields are ignored: logs and time stamps have many, and none is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Dsse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload: String,
    payload_type: String,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

impl Envelope {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge);
        }
        let bundle: Bundle = serde_json::from_slice(bytes).map_err(BundleError::Json)?;
        if bundle.media_type != BUNDLE_MEDIA_TYPE {
            return Err(BundleError::MediaType(shortened(&bundle.media_type)));
        }
        if bundle.verification_material.public_key.is_none() {
            return Err(BundleError::Certificate);
        }
        let envelope = bundle.dsse_envelope.ok_or(BundleError::File)?;
        let [signature] = envelope.signatures.as_slice() else {
            return Err(BundleError::Signatures(envelope.signatures.len()));
        };
        let signature = signature.sig.parse().map_err(BundleError::Signature)?;
        if envelope.payload_type != IN_TOTO {
            return Err(BundleError::Statement);
        }
        let payload = STANDARD
            .decode(&envelope.payload)
            .map_err(|_| BundleError::Statement)?;
        Ok(Self {
            encoded: encoded(IN_TOTO, &payload),
            payload,
            signature,
        })
    }

    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verify_pure(&self.encoded, &self.signature).is_ok()
    }

    /// Whether what was signed is "this manifest I sign". A key that also signs other statements about a manifest, a
    /// list of what is in it or that it is vulnerable, does not sign the manifest by that.
    pub(crate) fn check(&self, manifest: &Digest) -> Result<(), BundleError> {
        let statement: Statement =
            serde_json::from_slice(&self.payload).map_err(|_| BundleError::Statement)?;
        if !STATEMENTS.contains(&statement.kind.as_str()) {
            return Err(BundleError::Statement);
        }
        if statement.predicate_type != SIGN_PREDICATE {
            return Err(BundleError::Predicate(shortened(&statement.predicate_type)));
        }
        let hex = manifest.hex();
        let named = statement
            .subject
            .iter()
            .any(|subject| subject.digest.get(SHA256).is_some_and(|digest| *digest == hex));
        if named {
            Ok(())
        } else {
            Err(BundleError::OtherManifest)
        }
    }
}

/// `DSSEv1`, length and text of the type, length and bytes of the payload; lengths in decimal.
fn encoded(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_encoded_as_the_specification_of_dsse_shows() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(encoded("http://example.com/HelloWorld", b"hello world"), expected);
        assert_eq!(encoded("", b""), b"DSSEv1 0  0 ");
    }
}

//! What is signed in the older form: "simple signing" as Red Hat defined it (`containers-signature(5)` of
//! containers/image) and cosign writes it (`pkg/signature/payload` of sigstore/sigstore).
//!
//! ```json
//! {"critical":{"identity":{"docker-reference":"ghcr.io/me/game"},
//!   "image":{"docker-manifest-digest":"sha256:…"},
//!   "type":"cosign container image signature"},"optional":null}
//! ```
//! on one line, without spaces.

use std::collections::BTreeMap;

use platform_domain::{Digest, DigestError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::MAX_PAYLOAD;

/// "The manifest with this digest is what I call by this reference."
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// What the signer called it, without tag and digest (`ghcr.io/me/game`); cosign can be told to write anything, skopeo
    /// adds the tag. Nothing is decided by it: mirrors have other names, and the digest says all.
    pub reference: String,
    /// What was signed.
    pub digest: Digest,
    /// What the signer adds: `cosign sign -a key=value`. Empty is written as `null`, as cosign does.
    pub optional: BTreeMap<String, Value>,
}

/// Why a payload does not count.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It is larger than it has to be.
    #[error("a payload has at most {MAX_PAYLOAD} bytes, this has more")]
    TooLarge,
    /// It is no such JSON.
    #[error("this is no payload of a signature")]
    Json(#[source] serde_json::Error),
    /// It says something else than that a manifest is signed.
    #[error("this is of type {0:?} and no signature of a manifest")]
    Type(String),
    /// The digest in it is none.
    #[error("the payload has no SHA-256 digest of a manifest")]
    Digest(#[source] DigestError),
    /// It is about another manifest.
    #[error("what was signed is {0}")]
    OtherManifest(Digest),
}

const TYPE: &str = "cosign container image signature";

/// Whoever reads `critical` must understand all of it, says the format; so a field that is not here is an error.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    critical: Critical,
    optional: Option<BTreeMap<String, Value>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

impl Payload {
    /// A payload without annotations.
    pub fn new(reference: impl Into<String>, digest: Digest) -> Self {
        Self {
            reference: reference.into(),
            digest,
            optional: BTreeMap::new(),
        }
    }

    /// Byte for byte what cosign writes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            critical: Critical {
                identity: Identity {
                    reference: self.reference.clone(),
                },
                image: Image {
                    digest: self.digest.to_string(),
                },
                r#type: TYPE.to_owned(),
            },
            optional: Some(self.optional.clone()).filter(|optional| !optional.is_empty()),
        };
        // It only fails for maps whose keys are no text.
        let json = serde_json::to_string(&written).unwrap_or_default();
        // Go writes JSON that may stand in a script of a page.
        [
            ('<', "\\u003c"),
            ('>', "\\u003e"),
            ('&', "\\u0026"),
            ('\u{2028}', "\\u2028"),
            ('\u{2029}', "\\u2029"),
        ]
        .iter()
        .fold(json, |json, (from, to)| json.replace(*from, to))
        .into_bytes()
    }

    /// Reads a payload. Check its signature first: what is in it is nobody's word before.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        if bytes.len() > MAX_PAYLOAD {
            return Err(PayloadError::TooLarge);
        }
        let written: Written = serde_json::from_slice(bytes).map_err(PayloadError::Json)?;
        if written.critical.r#type != TYPE {
            return Err(PayloadError::Type(shortened(&written.critical.r#type)));
        }
        let digest = written
            .critical
            .image
            .digest
            .parse()
            .map_err(PayloadError::Digest)?;
        Ok(Self {
            reference: written.critical.identity.reference,
            digest,
            optional: written.optional.unwrap_or_default(),
        })
    }

    /// Whether it is about this manifest.
    pub fn check(&self, manifest: &Digest) -> Result<(), PayloadError> {
        if self.digest == *manifest {
            Ok(())
        } else {
            Err(PayloadError::OtherManifest(self.digest))
        }
    }
}

/// What a stranger wrote, as much of it as fits into a line for the operator.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    text.chars().take(SHOWN).collect()
}

//! A document with its signature, as it goes over the wire.

use platform_domain::Hotkey;
use platform_keys::{Keypair, parse_signature, verify};
use serde::{Deserialize, Serialize};

use crate::{Document, DocumentError, limits::MAX_DOCUMENT};

/// A document and who signed it. Whether that is so is known after [`Signed::is_genuine`] only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// What is told.
    pub document: Document,
    /// Who says so.
    pub hotkey: Hotkey,
    /// `0x` and 128 hexadecimal digits: sr25519 over [`Document::signed_bytes`], in the wallet's own context.
    pub signature: String,
}

impl Signed {
    /// Signs a document.
    pub fn sign(document: Document, keypair: &Keypair) -> Result<Self, DocumentError> {
        document.check()?;
        let signature = keypair.sign(&document.signed_bytes()?);
        Ok(Self {
            document,
            hotkey: keypair.hotkey(),
            signature: format!("0x{}", hex::encode(signature)),
        })
    }

    /// Reads what a host told.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(DocumentError::TooLarge);
        }
        let signed: Self = serde_json::from_slice(bytes).map_err(DocumentError::Json)?;
        signed.document.check()?;
        Ok(signed)
    }

    /// As it goes over the wire; the same document gives the same bytes.
    pub fn to_json(&self) -> Result<Vec<u8>, DocumentError> {
        serde_json::to_vec(self).map_err(DocumentError::Json)
    }

    /// Whether the hotkey that it names signed it.
    pub fn is_genuine(&self) -> Result<bool, DocumentError> {
        let signature = parse_signature(&self.signature).map_err(|_| DocumentError::Signature)?;
        Ok(verify(&self.hotkey, &self.document.signed_bytes()?, &signature))
    }
}

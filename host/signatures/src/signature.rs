//! A signature as it is written: base64 of the bytes.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::limits::MAX_SIGNATURE_TEXT;

/// A signature: for ECDSA the DER of `r` and `s`, for Ed25519 the 64 bytes of RFC 8032. As text it is standard base64
/// with padding, as cosign annotates it. That it has the right form is known when a key looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is longer than any signature.
    #[error("a signature has at most {MAX_SIGNATURE_TEXT} characters, this has more")]
    TooLong,
    /// It is no base64.
    #[error("a signature is base64 with padding, this is not")]
    NoBase64,
    /// It has not the form that the key's algorithm gives a signature.
    #[error("this is no signature of a key of this kind")]
    Form,
    /// It was made with another key or for other bytes.
    #[error("the signature was made with another key, or for something else")]
    Other,
}

impl Signature {
    pub(crate) const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Without base64, as OpenSSL writes it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        if text.len() > MAX_SIGNATURE_TEXT {
            return Err(SignatureError::TooLong);
        }
        // Whoever writes such a file by hand leaves a line feed.
        let bytes = STANDARD.decode(text.trim_ascii_end());
        bytes.map(Self).map_err(|_| SignatureError::NoBase64)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}

//! What is committed: the bytes that the chain reads as `TLECiphertext` (crate `tle`, commit 5416406), as arkworks writes them
//! compressed. A list of bytes is its length, a `u64` with the little end first, and the bytes.
//!
//! ```text
//! U 96 │ 32 V │ 32 W │ length of the body { length, content and tag of AES-256-GCM │ 12 nonce } │ 8 "AES_GCM_"
//! ```

use crate::{
    curve::{self, CurveError, G2_BYTES},
    entropy::Entropy,
    ibe::Wrapped,
    limits::MAX_COMMIT,
};

/// Something sealed to a round, in the chain's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    pub(crate) wrapped: Wrapped,
    /// With the tag.
    pub(crate) sealed: Vec<u8>,
    pub(crate) nonce: [u8; Entropy::NONCE_BYTES],
}

/// Why bytes are no ciphertext of the chain's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CiphertextError {
    /// More than the chain takes.
    #[error("{0} bytes are more than a commit may have: the chain takes {MAX_COMMIT}")]
    Size(usize),
    /// Something missing, something more, or another length inside.
    #[error("the bytes are not laid out as a commit is, at {0}")]
    Layout(&'static str),
    /// U.
    #[error("the commit begins with no point of BLS12-381's G2")]
    Point,
}

/// What says how the content is encrypted.
const SUITE: &[u8; 8] = b"AES_GCM_";
/// Of the length before a list.
const LENGTH: usize = 8;
/// Of AES-GCM.
const TAG_BYTES: usize = 16;

impl Ciphertext {
    /// By how many bytes a ciphertext is longer than its content.
    pub const OVERHEAD: usize = G2_BYTES
        + 2 * (LENGTH + 32)
        + LENGTH
        + (LENGTH + TAG_BYTES)
        + (LENGTH + Entropy::NONCE_BYTES)
        + (LENGTH + SUITE.len());

    /// Reads the bytes of a commit. The chain does not look at what follows; nothing may follow here.
    pub fn decode(bytes: &[u8]) -> Result<Self, CiphertextError> {
        if bytes.len() > MAX_COMMIT {
            return Err(CiphertextError::Size(bytes.len()));
        }
        let mut rest = Rest(bytes);
        let u = rest.array::<G2_BYTES>("U")?;
        let v = rest.list_of("V")?;
        let w = rest.list_of("W")?;
        let mut body = Rest(rest.list("the body")?);
        let sealed = body.list("the content")?.to_vec();
        let nonce = body.list_of("the nonce")?;
        body.end("the end of the body")?;
        let suite: [u8; SUITE.len()] = rest.list_of("the cipher")?;
        rest.end("the end")?;
        if suite != *SUITE {
            return Err(CiphertextError::Layout("the cipher"));
        }
        let u = curve::g2(&u).ok_or(CiphertextError::Point)?;
        Ok(Self {
            wrapped: Wrapped { u, v, w },
            sealed,
            nonce,
        })
    }

    /// Writes the bytes that are committed: the content's length and [`Ciphertext::OVERHEAD`].
    pub fn encode(&self) -> Result<Vec<u8>, CurveError> {
        let mut body = Vec::new();
        put(&mut body, &self.sealed);
        put(&mut body, &self.nonce);
        let mut bytes = curve::bytes_of::<G2_BYTES>(&self.wrapped.u)?.to_vec();
        for list in [self.wrapped.v.as_slice(), &self.wrapped.w, &body, SUITE] {
            put(&mut bytes, list);
        }
        Ok(bytes)
    }
}

fn put(bytes: &mut Vec<u8>, list: &[u8]) {
    // A `usize` has 64 bits at most.
    let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(list);
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CiphertextError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(CiphertextError::Layout(what))?;
        self.0 = rest;
        Ok(*first)
    }

    fn list(&mut self, what: &'static str) -> Result<&'a [u8], CiphertextError> {
        let length = u64::from_le_bytes(self.array(what)?);
        let cut = usize::try_from(length)
            .ok()
            .and_then(|length| self.0.split_at_checked(length));
        let (list, rest) = cut.ok_or(CiphertextError::Layout(what))?;
        self.0 = rest;
        Ok(list)
    }

    fn list_of<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CiphertextError> {
        let list = self.list(what)?;
        list.try_into().map_err(|_| CiphertextError::Layout(what))
    }

    fn end(&self, what: &'static str) -> Result<(), CiphertextError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CiphertextError::Layout(what))
        }
    }
}

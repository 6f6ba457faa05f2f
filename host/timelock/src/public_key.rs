//! What a beacon's pulses are verified with, and weights sealed for.

use std::{fmt, str::FromStr};

use crate::curve::{self, CurveError, G2, G2_BYTES};

/// A beacon's public key: a point of G2, 96 bytes compressed, in text 192 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    point: G2,
    bytes: [u8; G2_BYTES],
}

/// Why it is no public key of a beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not the text of 96 bytes.
    #[error("a beacon's public key is 192 hexadecimal digits, as `public_key` of drand's /info has them")]
    Text,
    /// Of no such point.
    #[error(
        "the bytes are no point of BLS12-381's G2; keys of beacons that sign in G2 are in G1, and are of no use here"
    )]
    Point,
}

impl PublicKey {
    /// Of the key, compressed.
    pub const BYTES: usize = G2_BYTES;

    /// Takes a compressed point. One outside of the prime-order group, or zero, is refused.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, PublicKeyError> {
        let point = curve::g2(&bytes).ok_or(PublicKeyError::Point)?;
        Ok(Self { point, bytes })
    }

    /// The compressed point.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    pub(crate) fn of_point(point: G2) -> Result<Self, CurveError> {
        let bytes = curve::bytes_of(&point)?;
        Ok(Self { point, bytes })
    }

    pub(crate) const fn point(&self) -> G2 {
        self.point
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let mut bytes = [0; Self::BYTES];
        let digits = text.strip_prefix("0x").unwrap_or(text);
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| PublicKeyError::Text)?;
        Self::from_bytes(bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

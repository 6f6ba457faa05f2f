//! A beacon's signature of a round, which is also what opens everything sealed to that round.

use std::{fmt, str::FromStr};

use crate::curve::{self, CurveError, G1, G1_BYTES};

/// A signature of a round: a point of G1, 48 bytes compressed, in text 96 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    point: G1,
    bytes: [u8; G1_BYTES],
}

/// Why it is no signature of a beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not the text of 48 bytes.
    #[error("a signature of a pulse is 96 hexadecimal digits")]
    Text,
    /// More or fewer bytes.
    #[error("{0} bytes are no signature of a pulse: a point of BLS12-381's G1 has 48")]
    Length(usize),
    /// Of no such point.
    #[error("the bytes are no point of BLS12-381's G1")]
    Point,
}

impl Signature {
    /// Of a signature, compressed.
    pub const BYTES: usize = G1_BYTES;

    /// Takes a compressed point, as `Drand.Pulses` has it: before it the two characters `0x` may stand, which the chain
    /// skips as well (`coinbase/reveal_commits.rs`, spec 425). A point outside of the prime-order group, or zero, is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let bytes = bytes.strip_prefix(b"0x").unwrap_or(bytes);
        let bytes = bytes
            .try_into()
            .map_err(|_| SignatureError::Length(bytes.len()))?;
        let point = curve::g1(&bytes).ok_or(SignatureError::Point)?;
        Ok(Self { point, bytes })
    }

    /// The compressed point.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    pub(crate) fn of_point(point: G1) -> Result<Self, CurveError> {
        let bytes = curve::bytes_of(&point)?;
        Ok(Self { point, bytes })
    }

    pub(crate) const fn point(&self) -> G1 {
        self.point
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let mut bytes = [0; Self::BYTES];
        let digits = text.strip_prefix("0x").unwrap_or(text);
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| SignatureError::Text)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

//! Extrinsics as they arrive: decoded with the metadata, and the payload their signature must fit.

use parity_scale_codec::{Compact, Decode, Encode};
use platform_domain::Hotkey;
use scale_decode::visitor::{IgnoreVisitor, decode_with_visitor};

use crate::{
    block::{Hash, blake2_256},
    calls::Call,
    metadata::{Metadata, Role, RuntimeVersion},
};

/// A signed extrinsic whose signature is not yet checked.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    /// blake2-256 of the length-prefixed bytes.
    pub(crate) hash: Hash,
    /// Length-prefixed.
    pub(crate) bytes: Vec<u8>,
    pub(crate) signer: Hotkey,
    /// `None` for a signature that is not sr25519.
    pub(crate) signature: Option<[u8; 64]>,
    pub(crate) era: Era,
    pub(crate) nonce: u32,
    /// Whether it signs a metadata hash, which this runtime was built without.
    pub(crate) metadata_hash: bool,
    pub(crate) call: Call,
    call_bytes: Vec<u8>,
    /// The extensions' bytes in the extrinsic.
    explicit: Vec<u8>,
}

/// How long an extrinsic lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    Immortal,
    Mortal { period: u64, phase: u64 },
}

/// Why bytes are not a signed extrinsic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSigned {
    /// The outer length does not fit: not even an opaque extrinsic.
    Opaque,
    /// The runtime's decoder would give up.
    Malformed,
    /// Well-formed and without a signer.
    Unsigned,
    /// Signed by an address that is not an account.
    Address,
}

/// The extrinsic format's version, and the bit that says that it is signed.
const VERSION: u8 = 4;
const SIGNED: u8 = 0b1000_0000;
/// `MultiAddress::Id`; the lookup knows no other.
const ADDRESS_ID: u8 = 0;
/// The lengths of the other variants' bytes do not matter: they end in the same refusal.
const ADDRESS_VARIANTS: std::ops::RangeInclusive<u8> = 0..=4;
/// A payload longer than this is signed by its hash.
const MAX_PAYLOAD: usize = 256;

impl Era {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [0] => Some(Self::Immortal),
            [first, second] => {
                let encoded = u64::from(u16::from_le_bytes([first, second]));
                let period = 2 << (encoded % 16);
                let quantize = (period >> 12).max(1);
                let phase = (encoded >> 4) * quantize;
                (period >= 4 && phase < period).then_some(Self::Mortal { period, phase })
            }
            _ => None,
        }
    }

    /// The block whose hash is signed, seen from `current`. An extrinsic past its end is taken to have been
    /// born one period later, so that its signature no longer fits: that is how the chain expires it.
    pub(crate) fn birth(self, current: u32) -> u64 {
        match self {
            Self::Immortal => 0,
            Self::Mortal { period, phase } => {
                (u64::from(current).max(phase) - phase) / period * period + phase
            }
        }
    }

    /// The first block in which it is dead, seen from `current`.
    pub(crate) fn death(self, current: u32) -> u64 {
        match self {
            Self::Immortal => u64::MAX,
            Self::Mortal { period, .. } => self.birth(current) + period,
        }
    }
}

impl Signed {
    /// Decodes the bytes of an RPC call. What follows the outer length is ignored, as the node does.
    pub(crate) fn decode(metadata: &Metadata, submitted: &[u8]) -> Result<Self, NotSigned> {
        let body = Vec::<u8>::decode(&mut &*submitted).map_err(|_| NotSigned::Opaque)?;
        let bytes = body.encode();
        let mut rest = body.as_slice();
        let version = byte(&mut rest)?;
        match (version & SIGNED != 0, version & !SIGNED) {
            (true, VERSION) => {}
            (false, 4 | 5) => return Err(NotSigned::Unsigned),
            _ => return Err(NotSigned::Malformed),
        }
        let signer = match byte(&mut rest)? {
            ADDRESS_ID => Hotkey::from_bytes(array(&mut rest)?),
            other if ADDRESS_VARIANTS.contains(&other) => return Err(NotSigned::Address),
            _ => return Err(NotSigned::Malformed),
        };
        let signature = match byte(&mut rest)? {
            0 => array::<64>(&mut rest).map(|_| None)?,
            1 => Some(array(&mut rest)?),
            2 => array::<65>(&mut rest).map(|_| None)?,
            _ => return Err(NotSigned::Malformed),
        };
        let extensions = rest;
        let (mut era, mut nonce, mut metadata_hash) = (Era::Immortal, 0, false);
        for extension in metadata.extensions() {
            let bytes = take_value(metadata, extension.ty, &mut rest)?;
            match extension.role {
                Role::Mortality => era = Era::from_bytes(bytes).ok_or(NotSigned::Malformed)?,
                Role::Nonce => {
                    let decoded = Compact::<u32>::decode(&mut &*bytes);
                    nonce = decoded.map_err(|_| NotSigned::Malformed)?.0;
                }
                Role::MetadataHash => metadata_hash = bytes != [0],
                _ => {}
            }
        }
        let explicit = extensions.get(..extensions.len().saturating_sub(rest.len()));
        Ok(Self {
            hash: blake2_256(&[&bytes]),
            signer,
            signature,
            era,
            nonce,
            metadata_hash,
            call: Call::decode(metadata, rest)?,
            call_bytes: rest.to_vec(),
            explicit: explicit.unwrap_or_default().to_vec(),
            bytes,
        })
    }

    /// What the signature must fit on a chain with this genesis and runtime, if the era began in block `birth`.
    pub(crate) fn payload(
        &self,
        metadata: &Metadata,
        version: &RuntimeVersion,
        genesis: &Hash,
        birth: &Hash,
    ) -> Vec<u8> {
        let mut payload = [self.call_bytes.as_slice(), &self.explicit].concat();
        for extension in metadata.extensions() {
            match extension.role {
                Role::SpecVersion => version.spec_version.encode_to(&mut payload),
                Role::TransactionVersion => version.transaction_version.encode_to(&mut payload),
                Role::Genesis => payload.extend_from_slice(genesis),
                Role::Mortality => payload.extend_from_slice(birth),
                // `Option::None`: no hash. Whoever signs one is refused before the signature is looked at.
                Role::MetadataHash => payload.push(0),
                Role::Nonce | Role::Plain => {}
            }
        }
        if payload.len() > MAX_PAYLOAD {
            payload = blake2_256(&[&payload]).to_vec();
        }
        payload
    }
}

fn byte(input: &mut &[u8]) -> Result<u8, NotSigned> {
    array::<1>(input).map(|[byte]| byte)
}

fn array<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], NotSigned> {
    let (array, rest) = input.split_first_chunk().ok_or(NotSigned::Malformed)?;
    *input = rest;
    Ok(*array)
}

/// Takes the bytes of one value of type `ty`.
fn take_value<'a>(metadata: &Metadata, ty: u32, input: &mut &'a [u8]) -> Result<&'a [u8], NotSigned> {
    let before = *input;
    let visitor = IgnoreVisitor::new();
    decode_with_visitor(input, ty, metadata.types(), visitor).map_err(|_| NotSigned::Malformed)?;
    let taken = before.len().saturating_sub(input.len());
    Ok(before.get(..taken).unwrap_or_default())
}

//! What a beacon publishes each round, and how the chain stores it.

use parity_scale_codec::{Decode, DecodeAll as _, Encode};
use sha2::{Digest as _, Sha256};

use crate::{Round, RoundError, Signature, SignatureError};

/// A round with its signature. Only [`Beacon::verify`](crate::Beacon::verify) says whether it is the beacon's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Which.
    pub round: Round,
    /// What the beacon signed it with.
    pub signature: Signature,
}

/// Why bytes are no pulse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PulseError {
    /// Not as the chain writes it.
    #[error("the bytes are no value of `Drand.Pulses`")]
    Scale(#[source] parity_scale_codec::Error),
    /// Its number.
    #[error("the pulse has no round")]
    Round(#[source] RoundError),
    /// Its signature.
    #[error("the pulse of round {round} has no signature")]
    Signature {
        /// Which.
        round: Round,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// Its randomness.
    #[error(
        "the randomness of round {0} is not the SHA-256 of its signature: the two are of different pulses"
    )]
    Randomness(Round),
}

/// `Pulse` of pallets/drand/src/types.rs (spec 425). Both vectors are bounded there, by 32 and 144 bytes.
#[derive(Encode, Decode)]
struct Stored {
    round: u64,
    randomness: Vec<u8>,
    signature: Vec<u8>,
}

impl Pulse {
    /// The pulse of quicknet's round 1000, which is out since 2023: what is sealed to it can be opened again at once. The
    /// chain's own tests have it as well (pallets/drand/src/tests.rs).
    pub fn quicknet_1000() -> Result<Self, PulseError> {
        let round = Round::new(1_000).map_err(PulseError::Round)?;
        let signature = QUICKNET_1000.parse();
        let signature = signature.map_err(|source| PulseError::Signature { round, source })?;
        Ok(Self { round, signature })
    }

    /// What drand calls the randomness of the round: the SHA-256 of the signature.
    pub fn randomness(&self) -> [u8; 32] {
        Sha256::digest(self.signature.as_bytes()).into()
    }

    /// Reads a value of `Drand.Pulses`: round `u64`, randomness and signature as vectors of bytes, in SCALE.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, PulseError> {
        let stored = Stored::decode_all(&mut bytes).map_err(PulseError::Scale)?;
        Self::from_parts(stored.round, &stored.randomness, &stored.signature)
    }

    /// Takes the fields of such a value when somebody else has decoded it.
    pub fn from_parts(round: u64, randomness: &[u8], signature: &[u8]) -> Result<Self, PulseError> {
        let round = Round::new(round).map_err(PulseError::Round)?;
        let signature =
            Signature::from_bytes(signature).map_err(|source| PulseError::Signature { round, source })?;
        let pulse = Self { round, signature };
        if randomness == pulse.randomness() {
            Ok(pulse)
        } else {
            Err(PulseError::Randomness(round))
        }
    }

    /// Writes a value of `Drand.Pulses`.
    pub fn encode(&self) -> Vec<u8> {
        Stored {
            round: self.round.get(),
            randomness: self.randomness().to_vec(),
            signature: self.signature.as_bytes().to_vec(),
        }
        .encode()
    }
}

const QUICKNET_1000: &str =
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";

//! What is inside a commit: whose weights, for whom, how many.

use parity_scale_codec::{Decode, DecodeAll as _, Encode};
use platform_domain::{Hotkey, Uid};

/// Weights as the chain takes them out of a commit: `WeightsTlockPayload` of pallets/subtensor/src/coinbase/reveal_commits.rs
/// (spec 423 to 461). In SCALE: hotkey, a list of 32 bytes; UIDs and values, lists of `u16`; version key, a `u64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Who commits. The chain drops weights of anybody else.
    pub hotkey: Hotkey,
    /// Whom they are for, and the weight of each; only their ratios count.
    pub weights: Vec<(Uid, u16)>,
    /// Not below the subnet's `WeightsVersionKey` *when they are revealed*.
    pub version_key: u64,
}

/// Why bytes are no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not these fields, or something after them.
    #[error("the bytes are not weights as they are committed")]
    Scale(#[source] parity_scale_codec::Error),
    /// Not 32 bytes.
    #[error("the hotkey has {0} bytes, and not 32")]
    Hotkey(usize),
    /// UIDs without a value, or the other way round.
    #[error("there are {uids} UIDs and {values} values")]
    Lengths {
        /// How many.
        uids: usize,
        /// How many.
        values: usize,
    },
    /// Of somebody else.
    #[error("the weights are those of {0}, who did not commit them")]
    Committer(Hotkey),
}

#[derive(Encode, Decode)]
struct Wire {
    hotkey: Vec<u8>,
    uids: Vec<u16>,
    values: Vec<u16>,
    version_key: u64,
}

/// From before commits named their hotkey (`LegacyWeightsTlockPayload`); the chain still takes it.
#[derive(Decode)]
struct LegacyWire {
    uids: Vec<u16>,
    values: Vec<u16>,
    version_key: u64,
}

impl Payload {
    /// The bytes that are sealed: 43 and 4 for each weight, and two more from 64 weights on.
    pub fn encode(&self) -> Vec<u8> {
        Wire {
            hotkey: self.hotkey.as_bytes().to_vec(),
            uids: self.weights.iter().map(|(uid, _)| uid.0).collect(),
            values: self.weights.iter().map(|(_, value)| *value).collect(),
            version_key: self.version_key,
        }
        .encode()
    }

    /// Reads what [`Payload::encode`] writes, and nothing else.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, PayloadError> {
        let wire = Wire::decode_all(&mut bytes).map_err(PayloadError::Scale)?;
        let hotkey = wire.hotkey.as_slice().try_into();
        let hotkey = hotkey.map_err(|_| PayloadError::Hotkey(wire.hotkey.len()))?;
        Self::from_lists(
            Hotkey::from_bytes(hotkey),
            &wire.uids,
            &wire.values,
            wire.version_key,
        )
    }

    /// Reads bytes as the chain does when `committer` committed them (same file, spec 461): it does not look at what follows,
    /// nor at what follows the 32 bytes of the hotkey, and what begins with no hotkey is taken for the older form.
    pub fn revealed(bytes: &[u8], committer: &Hotkey) -> Result<Self, PayloadError> {
        if let Ok(wire) = Wire::decode(&mut &*bytes)
            && let Some(hotkey) = wire.hotkey.first_chunk()
        {
            let hotkey = Hotkey::from_bytes(*hotkey);
            if hotkey != *committer {
                return Err(PayloadError::Committer(hotkey));
            }
            return Self::from_lists(hotkey, &wire.uids, &wire.values, wire.version_key);
        }
        let wire = LegacyWire::decode(&mut &*bytes).map_err(PayloadError::Scale)?;
        Self::from_lists(*committer, &wire.uids, &wire.values, wire.version_key)
    }

    fn from_lists(
        hotkey: Hotkey,
        uids: &[u16],
        values: &[u16],
        version_key: u64,
    ) -> Result<Self, PayloadError> {
        if uids.len() != values.len() {
            return Err(PayloadError::Lengths {
                uids: uids.len(),
                values: values.len(),
            });
        }
        let weights = uids.iter().copied().map(Uid).zip(values.iter().copied());
        Ok(Self {
            hotkey,
            weights: weights.collect(),
            version_key,
        })
    }
}

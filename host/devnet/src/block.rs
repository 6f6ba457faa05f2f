//! Blocks: headers as the chain encodes and hashes them, and their JSON form.

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use parity_scale_codec::{Compact, Encode};
use serde_json::{Value, json};

use crate::{extrinsic::Signed, state::State};

/// 32 bytes of blake2-256.
pub(crate) type Hash = [u8; 32];

/// A header. Its SCALE form is what is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) parent: Hash,
    pub(crate) number: u32,
    /// See [`State::root`].
    pub(crate) state_root: Hash,
    /// blake2-256 of the SCALE list of extrinsics; the chain has a trie's root here.
    pub(crate) extrinsics_root: Hash,
    /// Digest items, each SCALE-encoded. This node writes one, where the runtime is replaced.
    pub(crate) digest: Vec<Vec<u8>>,
}

/// A block with the state after it.
pub(crate) struct Block {
    pub(crate) hash: Hash,
    pub(crate) header: Header,
    /// Length-prefixed, as in the block's body.
    pub(crate) extrinsics: Vec<Vec<u8>>,
    /// The signed ones, to go back to the pool if the block is retracted.
    pub(crate) signed: Vec<Signed>,
    /// `None` once it is discarded.
    pub(crate) state: Option<State>,
}

/// blake2-256 of the parts, one after the other.
pub(crate) fn blake2_256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// `0x` and lower-case digits.
pub(crate) fn to_hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.parent.to_vec();
        Compact(self.number).encode_to(&mut bytes);
        bytes.extend_from_slice(&self.state_root);
        bytes.extend_from_slice(&self.extrinsics_root);
        Compact(u32::try_from(self.digest.len()).unwrap_or(u32::MAX)).encode_to(&mut bytes);
        self.digest.iter().for_each(|item| bytes.extend_from_slice(item));
        bytes
    }

    pub(crate) fn hash(&self) -> Hash {
        blake2_256(&[&self.encode()])
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "parentHash": to_hex(self.parent),
            "number": format!("{:#x}", self.number),
            "stateRoot": to_hex(self.state_root),
            "extrinsicsRoot": to_hex(self.extrinsics_root),
            "digest": { "logs": self.digest.iter().map(to_hex).collect::<Vec<_>>() },
        })
    }
}

impl Block {
    pub(crate) fn new(
        (parent, number, digest): (Hash, u32, Vec<Vec<u8>>),
        extrinsics: Vec<Vec<u8>>,
        signed: Vec<Signed>,
        state: State,
    ) -> Self {
        let count = Compact(u32::try_from(extrinsics.len()).unwrap_or(u32::MAX)).encode();
        let header = Header {
            parent,
            number,
            state_root: state.root(),
            extrinsics_root: blake2_256(&[&count, &extrinsics.concat()]),
            digest,
        };
        let (hash, state) = (header.hash(), Some(state));
        Self {
            hash,
            header,
            extrinsics,
            signed,
            state,
        }
    }

    pub(crate) fn json(&self) -> Value {
        let extrinsics: Vec<String> = self.extrinsics.iter().map(to_hex).collect();
        json!({
            "block": { "header": self.header.json(), "extrinsics": extrinsics },
            "justifications": null,
        })
    }
}

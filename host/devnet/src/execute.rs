//! A block under construction: what happens at its start, and each extrinsic in turn.

use parity_scale_codec::{Compact, Encode};

use crate::{
    block::{Block, Hash},
    epochs,
    error::MetadataError,
    events::{Events, FREE, MANDATORY, NORMAL},
    extrinsic::{Call, Signed},
    items::{ACCOUNT, BLOCK_HASH, BLOCK_NUMBER, EVENTS, NOW, PARENT_HASH, Reader, Storage},
    metadata::Metadata,
    state::State,
    validity::{Moment, Refusal, Turn},
    weights::{self, DispatchError},
};

/// How many block hashes the state holds, which is how long a mortal extrinsic can live. The chain holds 2400;
/// this is as many as there are states kept.
pub(crate) const HASHES_KEPT: u32 = 256;

/// A block that is not finished.
pub(crate) struct Draft<'a> {
    metadata: &'a Metadata,
    parent: Hash,
    genesis: Hash,
    number: u32,
    state: State,
    events: Events,
    extrinsics: Vec<Vec<u8>>,
    signed: Vec<Signed>,
}

impl<'a> Draft<'a> {
    /// Starts a block on `parent`: the system's items, due epochs, and the time, `now` in milliseconds since
    /// 1970, which never stands still.
    pub(crate) fn begin(
        metadata: &'a Metadata,
        genesis: Hash,
        (parent, parent_number, mut state): (Hash, u32, State),
        now: u64,
    ) -> Result<Self, MetadataError> {
        let number = parent_number.saturating_add(1);
        let mut storage = Storage {
            metadata,
            state: &mut state,
        };
        storage.put(&BLOCK_NUMBER, (), &number)?;
        storage.put(&PARENT_HASH, (), &parent)?;
        storage.put(&BLOCK_HASH, (parent_number,), &parent)?;
        // The hash of block 0 stays: it is the birth of every immortal extrinsic.
        if let Some(old) = parent_number.checked_sub(HASHES_KEPT).filter(|old| *old > 0) {
            storage.remove(&BLOCK_HASH, (old,))?;
        }
        epochs::step(&mut storage, number.into())?;
        let before: u64 = storage.reader().get(&NOW, ())?;
        let now = now.max(before.saturating_add(1));
        storage.put(&NOW, (), &now)?;

        let mut events = Events::default();
        events.success(metadata, 0, MANDATORY)?;
        Ok(Self {
            metadata,
            parent,
            genesis,
            number,
            state,
            events,
            extrinsics: vec![timestamp(metadata, now)?],
            signed: Vec::new(),
        })
    }

    /// The state so far.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            metadata: self.metadata,
            state: &self.state,
        }
    }

    /// Where extrinsics are judged.
    pub(crate) fn moment(&self) -> Moment<'_> {
        Moment {
            state: self.reader(),
            number: self.number,
            genesis: self.genesis,
        }
    }

    /// The nonce that an account's next extrinsic must have.
    pub(crate) fn nonce(&self, account: &[u8; 32]) -> Result<u32, MetadataError> {
        Ok(self.reader().get(&ACCOUNT, (*account,))?.nonce)
    }

    /// Includes an extrinsic whose turn it is. One that is no longer valid is left out; one whose call fails
    /// is included and uses up its nonce.
    pub(crate) fn apply(&mut self, extrinsic: Signed) -> Result<(), Refusal> {
        if self.moment().check(&extrinsic)? == Turn::Later {
            return Ok(());
        }
        let metadata = self.metadata;
        let index = u32::try_from(self.extrinsics.len()).unwrap_or(u32::MAX);
        let mut storage = Storage {
            metadata,
            state: &mut self.state,
        };
        let key = (*extrinsic.signer.as_bytes(),);
        let mut account = storage.reader().get(&ACCOUNT, key)?;
        account.nonce = account.nonce.saturating_add(1);
        storage.put(&ACCOUNT, key, &account)?;
        let (outcome, info) = match &extrinsic.call {
            Call::SetWeights(call) => {
                let block = self.number.into();
                (
                    weights::set_weights(&mut storage, &extrinsic.signer, block, call),
                    FREE,
                )
            }
            Call::Other => (Err(DispatchError::Module("System", "CallFiltered")), NORMAL),
        };
        match outcome {
            Ok(set) => {
                self.events.weights_set(metadata, index, set)?;
                self.events.success(metadata, index, info)?;
            }
            Err(DispatchError::Module(pallet, error)) => {
                self.events.failed(metadata, index, info, (pallet, error))?;
            }
            Err(DispatchError::Metadata(error)) => return Err(error.into()),
        }
        self.extrinsics.push(extrinsic.bytes.clone());
        self.signed.push(extrinsic);
        Ok(())
    }

    /// Writes the events and seals the block.
    pub(crate) fn finish(mut self) -> Result<Block, MetadataError> {
        let key = self.metadata.key(EVENTS, ())?;
        self.state.put(&key, self.events.finish());
        let place = (self.parent, self.number);
        Ok(Block::new(place, self.extrinsics, self.signed, self.state))
    }
}

/// The inherent that sets the time: a bare extrinsic of version 5, as the chain's authors put in.
fn timestamp(metadata: &Metadata, now: u64) -> Result<Vec<u8>, MetadataError> {
    const BARE: u8 = 5;
    let mut body = vec![BARE];
    body.extend_from_slice(&metadata.call_index("Timestamp", "set")?);
    Compact(now).encode_to(&mut body);
    Ok(body.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_set_as_in_a_recorded_block() {
        let metadata = Metadata::load().unwrap();
        let bytes = timestamp(&metadata, 1_789_516_218_750).unwrap();
        assert_eq!(hex::encode(bytes), "280502000b7e817aa7a001");
    }
}

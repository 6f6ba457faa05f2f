//! A block under construction: what happens at its start, and each extrinsic in turn.

use parity_scale_codec::{Compact, Encode};
use platform_domain::Hotkey;

use crate::{
    block::{Block, Hash},
    calls::Call,
    commits,
    drand::Drand,
    epochs,
    error::MetadataError,
    events::{Events, FREE, MANDATORY, NORMAL, Phase},
    extrinsic::Signed,
    items::{
        ACCOUNT, BLOCK_HASH, BLOCK_NUMBER, EVENTS, LAST_RUNTIME_UPGRADE, NOW, PARENT_HASH, Reader,
        SAFE_MODE_UNTIL, Storage,
    },
    metadata::Metadata,
    proxies, reveals,
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
    digest: Vec<Vec<u8>>,
}

impl<'a> Draft<'a> {
    /// Starts a block on `parent`: the system's items, due reveals and epochs, and the time, `now` in milliseconds since
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
        let mut events = Events::default();
        reveals::reveal(&mut storage, &mut events, number.into())?;
        epochs::step(&mut storage, number.into())?;
        let before: u64 = storage.reader().get(&NOW, ())?;
        let now = now.max(before.saturating_add(1));
        storage.put(&NOW, (), &now)?;

        events.success(metadata, Phase::ApplyExtrinsic(0), MANDATORY)?;
        Ok(Self {
            metadata,
            parent,
            genesis,
            number,
            state,
            events,
            extrinsics: vec![timestamp(metadata, now)?],
            signed: Vec::new(),
            digest: Vec::new(),
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The state so far, to be written.
    pub(crate) fn storage(&mut self) -> Storage<'_> {
        Storage {
            metadata: self.metadata,
            state: &mut self.state,
        }
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
        let phase = Phase::ApplyExtrinsic(index);
        let mut storage = Storage {
            metadata,
            state: &mut self.state,
        };
        let key = (*extrinsic.signer.as_bytes(),);
        let mut account = storage.reader().get(&ACCOUNT, key)?;
        account.nonce = account.nonce.saturating_add(1);
        storage.put(&ACCOUNT, key, &account)?;
        let (who, block) = (&extrinsic.signer, self.number.into());
        let info = if is_free(&extrinsic.call) { FREE } else { NORMAL };
        let mut dispatch = Dispatch {
            storage,
            events: &mut self.events,
            phase,
            block,
        };
        match dispatch.run(who, &extrinsic.call) {
            Ok(()) => self.events.success(metadata, phase, info)?,
            Err(DispatchError::Module(pallet, error)) => {
                self.events.failed(metadata, phase, info, (pallet, error))?;
            }
            Err(DispatchError::Metadata(error)) => return Err(error.into()),
        }
        self.extrinsics.push(extrinsic.bytes.clone());
        self.signed.push(extrinsic);
        Ok(())
    }

    /// Replaces the runtime, with the event of `System.set_code`. The block itself was run by the old one.
    pub(crate) fn upgrade(&mut self, spec_version: u32) -> Result<(), MetadataError> {
        /// `DigestItem::RuntimeEnvironmentUpdated`.
        const ENVIRONMENT_UPDATED: u8 = 8;
        let name = self.metadata.version().spec_name.clone();
        self.storage()
            .put(&LAST_RUNTIME_UPGRADE, (), &(Compact(spec_version), name))?;
        self.digest.push(vec![ENVIRONMENT_UPDATED]);
        self.events.code_updated(self.metadata)
    }

    /// Writes the pulses that are out and the events, and seals the block.
    pub(crate) fn finish(mut self, drand: Option<&Drand>) -> Result<Block, MetadataError> {
        if let Some(drand) = drand {
            let mut storage = self.storage();
            let now = storage.reader().get(&NOW, ())?;
            let rounds = drand.write(&mut storage, now)?;
            self.events.new_pulses(self.metadata, &rounds)?;
        }
        let key = self.metadata.key(EVENTS, ())?;
        self.state.put(&key, self.events.finish());
        let place = (self.parent, self.number, self.digest);
        Ok(Block::new(place, self.extrinsics, self.signed, self.state))
    }
}

/// Where a call is carried out.
struct Dispatch<'a> {
    storage: Storage<'a>,
    events: &'a mut Events,
    phase: Phase,
    block: u64,
}

const CALL_FILTERED: DispatchError = DispatchError::Module("System", "CallFiltered");

/// Weights calls cost nothing, whoever makes them.
fn is_free(call: &Call) -> bool {
    match call {
        Call::SetWeights(_) | Call::CommitTimelocked(_) => true,
        Call::Proxy(proxied) => is_free(&proxied.call),
        Call::Other => false,
    }
}

impl Dispatch<'_> {
    fn run(&mut self, who: &Hotkey, call: &Call) -> Result<(), DispatchError> {
        let (metadata, phase, block) = (self.storage.metadata, self.phase, self.block);
        let safe_mode = self.storage.reader().find(&SAFE_MODE_UNTIL, ())?;
        // The one of ours on the runtime's list of calls for safe mode.
        let is_listed = matches!(call, Call::SetWeights(call) if !call.by_mechanism);
        if safe_mode.is_some_and(|until| u64::from(until) >= block) && !is_listed {
            return Err(CALL_FILTERED);
        }
        match call {
            Call::SetWeights(call) => {
                let set = weights::set_weights(&mut self.storage, who, block, call)?;
                Ok(self.events.weights_set(metadata, phase, set)?)
            }
            Call::CommitTimelocked(call) => {
                let made = commits::commit(&mut self.storage, who, block, call)?;
                Ok(self.events.timelocked_weights_committed(metadata, phase, made)?)
            }
            Call::Proxy(proxied) => {
                let (real, delegate) = (proxied.real, *who.as_bytes());
                let state = self.storage.reader();
                let outcome = match proxies::may_set_weights(state, real, delegate, proxied.forced)? {
                    true => self.run(&Hotkey::from_bytes(real), &proxied.call),
                    false => Err(CALL_FILTERED),
                };
                let error = match outcome {
                    Ok(()) => None,
                    Err(DispatchError::Module(pallet, error)) => Some((pallet, error)),
                    Err(DispatchError::Metadata(error)) => return Err(error.into()),
                };
                Ok(self.events.proxy_executed(metadata, phase, error)?)
            }
            Call::Other => Err(CALL_FILTERED),
        }
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

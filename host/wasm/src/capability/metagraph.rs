//! `platform:challenge/metagraph`: the subnet at one block, which the call that runs was given at its beginning.

use std::sync::Arc;

use platform_domain::{self as domain, Hotkey, Metagraph, Uid};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, Lower, WasmStr},
};

use crate::state::CallState;

pub(super) const INTERFACE: &str = "platform:challenge/metagraph@0.1.0";

/// `variant error`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "not-read-yet")]
    NotReadYet,
}

/// `record block-id`
#[derive(ComponentType, Lower)]
#[component(record)]
struct BlockId {
    number: u64,
    hash: Vec<u8>,
}

/// `record neuron`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Neuron {
    uid: u16,
    hotkey: Arc<str>,
    stake: u64,
    #[component(name = "validator-permit")]
    validator_permit: bool,
}

type Store<'a> = StoreContextMut<'a, CallState>;
/// What a function of the interface returns.
type Answer<T> = (Result<T, Error>,);

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.func_wrap("block", |store: Store<'_>, (): ()| {
        Ok(read(&store, |metagraph| BlockId {
            number: metagraph.block().0,
            hash: metagraph.block_hash().0.to_vec(),
        }))
    })?;
    to.func_wrap("netuid", |store: Store<'_>, (): ()| {
        Ok(read(&store, |metagraph| metagraph.netuid().0))
    })?;
    to.func_wrap("neurons", |store: Store<'_>, (): ()| {
        Ok(read(&store, |metagraph| -> Vec<_> {
            let neurons = metagraph.registered();
            neurons
                .filter_map(|(uid, neuron)| Neuron::of(metagraph, uid, neuron))
                .collect()
        }))
    })?;
    to.func_wrap("neuron-of", |store: Store<'_>, (uid,): (u16,)| {
        Ok(read(&store, |metagraph| {
            Neuron::of(metagraph, Uid(uid), metagraph.neuron(Uid(uid))?)
        }))
    })?;
    to.func_wrap("uid-of", |store: Store<'_>, (hotkey,): (WasmStr,)| {
        let hotkey = hotkey.to_str(&store)?.parse::<Hotkey>();
        Ok(read(&store, |metagraph| {
            metagraph.uid_of(hotkey.as_ref().ok()?).map(|uid| uid.0)
        }))
    })?;
    to.func_wrap("owner", |store: Store<'_>, (): ()| {
        Ok(read(&store, |metagraph| {
            metagraph.owner().map(|owner| owner.to_string())
        }))
    })
}

fn read<T>(store: &Store<'_>, ask: impl FnOnce(&Metagraph) -> T) -> Answer<T> {
    (store.data().metagraph().map(ask).ok_or(Error::NotReadYet),)
}

impl Neuron {
    fn of(metagraph: &Metagraph, uid: Uid, neuron: &domain::Neuron) -> Option<Self> {
        let domain::Neuron {
            hotkey: _,
            stake,
            validator_permit,
        } = *neuron;
        Some(Self {
            uid: uid.0,
            hotkey: metagraph.address(uid)?,
            stake,
            validator_permit,
        })
    }
}

//! The border to the host, which has read the subnet. Only in Wasm.

use super::{Block, Neuron, NotReadYet, Result};
use crate::{Environment, database::component::wit::platform::challenge::metagraph};

#[derive(Clone, Debug)]
pub(super) struct Metagraph;

impl Metagraph {
    pub(super) fn open(_: &Environment) -> Self {
        Self
    }

    pub(super) fn block(&self) -> Result<Block> {
        let metagraph::BlockId { number, hash } = metagraph::block()?;
        let mut all = [0; 32];
        // A host that gives a hash of another length is none.
        all.copy_from_slice(&hash);
        Ok(Block { number, hash: all })
    }

    pub(super) fn netuid(&self) -> Result<u16> {
        Ok(metagraph::netuid()?)
    }

    pub(super) fn neurons(&self) -> Result<Vec<Neuron>> {
        Ok(metagraph::neurons()?.into_iter().map(Neuron::from).collect())
    }

    pub(super) fn neuron(&self, uid: u16) -> Result<Option<Neuron>> {
        Ok(metagraph::neuron_of(uid)?.map(Neuron::from))
    }

    pub(super) fn uid_of(&self, hotkey: &str) -> Result<Option<u16>> {
        Ok(metagraph::uid_of(hotkey)?)
    }

    pub(super) fn owner(&self) -> Result<Option<String>> {
        Ok(metagraph::owner()?)
    }
}

impl From<metagraph::Error> for NotReadYet {
    fn from(error: metagraph::Error) -> Self {
        match error {
            metagraph::Error::NotReadYet => Self,
        }
    }
}

impl From<metagraph::Neuron> for Neuron {
    fn from(neuron: metagraph::Neuron) -> Self {
        let metagraph::Neuron {
            uid,
            hotkey,
            stake,
            validator_permit,
        } = neuron;
        Self {
            uid,
            hotkey,
            stake,
            validator_permit,
        }
    }
}

//! What stands for the host when an author's tests run natively: the subnet that the test describes.

use std::sync::Arc;

use super::{Block, Neuron, NotReadYet, Result};
use crate::{Environment, testing::Subnet};

#[derive(Clone, Debug)]
pub(super) struct Metagraph {
    subnet: Option<Arc<Subnet>>,
}

impl Metagraph {
    pub(super) fn open(environment: &Environment) -> Self {
        let subnet = environment.given.subnet.clone();
        Self { subnet }
    }

    pub(super) fn block(&self) -> Result<Block> {
        Ok(self.read()?.block)
    }

    pub(super) fn netuid(&self) -> Result<u16> {
        Ok(self.read()?.netuid)
    }

    pub(super) fn neurons(&self) -> Result<Vec<Neuron>> {
        Ok(self.read()?.neurons.clone())
    }

    pub(super) fn neuron(&self, uid: u16) -> Result<Option<Neuron>> {
        let mut neurons = self.read()?.neurons.iter();
        Ok(neurons.find(|neuron| neuron.uid == uid).cloned())
    }

    pub(super) fn uid_of(&self, hotkey: &str) -> Result<Option<u16>> {
        let mut neurons = self.read()?.neurons.iter();
        let found = neurons.find(|neuron| neuron.hotkey == hotkey);
        Ok(found.map(|neuron| neuron.uid))
    }

    pub(super) fn owner(&self) -> Result<Option<String>> {
        Ok(self.read()?.owner.clone())
    }

    fn read(&self) -> Result<&Subnet> {
        self.subnet.as_deref().ok_or(NotReadYet)
    }
}

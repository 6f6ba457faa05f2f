//! The subnet's neurons at one block.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use crate::{BlockHash, BlockNumber, Hotkey, Netuid, Uid};

/// What a UID stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neuron {
    /// Who registered it.
    pub hotkey: Hotkey,
    /// What the chain counts for it, in billionths: the subnet's alpha with the TAO behind it by its weight, after what
    /// it lends to other keys and they to it.
    pub stake: u64,
    /// Whether its weights count.
    pub validator_permit: bool,
}

/// An immutable snapshot of a subnet: every neuron by UID, read at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metagraph {
    netuid: Netuid,
    block: BlockNumber,
    block_hash: BlockHash,
    owner: Option<Hotkey>,
    neurons: Vec<Neuron>,
    uids: HashMap<Hotkey, Uid>,
    addresses: Addresses,
}

/// The hotkeys as texts, in UID order, each made when somebody first asks for it: an address costs a hash and a
/// division of a large number, a subnet has thousands, and most snapshots are never asked for one.
#[derive(Clone, Debug)]
struct Addresses(Box<[OnceLock<Arc<str>>]>);

/// What was already asked for is no part of what a snapshot says.
impl PartialEq for Addresses {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Addresses {}

impl Metagraph {
    /// Indexes the neurons: position is UID. The all-zero account, the chain's "no key", takes a place in the list but
    /// is no neuron. Positions beyond a UID's range cannot be addressed and are left out.
    pub fn new(
        netuid: Netuid,
        (block, block_hash): (BlockNumber, BlockHash),
        owner: Option<Hotkey>,
        mut neurons: Vec<Neuron>,
    ) -> Self {
        neurons.truncate(usize::from(u16::MAX) + 1);
        let by_uid = (0..=u16::MAX).map(Uid).zip(&neurons);
        let uids = by_uid
            .filter(|(_, neuron)| !neuron.hotkey.is_zero())
            .map(|(uid, neuron)| (neuron.hotkey, uid))
            .collect();
        let owner = owner.filter(|key| !key.is_zero());
        let addresses = Addresses(neurons.iter().map(|_| OnceLock::new()).collect());
        Self {
            netuid,
            block,
            block_hash,
            owner,
            neurons,
            uids,
            addresses,
        }
    }

    /// The subnet.
    pub const fn netuid(&self) -> Netuid {
        self.netuid
    }

    /// The block at which it was read.
    pub const fn block(&self) -> BlockNumber {
        self.block
    }

    /// That block's hash.
    pub const fn block_hash(&self) -> BlockHash {
        self.block_hash
    }

    /// The subnet owner's hotkey, the customary sink; it may have no UID.
    pub const fn owner(&self) -> Option<Hotkey> {
        self.owner
    }

    /// The neuron of a UID, if there is one.
    pub fn neuron(&self, uid: Uid) -> Option<&Neuron> {
        let found = self.neurons.get(usize::from(uid.0));
        found.filter(|neuron| !neuron.hotkey.is_zero())
    }

    /// A hotkey's UID, if it is registered.
    pub fn uid_of(&self, hotkey: &Hotkey) -> Option<Uid> {
        self.uids.get(hotkey).copied()
    }

    /// Every neuron with its UID, in UID order.
    pub fn registered(&self) -> impl Iterator<Item = (Uid, &Neuron)> {
        (0..=u16::MAX)
            .map(Uid)
            .zip(&self.neurons)
            .filter(|(_, neuron)| !neuron.hotkey.is_zero())
    }

    /// The address of a UID's hotkey. It is written once, for whoever asks later as well.
    pub fn address(&self, uid: Uid) -> Option<Arc<str>> {
        let neuron = self.neuron(uid)?;
        let address = self.addresses.0.get(usize::from(uid.0))?;
        Some(address.get_or_init(|| neuron.hotkey.to_string().into()).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neuron(byte: u8) -> Neuron {
        Neuron {
            hotkey: Hotkey::from_bytes([byte; 32]),
            stake: u64::from(byte) << 32,
            validator_permit: byte == 1,
        }
    }

    fn metagraph(neurons: Vec<Neuron>) -> Metagraph {
        let owner = Some(Hotkey::from_bytes([0; 32]));
        Metagraph::new(Netuid(2), (BlockNumber(7), BlockHash([7; 32])), owner, neurons)
    }

    #[test]
    fn a_place_without_a_key_is_no_neuron() {
        let metagraph = metagraph(vec![neuron(1), neuron(0), neuron(3)]);
        let uids: Vec<_> = metagraph.registered().map(|(uid, _)| uid).collect();
        assert_eq!(uids, [Uid(0), Uid(2)]);
        assert_eq!(metagraph.neuron(Uid(2)), Some(&neuron(3)));
        assert_eq!(metagraph.uid_of(&neuron(3).hotkey), Some(Uid(2)));
        for nobody in [Uid(1), Uid(3), Uid(u16::MAX)] {
            assert_eq!(
                (metagraph.neuron(nobody), metagraph.address(nobody)),
                (None, None)
            );
        }
        assert_eq!(
            (metagraph.uid_of(&neuron(0).hotkey), metagraph.owner()),
            (None, None)
        );
    }

    #[test]
    fn an_address_is_written_once_and_changes_nothing() {
        let (asked, other) = (metagraph(vec![neuron(1)]), metagraph(vec![neuron(1)]));
        let address = asked.address(Uid(0)).unwrap();
        assert_eq!(*address, *neuron(1).hotkey.to_string());
        assert!(Arc::ptr_eq(&address, &asked.address(Uid(0)).unwrap()));
        assert_eq!(asked, other);
    }

    #[test]
    fn what_no_uid_can_address_is_left_out() {
        let metagraph = metagraph(vec![neuron(1); 70_000]);
        assert_eq!(metagraph.registered().count(), 65_536);
        assert_eq!(metagraph.uid_of(&neuron(1).hotkey), Some(Uid(u16::MAX)));
    }
}

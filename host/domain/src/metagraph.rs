//! The subnet's neurons at one block.

use std::collections::HashMap;

use crate::{BlockHash, BlockNumber, Hotkey, Netuid, Uid};

/// An immutable snapshot of a subnet: every hotkey by UID, read at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metagraph {
    netuid: Netuid,
    block: BlockNumber,
    block_hash: BlockHash,
    owner: Option<Hotkey>,
    hotkeys: Vec<Hotkey>,
    uids: HashMap<Hotkey, Uid>,
}

impl Metagraph {
    /// Indexes the hotkeys: position is UID. The all-zero account, the chain's "no key", is in the list but
    /// has no UID by name. Positions beyond a UID's range cannot be addressed and are left out.
    pub fn new(
        netuid: Netuid,
        (block, block_hash): (BlockNumber, BlockHash),
        owner: Option<Hotkey>,
        mut hotkeys: Vec<Hotkey>,
    ) -> Self {
        hotkeys.truncate(usize::from(u16::MAX) + 1);
        let by_uid = (0..=u16::MAX).map(Uid).zip(&hotkeys);
        let uids = by_uid
            .filter(|(_, key)| !key.is_zero())
            .map(|(uid, key)| (*key, uid))
            .collect();
        let owner = owner.filter(|key| !key.is_zero());
        Self {
            netuid,
            block,
            block_hash,
            owner,
            hotkeys,
            uids,
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

    /// Every hotkey in UID order.
    pub fn hotkeys(&self) -> &[Hotkey] {
        &self.hotkeys
    }

    /// A hotkey's UID, if it is registered.
    pub fn uid_of(&self, hotkey: &Hotkey) -> Option<Uid> {
        self.uids.get(hotkey).copied()
    }

    /// Every registered hotkey with its UID, in UID order.
    pub fn registered(&self) -> impl Iterator<Item = (Uid, &Hotkey)> {
        (0..=u16::MAX)
            .map(Uid)
            .zip(&self.hotkeys)
            .filter(|(_, key)| !key.is_zero())
    }
}

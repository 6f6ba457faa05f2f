//! Which hotkey has which UID, one to one.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{Hotkey, Metagraph, Uid};

/// The registered hotkeys. Neither a hotkey nor a UID is in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uids(BTreeMap<Hotkey, Uid>);

/// Why a list of registrations is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UidsError {
    /// One hotkey, two entries.
    #[error("the hotkey {0} is listed twice")]
    Hotkey(Hotkey),
    /// One UID, two hotkeys.
    #[error("the UID {0} is given to two hotkeys")]
    Uid(Uid),
}

impl Uids {
    /// Takes the registrations in any order.
    pub fn new(pairs: impl IntoIterator<Item = (Hotkey, Uid)>) -> Result<Self, UidsError> {
        let (mut map, mut taken) = (BTreeMap::new(), BTreeSet::new());
        for (hotkey, uid) in pairs {
            if map.insert(hotkey, uid).is_some() {
                return Err(UidsError::Hotkey(hotkey));
            }
            if !taken.insert(uid) {
                return Err(UidsError::Uid(uid));
            }
        }
        Ok(Self(map))
    }

    /// The hotkey's UID, if it is registered.
    pub fn get(&self, hotkey: &Hotkey) -> Option<Uid> {
        self.0.get(hotkey).copied()
    }

    /// How many are registered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every registration, ordered by hotkey.
    pub fn iter(&self) -> impl Iterator<Item = (&Hotkey, Uid)> {
        self.0.iter().map(|(hotkey, uid)| (hotkey, *uid))
    }
}

/// A position in a metagraph is a UID, so no UID has two hotkeys there.
impl From<&Metagraph> for Uids {
    fn from(metagraph: &Metagraph) -> Self {
        Self(
            metagraph
                .registered()
                .map(|(uid, neuron)| (neuron.hotkey, uid))
                .collect(),
        )
    }
}

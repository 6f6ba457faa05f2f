//! The state of one block: SCALE bytes under storage keys. Cloning it is cheap, so each block has its own.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use crate::block::{Hash, blake2_256};

/// The first 32 bytes of a key: the hashes of the pallet's and the item's names.
const ITEM_LEN: usize = 32;

type Entries = BTreeMap<Vec<u8>, Arc<[u8]>>;

/// Values by key, grouped by storage item; a clone shares every item until it is written.
#[derive(Clone, Default)]
pub(crate) struct State {
    items: BTreeMap<[u8; ITEM_LEN], Arc<Entries>>,
    root: Hash,
}

impl State {
    /// Stands in for the trie's root: a hash over the previous root and each write. It commits to how the
    /// state came to be, which is all that a header needs here; proofs cannot be made from it.
    pub(crate) fn root(&self) -> Hash {
        self.root
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let (item, rest) = key.split_first_chunk::<ITEM_LEN>()?;
        Some(self.items.get(item)?.get(rest)?.as_ref())
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Vec<u8>) {
        let Some((item, rest)) = key.split_first_chunk::<ITEM_LEN>() else {
            return;
        };
        self.root = blake2_256(&[&self.root, key, &value]);
        let entries = Arc::make_mut(self.items.entry(*item).or_default());
        entries.insert(rest.to_vec(), value.into());
    }

    pub(crate) fn remove(&mut self, key: &[u8]) {
        if self.get(key).is_none() {
            return;
        }
        if let Some((item, rest)) = key.split_first_chunk::<ITEM_LEN>()
            && let Some(entries) = self.items.get_mut(item)
        {
            self.root = blake2_256(&[&self.root, key]);
            Arc::make_mut(entries).remove(rest);
        }
    }

    /// Up to `count` keys that begin with `prefix` and come after `start`, in byte order.
    pub(crate) fn keys(&self, prefix: &[u8], start: Option<&[u8]>, count: usize) -> Vec<Vec<u8>> {
        let head = prefix.get(..ITEM_LEN).unwrap_or(prefix);
        let rest = prefix.get(ITEM_LEN..).unwrap_or_default();
        let items = self.items.iter().filter(|(item, _)| item.starts_with(head));
        let keys = items.flat_map(|(item, entries)| {
            let from = (Bound::Included(rest), Bound::Unbounded);
            let entries = entries.range::<[u8], _>(from);
            let within = entries.take_while(|(key, _)| key.starts_with(rest));
            within.map(|(key, _)| [item.as_slice(), key].concat())
        });
        keys.filter(|key| start.is_none_or(|start| key.as_slice() > start))
            .take(count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(item: u8, rest: &[u8]) -> Vec<u8> {
        [&[item; ITEM_LEN], rest].concat()
    }

    #[test]
    fn an_older_clone_never_sees_a_later_write() {
        let mut state = State::default();
        state.put(&key(1, b"a"), vec![1]);
        let older = state.clone();
        state.put(&key(1, b"a"), vec![2]);
        state.remove(&key(1, b"a"));
        assert_eq!(older.get(&key(1, b"a")), Some([1].as_slice()));
        assert_eq!(state.get(&key(1, b"a")), None);
        assert_ne!(older.root(), state.root());
    }

    #[test]
    fn keys_are_paged_in_byte_order_within_a_prefix() {
        let mut state = State::default();
        for (item, rest) in [(1, b"a"), (1, b"b"), (1, b"c"), (2, b"a")] {
            state.put(&key(item, rest), vec![]);
        }
        let page = state.keys(&[1; ITEM_LEN], None, 2);
        assert_eq!(page, [key(1, b"a"), key(1, b"b")]);
        let next = state.keys(&[1; ITEM_LEN], page.last().map(Vec::as_slice), 9);
        assert_eq!(next, [key(1, b"c")]);
        assert_eq!(state.keys(&key(1, b"b"), None, 9), [key(1, b"b")]);
        assert_eq!(state.keys(&[], None, 9).len(), 4);
        assert!(state.get(b"short").is_none());
    }
}

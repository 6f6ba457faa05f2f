//! The id under which a request is found in the log. Made here; a client's own would let it write into the
//! log of others.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// 128 bits as hexadecimal digits that look random and, from one client's view, are: nobody can tell from an id how
/// many requests there were before. It is a keyed hash of a counter, because asking the system for random bytes costs
/// as much as the rest of a small request's bookkeeping. No secret is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn generate() -> Self {
        static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let [high, low] = KEYS.each_ref().map(|key| key.hash_one(number));
        Self(hex::encode([high.to_be_bytes(), low.to_be_bytes()].concat()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_say_nothing_of_their_order() {
        let ids: Vec<String> = (0..10_000).map(|_| RequestId::generate().to_string()).collect();
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        let rising = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((4_000..6_000).contains(&rising), "{rising} of 9999 rise");
    }
}

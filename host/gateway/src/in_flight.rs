//! How many requests of one client are being answered at this moment.
//!
//! As with [`crate::rate`], a key has a counter in each of two rows and the lower one counts, so nobody waits for anybody, the memory is
//! fixed, and a crowd keeps hardly anybody else out.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Counters of a row: half a mebibyte for both.
const COUNTERS: usize = 65_536;

/// The counters of one kind of key. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hashers: [RandomState; 2],
    rows: [Box<[AtomicU32]>; 2],
    most: u32,
}

/// One request that is being answered, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Place {
    inner: Arc<Inner>,
    at: [usize; 2],
}

impl InFlight {
    /// At most so many of each key.
    pub(crate) fn new(most: u32) -> Self {
        let row = || (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Self(Arc::new(Inner {
            hashers: [RandomState::new(), RandomState::new()],
            rows: [row(), row()],
            most,
        }))
    }

    /// A place for one more, if there is one.
    pub(crate) fn enter(&self, key: impl Hash) -> Option<Place> {
        let hash = |hasher: &RandomState| usize::try_from(hasher.hash_one(&key) % COUNTERS as u64);
        let [first, second] = self
            .0
            .hashers
            .each_ref()
            .map(|hasher| hash(hasher).unwrap_or_default());
        // Counted before it is looked at: of several at the same moment too many would be let in otherwise.
        let place = Place {
            inner: self.0.clone(),
            at: [first, second],
        };
        let before = place
            .counters()
            .map(|counter| counter.fetch_add(1, Relaxed))
            .min();
        // Dropped, a place that is none gives back what was counted.
        (before.unwrap_or_default() < self.0.most).then_some(place)
    }
}

impl Place {
    fn counters(&self) -> impl Iterator<Item = &AtomicU32> {
        let rows = self.inner.rows.iter().zip(self.at);
        rows.filter_map(|(row, at)| row.get(at))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters().for_each(|counter| {
            counter.fetch_sub(1, Relaxed);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_places_and_gets_them_back() {
        let it = InFlight::new(2);
        let one = it.enter("a").unwrap();
        let two = it.enter("a").unwrap();
        for _ in 0..100 {
            assert!(it.enter("a").is_none(), "who is refused takes no place");
        }
        assert!(it.enter("b").is_some());
        drop(one);
        let three = it.enter("a").unwrap();
        assert!(it.enter("a").is_none());
        drop((two, three));
        assert!(it.enter("a").is_some());
    }

    #[test]
    fn threads_never_hold_more_places_than_there_are() {
        let (it, most) = (InFlight::new(3), AtomicU32::new(0));
        let held = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        if let Some(place) = it.enter("a") {
                            most.fetch_max(held.fetch_add(1, Relaxed) + 1, Relaxed);
                            held.fetch_sub(1, Relaxed);
                            drop(place);
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.load(Relaxed)));
        let places: Vec<_> = (0..4).filter_map(|_| it.enter("a")).collect();
        assert_eq!(places.len(), 3, "each was given back");
    }

    #[test]
    fn a_crowd_keeps_hardly_anybody_else_out() {
        let it = InFlight::new(1);
        let crowd: Vec<_> = (0..6_500_u32).filter_map(|key| it.enter(key)).collect();
        assert!(crowd.len() > 6_300);
        let refused = (1_000_000..1_001_000_u32)
            .filter(|key| it.enter(key).is_none())
            .count();
        assert!(refused < 50, "{refused}");
    }
}

//! Remembers every nonce as long as its signature could be used again, in memory and within bounds. A live
//! nonce is never forgotten: when there is no room the new request is refused.
//!
//! Only verified signatures reach this, but anybody can make a key. So keys that the subnet does not know
//! share a part of the room, and each key has a share of its own: nobody can lock the others out.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use platform_domain::{Digest, Hotkey, Slug, UnixSeconds};
use platform_keys::Nonce;

use crate::refusal::Refusal;

/// Live nonces of one key: 1.7 requests a second for as long as the window is.
const MAX_PER_HOTKEY: usize = 512;
/// Live nonces of all keys that the subnet does not know.
const MAX_OF_STRANGERS: usize = 32 * 1024;
/// Live nonces of all: a full subnet of 256 keys and the strangers. About 200 bytes each, 32 MiB.
const MAX_LIVE: usize = 256 * MAX_PER_HOTKEY + MAX_OF_STRANGERS;

/// A nonce about to be used. The signature has been verified.
pub(crate) struct Use<'a> {
    pub(crate) slug: &'a Slug,
    pub(crate) hotkey: Hotkey,
    pub(crate) nonce: &'a Nonce,
    /// The last second in which the signature counts.
    pub(crate) expires: UnixSeconds,
    /// Whether the subnet knows the key.
    pub(crate) registered: bool,
}

/// The nonces in use.
#[derive(Debug)]
pub(crate) struct ReplayGuard(Mutex<Live>);

#[derive(Debug)]
struct Live {
    /// By key, then by challenge and nonce, hashed so that each takes the same room: when it expires.
    by_hotkey: HashMap<Hotkey, HashMap<Digest, UnixSeconds>>,
    /// The same in the order in which they expire, and whether the key was a stranger.
    by_expiry: BTreeMap<(UnixSeconds, Hotkey, Digest), bool>,
    strangers: usize,
    /// The latest time seen: a clock that is set back must not bring forgotten nonces to life.
    latest: UnixSeconds,
    max_live: usize,
    max_of_strangers: usize,
}

impl ReplayGuard {
    pub(crate) fn new() -> Self {
        Self::bounded(MAX_LIVE, MAX_OF_STRANGERS)
    }

    fn bounded(max_live: usize, max_of_strangers: usize) -> Self {
        Self(Mutex::new(Live {
            by_hotkey: HashMap::new(),
            by_expiry: BTreeMap::new(),
            strangers: 0,
            latest: UnixSeconds(0),
            max_live,
            max_of_strangers,
        }))
    }

    /// Uses a nonce up, or says why it cannot be used.
    pub(crate) fn reserve(&self, now: UnixSeconds, used: &Use<'_>) -> Result<(), Refusal> {
        // Each change below leaves the maps consistent, so a panic elsewhere does not spoil them.
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reserve(now, used)
    }
}

impl Live {
    fn reserve(&mut self, now: UnixSeconds, used: &Use<'_>) -> Result<(), Refusal> {
        self.latest = self.latest.max(now);
        self.forget_expired();
        if used.expires < self.latest {
            return Err(Refusal::SignatureStale);
        }
        let nonce = Digest::of(format!("{}:{}", used.slug, used.nonce).as_bytes());
        if let Some(own) = self.by_hotkey.get(&used.hotkey) {
            if own.contains_key(&nonce) {
                return Err(Refusal::NonceUsed);
            }
            if own.len() >= MAX_PER_HOTKEY {
                let retry_after = self.until(own.values().min().copied());
                return Err(Refusal::CallerTooFast { retry_after });
            }
        }
        let stranger = !used.registered;
        if self.by_expiry.len() >= self.max_live || (stranger && self.strangers >= self.max_of_strangers) {
            let first = self.by_expiry.keys().next().map(|(expires, ..)| *expires);
            return Err(Refusal::NoncesFull {
                retry_after: self.until(first),
            });
        }
        self.by_hotkey
            .entry(used.hotkey)
            .or_default()
            .insert(nonce, used.expires);
        self.by_expiry
            .insert((used.expires, used.hotkey, nonce), stranger);
        self.strangers += usize::from(stranger);
        Ok(())
    }

    fn forget_expired(&mut self) {
        while let Some(entry) = self.by_expiry.first_entry() {
            let (expires, hotkey, nonce) = *entry.key();
            if expires >= self.latest {
                break;
            }
            self.strangers = self.strangers.saturating_sub(usize::from(entry.remove()));
            if let Some(own) = self.by_hotkey.get_mut(&hotkey) {
                own.remove(&nonce);
                if own.is_empty() {
                    self.by_hotkey.remove(&hotkey);
                }
            }
        }
    }

    /// The time until something that expires then is forgotten.
    fn until(&self, expires: Option<UnixSeconds>) -> Duration {
        let left = expires.map_or(0, |it| it.0.saturating_sub(self.latest.0));
        Duration::from_secs(left.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        guard: ReplayGuard,
        slug: Slug,
    }

    impl Fixture {
        fn new(max_live: usize, max_of_strangers: usize) -> Self {
            let guard = ReplayGuard::bounded(max_live, max_of_strangers);
            Self {
                guard,
                slug: "tsp".parse().unwrap(),
            }
        }

        /// Key 100 and above are strangers.
        fn reserve(&self, now: u64, key: u8, nonce: &str, expires: u64) -> Result<(), String> {
            let nonce = nonce.parse().unwrap();
            let used = Use {
                slug: &self.slug,
                hotkey: Hotkey::from_bytes([key; 32]),
                nonce: &nonce,
                expires: UnixSeconds(expires),
                registered: key < 100,
            };
            self.guard
                .reserve(UnixSeconds(now), &used)
                .map_err(|it| it.to_string())
        }
    }

    #[test]
    fn a_nonce_is_used_once_by_each_key_for_each_challenge_while_its_signature_counts() {
        let mut it = Fixture::new(10, 10);
        let used = Err("nonce already used".to_owned());
        assert_eq!(it.reserve(1000, 1, "nonce-01", 1300), Ok(()));
        assert_eq!(it.reserve(1000, 1, "nonce-01", 1300), used);
        assert_eq!(
            it.reserve(1001, 1, "nonce-01", 1301),
            used,
            "another time makes it no other nonce"
        );
        assert_eq!(it.reserve(1000, 2, "nonce-01", 1300), Ok(()));
        it.slug = "nim".parse().unwrap();
        assert_eq!(it.reserve(1000, 1, "nonce-01", 1300), Ok(()));
        assert_eq!(it.reserve(1300, 1, "nonce-01", 1300), used, "its last second");
        assert_eq!(
            it.reserve(1301, 1, "nonce-01", 1601),
            Ok(()),
            "the old signature is stale by now"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_brings_no_nonce_to_life() {
        let it = Fixture::new(10, 10);
        assert_eq!(it.reserve(1000, 1, "nonce-01", 1300), Ok(()));
        assert_eq!(it.reserve(1400, 1, "nonce-02", 1700), Ok(()));
        assert_eq!(
            it.reserve(1000, 1, "nonce-01", 1300),
            Err("stale signature".into())
        );
    }

    #[test]
    fn when_it_is_full_no_live_nonce_is_forgotten() {
        let it = Fixture::new(3, 2);
        let full = Err("too many signed requests at this time".to_owned());
        assert_eq!(it.reserve(1000, 100, "nonce-01", 1300), Ok(()));
        assert_eq!(it.reserve(1000, 101, "nonce-01", 1310), Ok(()));
        assert_eq!(
            it.reserve(1000, 102, "nonce-01", 1300),
            full,
            "strangers have a part only"
        );
        assert_eq!(it.reserve(1000, 1, "nonce-01", 1300), Ok(()));
        assert_eq!(it.reserve(1000, 2, "nonce-01", 1300), full);
        assert_eq!(
            it.reserve(1300, 1, "nonce-01", 1300),
            Err("nonce already used".into())
        );
        assert_eq!(it.reserve(1301, 2, "nonce-01", 1400), Ok(()));
        assert_eq!(it.reserve(1301, 102, "nonce-01", 1400), Ok(()));
        assert_eq!(it.reserve(1301, 103, "nonce-01", 1400), full);
    }

    #[test]
    fn one_key_cannot_take_the_room_of_others() {
        let it = Fixture::new(MAX_LIVE, MAX_OF_STRANGERS);
        for at in 0..MAX_PER_HOTKEY {
            assert_eq!(it.reserve(1000, 1, &format!("nonce-{at:04}"), 1300), Ok(()));
        }
        assert_eq!(
            it.reserve(1000, 1, "nonce-xx", 1300),
            Err("too many signed requests by this hotkey".into())
        );
        assert_eq!(it.reserve(1000, 2, "nonce-xx", 1300), Ok(()));
        assert_eq!(it.reserve(1301, 1, "nonce-xx", 1500), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn within_its_window_no_signature_counts_twice(steps in proptest::collection::vec((0u64..40, 0u8..4, 0u8..4, 0u64..30), 1..200)) {
            let it = Fixture::new(20, 5);
            let mut now = 1000;
            let mut accepted: Vec<(u8, u8, u64)> = Vec::new();
            for (wait, key, nonce, ahead) in steps {
                now += wait;
                let (key, expires) = (if key == 3 { 100 } else { key }, now + ahead);
                let again = accepted.iter().any(|(k, n, until)| (*k, *n) == (key, nonce) && *until >= now);
                if it.reserve(now, key, &format!("nonce-0{nonce}"), expires).is_ok() {
                    proptest::prop_assert!(!again);
                    accepted.push((key, nonce, expires));
                }
            }
            let live = it.guard.0.lock().unwrap();
            let by_hotkey: usize = live.by_hotkey.values().map(HashMap::len).sum();
            proptest::prop_assert_eq!(by_hotkey, live.by_expiry.len());
            proptest::prop_assert_eq!(live.strangers, live.by_expiry.values().filter(|it| **it).count());
        }
    }
}

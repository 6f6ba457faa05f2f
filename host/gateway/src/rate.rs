//! How often somebody may ask: token buckets for as many strangers as there are, in memory that does not grow with them and
//! without a lock.
//!
//! A bucket is one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371). Buckets are
//! not kept by key but in two rows of a fixed table, each of which every key is hashed into anew, with a secret of this process;
//! a key has the better one of its two buckets. So one stranger cannot use up another's on purpose, and a crowd does only when it
//! is so large that it fills the better part of both rows.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How often, on the long run, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests at one moment after a long silence.
    pub burst: NonZeroU32,
}

/// The buckets of one kind of key.
#[derive(Debug)]
pub(crate) struct Buckets {
    begun: Instant,
    hashers: [RandomState; 2],
    rows: [Box<[AtomicU64]>; 2],
}

/// Buckets of a row: 1 MiB for both. Of 6,500 strangers that all ask as often as they may, one in a hundred others would be taken
/// for one of them.
const BUCKETS: usize = 65_536;

impl Rate {
    /// Nanoseconds in which one request's worth comes back.
    fn interval(self) -> u64 {
        1_000_000_000 / u64::from(self.per_second.get())
    }

    /// Nanoseconds by which a bucket may be overdrawn: all of its burst but one request.
    fn tolerance(self) -> u64 {
        self.interval()
            .saturating_mul(u64::from(self.burst.get()).saturating_sub(1))
    }
}

impl Buckets {
    pub(crate) fn new() -> Self {
        let row = || (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self {
            begun: Instant::now(),
            hashers: [RandomState::new(), RandomState::new()],
            rows: [row(), row()],
        }
    }

    /// Takes one from this key's bucket, or says after what time there is one. Of several at the same moment one or the other may
    /// get by without being counted, and none is counted twice.
    pub(crate) fn take(&self, key: impl Hash, rate: Rate, now: Instant) -> Result<(), Duration> {
        let now = u64::try_from(now.saturating_duration_since(self.begun).as_nanos()).unwrap_or(u64::MAX);
        let [first, second] = [0, 1].map(|row: usize| self.bucket(row, &key));
        loop {
            let full_at = [first, second].map(|bucket| bucket.map_or(0, |bucket| bucket.load(Relaxed)));
            let [a, b] = full_at;
            let (best, at, other) = if a <= b {
                (first, a, second)
            } else {
                (second, b, first)
            };
            let early = at.saturating_sub(now.saturating_add(rate.tolerance()));
            if early > 0 {
                return Err(Duration::from_nanos(early));
            }
            let next = at.max(now).saturating_add(rate.interval());
            let taken = best.map(|best| best.compare_exchange(at, next, Relaxed, Relaxed));
            if let Some(Err(_)) = taken {
                continue;
            }
            if let Some(other) = other {
                other.fetch_max(next, Relaxed);
            }
            return Ok(());
        }
    }

    fn bucket(&self, row: usize, key: &impl Hash) -> Option<&AtomicU64> {
        let (hasher, row) = (self.hashers.get(row)?, self.rows.get(row)?);
        let buckets = u64::try_from(row.len()).ok()?;
        let at = hasher.hash_one(key).checked_rem(buckets)?;
        row.get(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Buckets with the rate that all keys have.
    struct Same {
        buckets: Buckets,
        rate: Rate,
        begun: Instant,
    }

    impl Same {
        fn take(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
            self.buckets.take(key, self.rate, now)
        }
    }

    fn buckets(per_second: u32, burst: u32) -> Same {
        let number = |number| NonZeroU32::new(number).unwrap();
        let (buckets, rate) = (
            Buckets::new(),
            Rate {
                per_second: number(per_second),
                burst: number(burst),
            },
        );
        let begun = buckets.begun;
        Same { buckets, rate, begun }
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_after_the_other() {
        let it = buckets(10, 3);
        let at = |ms| it.begun + Duration::from_millis(ms);
        for _ in 0..3 {
            assert_eq!(it.take("a", at(0)), Ok(()));
        }
        assert_eq!(it.take("a", at(0)), Err(Duration::from_millis(100)));
        assert_eq!(it.take("a", at(60)), Err(Duration::from_millis(40)));
        assert_eq!(it.take("b", at(60)), Ok(()), "somebody else");
        assert_eq!(it.take("a", at(100)), Ok(()));
        assert_eq!(it.take("a", at(100)), Err(Duration::from_millis(100)));
        for _ in 0..3 {
            assert_eq!(it.take("a", at(100_000)), Ok(()));
        }
        assert!(
            it.take("a", at(100_000)).is_err(),
            "silence is saved up to the burst only"
        );
    }

    #[test]
    fn whoever_is_refused_is_not_kept_out_for_longer_by_asking() {
        let it = buckets(1, 1);
        assert_eq!(it.take("a", it.begun), Ok(()));
        for ms in 0..1000 {
            assert!(it.take("a", it.begun + Duration::from_millis(ms)).is_err());
        }
        assert_eq!(it.take("a", it.begun + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn a_crowd_keeps_hardly_anybody_else_out_and_takes_no_memory() {
        let it = buckets(1, 1);
        for stranger in 0..6_500_u32 {
            assert!(it.take(stranger, it.begun).is_ok() || stranger > 0);
        }
        let others = 1_000_000..1_001_000_u32;
        let refused = others.filter(|other| it.take(other, it.begun).is_err()).count();
        // One in a hundred is expected, and among a thousand 50 are as good as impossible.
        assert!(refused < 50, "{refused}");
    }

    #[test]
    fn threads_that_ask_at_once_share_one_bucket() {
        let it = buckets(1, 1000);
        let at = it.begun;
        let taken: usize = std::thread::scope(|scope| {
            let ask = || (0..2000).filter(|_| it.take("a", at).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!((1000..1100).contains(&taken), "{taken}");
    }

    proptest::proptest! {
        #[test]
        fn a_bucket_is_as_a_bucket_of_tokens_is(
            per_second in 1_u32..100, burst in 1_u32..20, steps in proptest::collection::vec((0_u8..3, 0_u64..400), 0..200),
        ) {
            let it = buckets(per_second, burst);
            // Nanotokens by key, and when they were counted.
            let mut model: HashMap<u8, (u128, u64)> = HashMap::new();
            let (mut now, most) = (0_u64, u128::from(burst) * u128::from(it.rate.interval()));
            for (key, wait) in steps {
                now += wait * 1_000_000;
                let (tokens, counted) = model.get(&key).copied().unwrap_or((most, now));
                let tokens = (tokens + u128::from(now - counted)).min(most);
                let allowed = tokens >= u128::from(it.rate.interval());
                let left = if allowed { tokens - u128::from(it.rate.interval()) } else { tokens };
                model.insert(key, (left, now));
                let taken = it.take(key, it.begun + Duration::from_nanos(now));
                proptest::prop_assert_eq!(taken.is_ok(), allowed);
            }
        }
    }
}

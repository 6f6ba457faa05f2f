//! When a breaker opens and for how long: numbers of the operator, each with its bounds and its reason.

use std::time::Duration;

/// The numbers of every breaker of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Fewer crashes and time-outs than this never open it.
    pub failures: u32,
    /// For how long calls are counted, from the first that failed.
    pub window: Duration,
    /// It does not open before calls were counted for so long, so that a burst of bad requests does not
    /// outweigh good ones that are only rarer.
    pub watch: Duration,
    /// How long it is open the first time. Also the head start that all others have before the caller whose
    /// probe failed.
    pub first_backoff: Duration,
    /// Each time after that it is open for twice as long, up to this. A closed breaker that stays quiet for so
    /// long begins with the first again.
    pub longest_backoff: Duration,
}

/// A number of the policy is out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from {floor} to {ceiling}")]
pub struct PolicyError {
    /// As in the configuration, below `breaker`.
    pub key: &'static str,
    /// The least.
    pub floor: u64,
    /// The most.
    pub ceiling: u64,
}

/// 5: a challenge with files is called one at a time with a deadline of 10 seconds, so a minute has six
/// time-outs at most.
const FAILURES: u32 = 5;
/// More would let a broken challenge use the machine for minutes before anyone notices.
const MAX_FAILURES: u64 = 1000;
/// As long as the longest deadline of a route, so that its time-outs are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// What failed an hour ago says nothing of now.
const MAX_WINDOW: Duration = Duration::from_secs(3600);
/// Miners ask every few seconds: so the good ones are heard as well.
const WATCH: Duration = Duration::from_secs(5);
/// A challenge that is broken by what it keeps often needs a moment only.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// Longer, and nobody believes in the challenge any more.
const MAX_FIRST_BACKOFF: Duration = Duration::from_secs(60);
/// Well below an epoch, so that one bad epoch is not followed by a second for this reason.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);
/// A forgotten challenge still comes back by itself.
const MAX_LONGEST_BACKOFF: Duration = Duration::from_secs(3600);

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: FAILURES,
            window: WINDOW,
            watch: WATCH,
            first_backoff: FIRST_BACKOFF,
            longest_backoff: LONGEST_BACKOFF,
        }
    }
}

impl BreakerPolicy {
    /// Refuses numbers with which a breaker never opens, never closes or opens for nothing. Times are named and
    /// bounded in milliseconds.
    pub fn check(&self) -> Result<(), PolicyError> {
        let time = |key, value: Duration, floor: u64, ceiling: Duration| {
            (key, millis(value), floor, millis(ceiling))
        };
        for (key, value, floor, ceiling) in [
            ("failures", u64::from(self.failures), 1, MAX_FAILURES),
            time("window_ms", self.window, 1, MAX_WINDOW),
            time("watch_ms", self.watch, 0, self.window),
            time("first_backoff_ms", self.first_backoff, 1, MAX_FIRST_BACKOFF),
            time(
                "longest_backoff_ms",
                self.longest_backoff,
                millis(self.first_backoff),
                MAX_LONGEST_BACKOFF,
            ),
        ] {
            if !(floor..=ceiling).contains(&value) {
                return Err(PolicyError { key, floor, ceiling });
            }
        }
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_sense_are_refused_by_their_key() {
        assert_eq!(BreakerPolicy::default().check(), Ok(()));
        let change = |change: fn(&mut BreakerPolicy)| {
            let mut policy = BreakerPolicy::default();
            change(&mut policy);
            policy.check().unwrap_err().key
        };
        assert_eq!(change(|it| it.failures = 0), "failures");
        assert_eq!(change(|it| it.failures = 1001), "failures");
        assert_eq!(change(|it| it.window = Duration::ZERO), "window_ms");
        assert_eq!(change(|it| it.window = Duration::MAX), "window_ms");
        assert_eq!(change(|it| it.watch = it.window * 2), "watch_ms");
        assert_eq!(change(|it| it.first_backoff = Duration::ZERO), "first_backoff_ms");
        assert_eq!(
            change(|it| it.longest_backoff = Duration::from_secs(1)),
            "longest_backoff_ms"
        );
        assert_eq!(
            change(|it| it.longest_backoff = Duration::from_secs(3601)),
            "longest_backoff_ms"
        );
    }
}

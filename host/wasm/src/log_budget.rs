//! How much a challenge may log.

use std::time::Instant;

use crate::limits::{LOG_LINE_COST, Limits};

/// A token bucket in bytes.
pub(crate) struct LogBudget {
    /// Bytes per second in the long run.
    rate: u64,
    /// Bytes at once.
    burst: u64,
    tokens: u64,
    filled: Instant,
    /// Lines dropped since it ran empty.
    dropped: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    /// The first line after a flood; so many were dropped.
    PassAfter(u64),
    /// The first line of a flood.
    DropFirst,
    Drop,
}

impl LogBudget {
    pub(crate) fn full(limits: &Limits, now: Instant) -> Self {
        Self {
            rate: limits.log_rate.0,
            burst: limits.log_burst.0,
            tokens: limits.log_burst.0,
            filled: now,
            dropped: 0,
        }
    }

    /// Pays for a line. Once empty, it has to fill for a second before lines pass again, so that a flood gives
    /// a few whole pieces and few reports, not a line here and there.
    pub(crate) fn judge(&mut self, bytes: u64, now: Instant) -> Verdict {
        let passed =
            u64::try_from(now.saturating_duration_since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let earned = passed.saturating_mul(self.rate) / 1000;
        if earned > 0 {
            self.tokens = self.tokens.saturating_add(earned).min(self.burst);
            self.filled = now;
        }
        let recovered = self.dropped == 0 || self.tokens >= self.rate.min(self.burst);
        match self
            .tokens
            .checked_sub(bytes + LOG_LINE_COST)
            .filter(|_| recovered)
        {
            Some(left) => {
                self.tokens = left;
                match std::mem::take(&mut self.dropped) {
                    0 => Verdict::Pass,
                    dropped => Verdict::PassAfter(dropped),
                }
            }
            None => {
                self.dropped += 1;
                if self.dropped == 1 {
                    Verdict::DropFirst
                } else {
                    Verdict::Drop
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_log_that_was_too_much_passes_again_after_a_second() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let limits = Limits::default();
        let burst = limits.log_burst.0;
        let mut bucket = LogBudget::full(&limits, start);
        let passed = (0..1_000_000)
            .take_while(|_| bucket.judge(0, start) == Verdict::Pass)
            .count();
        assert_eq!(passed as u64, burst / LOG_LINE_COST, "even empty lines cost");
        assert_eq!(bucket.judge(10, start), Verdict::Drop);
        assert_eq!(bucket.judge(10, at(500)), Verdict::Drop);
        assert_eq!(bucket.judge(10, at(1000)), Verdict::PassAfter(3));
        assert_eq!(bucket.judge(10, at(1000)), Verdict::Pass);
        assert_eq!(
            bucket.judge(burst, at(900_000)),
            Verdict::DropFirst,
            "no line is larger than the bucket"
        );
    }
}

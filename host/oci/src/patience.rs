//! How long a registry is waited for, and when it is asked again.

use std::time::Duration;

use tokio::time::Instant;

use crate::{OciError, limits};

/// Times and numbers of tries; the defaults are in [`limits`].
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a connection is accepted.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
    /// For a whole fetch or push.
    pub total: Duration,
    /// For signatures of a component that is there.
    pub signatures: Duration,
    /// How often something is asked for.
    pub tries: u32,
    /// Before the second try.
    pub first_pause: Duration,
    /// Before any try.
    pub longest_pause: Duration,
    /// Until a credential helper has answered.
    pub helper: Duration,
}

/// The tries of one piece of work.
#[derive(Debug)]
pub(crate) struct Pauses {
    patience: Patience,
    deadline: Instant,
    failed: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT_TIMEOUT,
            silence: limits::READ_TIMEOUT,
            total: limits::TOTAL_TIMEOUT,
            signatures: limits::SIGNATURES_TIMEOUT,
            tries: limits::MAX_TRIES,
            first_pause: limits::FIRST_PAUSE,
            longest_pause: limits::LONGEST_PAUSE,
            helper: limits::HELPER_TIMEOUT,
        }
    }
}

impl Patience {
    /// Nothing has failed so far.
    pub(crate) fn pauses(self, deadline: Instant) -> Pauses {
        Pauses {
            patience: self,
            deadline,
            failed: 0,
        }
    }

    /// How long to wait after so many failures; `None` gives up. `part` is random, from 0 to 1: who failed
    /// together does not come back together.
    fn pause(&self, failed: u32, asked: Duration, part: f64) -> Option<Duration> {
        if failed >= self.tries || asked > self.longest_pause {
            return None;
        }
        let doubled = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        Some(asked + whole / 2 + (whole / 2).mul_f64(part))
    }
}

impl Pauses {
    /// Waits until the work may be tried again. Gives the error back when that is of no use, or when there is
    /// no time left for it.
    pub(crate) async fn wait(&mut self, error: OciError) -> Result<(), OciError> {
        self.failed += 1;
        let random = getrandom::u32().unwrap_or_default();
        let part = f64::from(random) / f64::from(u32::MAX);
        let asked = error.passes();
        let pause = asked.and_then(|asked| self.patience.pause(self.failed, asked, part));
        match pause {
            Some(pause) if Instant::now() + pause < self.deadline => {
                tracing::debug!(%error, ?pause, "asking a registry again");
                tokio::time::sleep(pause).await;
                Ok(())
            }
            _ => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_the_tries() {
        let patience = Patience {
            tries: 9,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(10),
            ..Patience::default()
        };
        let seconds = |failed, asked, part| {
            let pause = patience.pause(failed, Duration::from_secs(asked), part);
            pause.map(|pause| pause.as_secs_f64())
        };
        for (failed, asked, part, expected) in [
            (1, 0, 0.0, Some(0.5)),
            (1, 0, 1.0, Some(1.0)),
            (2, 0, 1.0, Some(2.0)),
            (4, 0, 0.5, Some(6.0)),
            (5, 0, 1.0, Some(10.0)),
            (8, 0, 1.0, Some(10.0)),
            (9, 0, 1.0, None),
            (1, 10, 1.0, Some(11.0)),
            (1, 11, 1.0, None),
        ] {
            assert_eq!(seconds(failed, asked, part), expected, "{failed} {asked} {part}");
        }
    }
}

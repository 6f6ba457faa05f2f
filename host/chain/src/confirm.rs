//! Following an extrinsic until its fate is final.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{Chain, ChainError, Inclusion, SignedExtrinsic};

/// Looks per block time: often enough to see every block, seldom enough to be a polite guest of a public node.
const LOOKS_PER_BLOCK: u32 = 2;
/// The pause while the node cannot even say what its block time is.
const PAUSE_UNKNOWN: Duration = Duration::from_secs(1);
/// Bounds of the pause between looks, whatever block time the runtime claims.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(12);

impl Chain {
    /// Looks again and again until the extrinsic is final or expired, or the deadline has come, and tells
    /// what was seen last. `seen` is called whenever that changes: with an inclusion in a best block, with
    /// the same undone or moved by a reorganisation, with finality. Failures of the node are waited out; one
    /// is an error only when it still lasts at the deadline.
    pub async fn confirm(
        &self,
        extrinsic: &SignedExtrinsic,
        deadline: Instant,
        mut seen: impl FnMut(&Inclusion),
    ) -> Result<Inclusion, ChainError> {
        let mut last = Inclusion::Pending;
        let mut pause = None;
        loop {
            let looked = match timeout_at(deadline, self.look(extrinsic, &mut pause)).await {
                Ok(looked) => looked,
                Err(_) => return Ok(last),
            };
            let trouble = match looked {
                Ok(now) => {
                    if now != last {
                        seen(&now);
                    }
                    if matches!(
                        now,
                        Inclusion::Expired | Inclusion::Included { finalised: true, .. }
                    ) {
                        return Ok(now);
                    }
                    last = now;
                    None
                }
                Err(error) if ends_the_wait(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(error = %error, "cannot look for the extrinsic now, will look again");
                    Some(error)
                }
            };
            let next = Instant::now() + pause.unwrap_or(PAUSE_UNKNOWN);
            if next >= deadline {
                sleep_until(deadline).await;
                return trouble.map_or(Ok(last), Err);
            }
            sleep_until(next).await;
        }
    }

    async fn look(
        &self,
        extrinsic: &SignedExtrinsic,
        pause: &mut Option<Duration>,
    ) -> Result<Inclusion, ChainError> {
        if pause.is_none() {
            let block_time = self.block_time().await?;
            *pause = Some((block_time / LOOKS_PER_BLOCK).clamp(PAUSE_MIN, PAUSE_MAX));
        }
        self.inclusion(extrinsic).await
    }
}

/// What the next look would meet again. All else passes: a node that is restarted, lags behind the one asked
/// before, or wants fewer questions.
const fn ends_the_wait(error: &ChainError) -> bool {
    use ChainError::{EventsDiscarded, Genesis, Runtime};
    matches!(error, Genesis { .. } | Runtime { .. } | EventsDiscarded { .. })
}

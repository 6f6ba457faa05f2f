//! Following an extrinsic until its fate is final.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{Chain, ChainError, Inclusion, SignedExtrinsic};

/// Looks per block time: often enough to see every block, seldom enough to be a polite guest of a public node.
const LOOKS_PER_BLOCK: u32 = 2;
/// Bounds of the pause between looks, whatever block time the runtime claims.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(12);

impl Chain {
    /// Looks again and again until the extrinsic is final or expired, or the deadline has come, and tells
    /// what was seen last. `seen` is called whenever that changes: with an inclusion in a best block, with
    /// the same undone or moved by a reorganisation, with finality. A broken connection is waited out; it is
    /// an error only when it is what the deadline ends.
    pub async fn confirm(
        &self,
        extrinsic: &SignedExtrinsic,
        deadline: Instant,
        mut seen: impl FnMut(&Inclusion),
    ) -> Result<Inclusion, ChainError> {
        let mut last = Inclusion::Pending;
        let mut pause = PAUSE_MAX;
        loop {
            let trouble = match timeout_at(deadline, self.look(extrinsic)).await {
                Err(_) => return Ok(last),
                Ok(Ok((now, block_time))) => {
                    pause = (block_time / LOOKS_PER_BLOCK).clamp(PAUSE_MIN, PAUSE_MAX);
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
                Ok(Err(error)) if error.is_transient() => {
                    tracing::warn!(error = %error, "cannot look for the extrinsic now, will look again");
                    Some(error)
                }
                Ok(Err(error)) => return Err(error),
            };
            let next = Instant::now() + pause;
            if next >= deadline {
                sleep_until(deadline).await;
                return trouble.map_or(Ok(last), Err);
            }
            sleep_until(next).await;
        }
    }

    async fn look(&self, extrinsic: &SignedExtrinsic) -> Result<(Inclusion, Duration), ChainError> {
        let block_time = self.block_time().await?;
        Ok((self.inclusion(extrinsic).await?, block_time))
    }
}

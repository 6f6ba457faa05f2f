//! Taking a row of the ledger as far as it goes, one recorded step at a time.

use platform_chain::{Chain, ChainError};
use platform_domain::{EpochId, with_causes};
use platform_store::{EpochRow, EpochState, Step, epochs};

use crate::{EpochError, Epochs, prepare::now};

impl Epochs {
    /// Drives every epoch that has not ended, oldest first. What is signed may be in flight and is followed to
    /// its end whatever its age; an older epoch that was not yet signed is over, the current one replaces it.
    pub(crate) async fn drive_unfinished(&self, chain: &Chain, current: EpochId) -> Result<(), EpochError> {
        let lane = self.lane(chain);
        let rows = self
            .store()
            .read("epoch_unfinished", move |connection| {
                epochs::unfinished(connection, lane)
            })
            .await?;
        let mut first = Ok(());
        for row in rows {
            // One epoch that does not go on must not keep the others from it.
            let driven = self.drive_or_end(chain, row, current).await;
            first = first.and(driven);
        }
        first
    }

    async fn drive_or_end(&self, chain: &Chain, row: EpochRow, current: EpochId) -> Result<(), EpochError> {
        match row.state {
            EpochState::Signed | EpochState::Included => {}
            _ if row.epoch >= current => {}
            EpochState::Recorded if self.signer().is_none() => {
                let reason = "no hotkey is configured, so it was recorded only".to_owned();
                let report = row.report.clone();
                return self.advance(&row, Step::Skip { reason, report }).await.map(drop);
            }
            state => {
                let last = self.status().error;
                let why = last.map_or(String::new(), |error| format!("; the last error was: {error}"));
                let reason = format!("it was only {state} when epoch {current} began{why}");
                return self.advance(&row, Step::Fail { reason }).await.map(drop);
            }
        }
        self.drive(chain, row, current).await
    }

    async fn drive(&self, chain: &Chain, mut row: EpochRow, current: EpochId) -> Result<(), EpochError> {
        loop {
            let step = match row.state {
                EpochState::Begun => match self.record(chain, &row).await {
                    Ok(Some(recorded)) => {
                        row = recorded;
                        continue;
                    }
                    Ok(None) => return Ok(()),
                    Err(error) => Err(error),
                },
                EpochState::Recorded if self.signer().is_none() => return Ok(()),
                EpochState::Recorded => self.sign(chain, &row).await,
                EpochState::Signed => self.send(chain, &row, current).await,
                EpochState::Included => self.confirm(chain, &row).await,
                EpochState::Finalised | EpochState::Skipped | EpochState::Failed => return Ok(()),
            };
            let step = match step {
                Ok(Some(step)) => step,
                // Nothing to do before the next block.
                Ok(None) => return Ok(()),
                Err(EpochError::Chain(error)) if ends_the_epoch(&error) => Step::Fail {
                    reason: with_causes(&error),
                },
                Err(EpochError::Chain(ChainError::BlockUnavailable(_)))
                    if row.epoch < current && is_past(chain, &row).await? =>
                {
                    let reason = "the node no longer has the blocks that would tell whether its extrinsic was \
                                  included";
                    Step::Fail {
                        reason: reason.to_owned(),
                    }
                }
                Err(error) => return Err(error),
            };
            row = self.advance(&row, step).await?;
        }
    }

    /// Collects, aggregates and fixes the vector together with the answers it came from. `None` when the epoch
    /// was over before that.
    async fn record(&self, chain: &Chain, row: &EpochRow) -> Result<Option<EpochRow>, EpochError> {
        tracing::info!(epoch.id = %row.epoch, "asking the challenges for their weights");
        let preview = self.prepare(chain).await?;
        if preview.epoch != row.epoch {
            // Its last block went by in between; the next turn sees that it is over.
            return Ok(None);
        }
        let pinned = (preview.block, preview.block_hash);
        let step = match (preview.vector, preview.nothing_to_pay) {
            (Ok(vector), _) => Step::Record {
                policy: preview.policy.to_owned(),
                vector,
                report: preview.report.unwrap_or_default(),
            },
            (Err(reason), true) => Step::Skip {
                reason,
                report: preview.report,
            },
            (Err(reason), false) => Step::Fail { reason },
        };
        let (answers, lane, epoch) = (preview.answers, row.lane, row.epoch);
        let recorded = self.store().write("epoch_record", move |connection| {
            let row = epochs::begin(connection, lane, epoch, pinned, now())?;
            epochs::put_answers(connection, &row, &answers)?;
            epochs::advance(connection, &row, step, now())
        });
        let recorded = recorded.await?;
        log(&recorded);
        Ok(Some(recorded))
    }

    async fn advance(&self, row: &EpochRow, step: Step) -> Result<EpochRow, EpochError> {
        let row = row.clone();
        let next = self
            .store()
            .write("epoch_advance", move |connection| {
                epochs::advance(connection, &row, step, now())
            })
            .await?;
        log(&next);
        Ok(next)
    }
}

/// Whether the signed bytes are too old for any block to come.
async fn is_past(chain: &Chain, row: &EpochRow) -> Result<bool, EpochError> {
    let (finalised, _) = chain.finalised_block().await?;
    Ok(row
        .extrinsic
        .as_ref()
        .is_some_and(|extrinsic| finalised >= extrinsic.expires))
}

/// Whether trying again cannot help: the subnet or the extrinsic is at fault, not the connection or the node.
fn ends_the_epoch(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::CommitReveal(_)
            | ChainError::NoSubnet(_)
            | ChainError::NoMechanism { .. }
            | ChainError::Unequal { .. }
    )
}

fn log(row: &EpochRow) {
    let hash = row.extrinsic.as_ref().map(|extrinsic| extrinsic.hash.to_string());
    let entries = row.vector.as_ref().map(|vector| vector.uids.len());
    if row.state == EpochState::Failed {
        tracing::error!(epoch.id = %row.epoch, reason = row.reason, "the epoch failed");
    } else {
        tracing::info!(epoch.id = %row.epoch, epoch.state = %row.state, entries, extrinsic = hash, reason = row.reason, "the epoch moved");
    }
}

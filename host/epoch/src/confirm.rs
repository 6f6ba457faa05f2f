//! From a block that holds the extrinsic to a final one, what the chain then has, and the reveal of what was committed.

use platform_chain::{Chain, Missed, Retry, RevealState};
use platform_domain::{BlockHash, Uid};
use platform_store::{EpochRow, RecordedVector, Step, epochs};

use crate::{
    EpochError, Epochs,
    limits::{MAX_ATTEMPTS, MAX_TOLD_STEPS},
    moment::Moment,
    submit::{Look, look, recorded, sealed, signed, weights_call},
    verdict::may_still_come,
};

impl Epochs {
    /// One look at an included extrinsic: a failed dispatch ends the epoch or has it signed anew, a dropped block sends it again,
    /// a final block is read back.
    pub(crate) async fn confirm(
        &self,
        chain: &Chain,
        row: &EpochRow,
        moment: &Moment,
    ) -> Result<Option<Step>, EpochError> {
        let (block, hash, finalised, outcome) = match look(chain, &signed(row)?).await? {
            Look::Included {
                block,
                hash,
                finalised,
                outcome,
            } => (block, hash, finalised, outcome),
            // A node that changes its mind again and again must not fill the ledger.
            Look::Pending if row.step >= MAX_TOLD_STEPS => return Ok(None),
            Look::Pending | Look::Expired => return Ok(Some(Step::Drop)),
        };
        match outcome {
            // A refusal is believed when it is final: another fork may still take the extrinsic.
            Some(Err(failure)) if finalised => self.refused(chain, row, (&failure, moment)).await,
            // The chain cannot read them yet. That a commit whose events are gone has failed is found out at its reveal.
            Some(Ok(())) | None if finalised && row.sealed.is_some() => {
                Ok(Some(Step::Finalise { on_chain: None }))
            }
            Some(Ok(())) if finalised => self.read_back(chain, row, hash).await.map(Some),
            // The block's state is gone with its events; the newest final state still has the row.
            None => self
                .read_back(chain, row, chain.finalised_block().await?.1)
                .await
                .map(Some),
            _ if row.included != Some((block, hash)) && row.step < MAX_TOLD_STEPS => {
                Ok(Some(Step::Include(block, hash)))
            }
            _ => Ok(None),
        }
    }

    async fn read_back(&self, chain: &Chain, row: &EpochRow, at: BlockHash) -> Result<Step, EpochError> {
        let (hotkey, vector) = (self.submitted_by(row)?, recorded(row)?);
        let metagraph = self.refresh_metagraph(chain).await?;
        let Some(uid) = metagraph.uid_of(&hotkey) else {
            return Ok(Step::Fail {
                reason: "the hotkey is no longer registered".to_owned(),
            });
        };
        let on_chain = chain
            .weights(row.lane.netuid, row.lane.mechanism, uid, at)
            .await?;
        if on_chain == pairs(vector) {
            return Ok(Step::Finalise {
                on_chain: Some(on_chain),
            });
        }
        Ok(Step::Fail {
            reason: format!("the chain holds another vector of {} entries", on_chain.len()),
        })
    }

    /// One look at a commit that is final.
    pub(crate) async fn watch_reveal(
        &self,
        chain: &Chain,
        row: &EpochRow,
        moment: &Moment,
    ) -> Result<Option<Step>, EpochError> {
        let (hotkey, vector) = (self.submitted_by(row)?, recorded(row)?);
        let sealed = sealed(row)?.ok_or(EpochError::Ledger(row.epoch))?;
        let call = weights_call(row.lane, vector, 0);
        // Where its block was never seen, it is in one of those that could take it.
        let committed = match row.included {
            Some((block, _)) => block,
            None => signed(row)?.expires,
        };
        match chain.reveal(hotkey, &call, &sealed, committed).await? {
            RevealState::Waiting { .. } => Ok(None),
            RevealState::Revealed { block } => Ok(Some(Step::Reveal {
                block: block.map(|(number, _)| number),
                // What the chain was compared with.
                on_chain: pairs(vector),
            })),
            RevealState::PulseSkipped { last_stored_round } => {
                let round = sealed.round;
                let why = format!(
                    "the chain has no pulse of round {round}, and with {last_stored_round} is already past it"
                );
                self.commit_anew(chain, row, (why, moment)).await
            }
            RevealState::Missed { why } if may_still_come(Retry::after(why)) => {
                self.commit_anew(chain, row, (why.to_string(), moment)).await
            }
            RevealState::Missed { why } => {
                let newer = self.newer_recorded(row).await?.filter(|newer| newer.attempts > 0);
                let reason = match (why, newer) {
                    (Missed::Replaced, Some(newer)) => {
                        let epoch = newer.epoch;
                        format!(
                            "the chain revealed it together with the newer weights of epoch {epoch}, which count"
                        )
                    }
                    _ => format!("its weights were not revealed: {why}"),
                };
                Ok(Some(Step::Fail { reason }))
            }
        }
    }

    /// The newest epoch that has weights, if it began after this one.
    async fn newer_recorded(&self, row: &EpochRow) -> Result<Option<EpochRow>, EpochError> {
        let lane = row.lane;
        let read = move |connection: &_| epochs::newest_recorded(connection, lane);
        let newest = self.store().read("epoch_newest", read).await?;
        Ok(newest.filter(|newest| is_newer(newest, row)))
    }

    /// Commits the same vector again, unless a newer epoch has one: revealed later, the older would replace it. One that is
    /// under way is waited for. After the epoch that should have revealed it, it is too old.
    async fn commit_anew(
        &self,
        chain: &Chain,
        row: &EpochRow,
        (why, moment): (String, &Moment),
    ) -> Result<Option<Step>, EpochError> {
        let lane = row.lane;
        if let Some(newer) = self.newer_recorded(row).await? {
            let epoch = newer.epoch;
            let reason =
                format!("its weights are not seen to be revealed, and epoch {epoch} has newer ones: {why}");
            return Ok(Some(Step::Fail { reason }));
        }
        let sealed = sealed(row)?.ok_or(EpochError::Ledger(row.epoch))?;
        let last = sealed.first_block.0.saturating_add(moment.timing.length());
        if moment.block.0.0 > last {
            let reason = format!(
                "its weights were not revealed by block {last}, and are too old to commit again: {why}"
            );
            return Ok(Some(Step::Fail { reason }));
        }
        let read = move |connection: &_| epochs::unfinished(connection, lane);
        let under_way = self.store().read("epoch_unfinished", read).await?;
        if under_way.iter().any(|other| is_newer(other, row)) {
            return Ok(None);
        }
        if row.attempts >= MAX_ATTEMPTS {
            let reason = format!("its weights were not revealed, {MAX_ATTEMPTS} times: {why}");
            return Ok(Some(Step::Fail { reason }));
        }
        tracing::warn!(epoch.id = %row.epoch, why, "the weights are committed anew");
        self.sign(chain, row, moment).await
    }
}

/// Whether an epoch began after this one, however they are counted.
fn is_newer(other: &EpochRow, than: &EpochRow) -> bool {
    (other.began_at, other.epoch) > (than.began_at, than.epoch)
}

/// The vector as the chain holds it.
pub(crate) fn pairs(vector: &RecordedVector) -> Vec<(Uid, u16)> {
    let uids = vector.uids.iter().copied();
    uids.zip(vector.u16.iter().copied()).collect()
}

//! From a block that holds the extrinsic to a final one, and what the chain then has.

use platform_chain::Chain;
use platform_domain::{BlockHash, Uid};
use platform_store::{EpochRow, Step};

use crate::{
    EpochError, Epochs,
    submit::{Look, look, signed},
};

impl Epochs {
    /// One look at an included extrinsic: a failed dispatch ends the epoch, a dropped block sends it again, a
    /// final block is read back.
    pub(crate) async fn confirm(&self, chain: &Chain, row: &EpochRow) -> Result<Option<Step>, EpochError> {
        let (block, hash, finalised, outcome) = match look(chain, &signed(row)?).await? {
            Look::Included {
                block,
                hash,
                finalised,
                outcome,
            } => (block, hash, finalised, outcome),
            Look::Pending | Look::Expired => return Ok(Some(Step::Dropped)),
        };
        match outcome {
            // A refusal is believed when it is final: another fork may still take the extrinsic.
            Some(Err(failure)) if finalised => Ok(Some(Step::Fail {
                reason: format!("the chain refused the weights: {failure}"),
            })),
            Some(Ok(())) if finalised => self.read_back(chain, row, hash).await.map(Some),
            // The block's state is gone with its events; the newest final state still has the row.
            None => self
                .read_back(chain, row, chain.finalised_block().await?.1)
                .await
                .map(Some),
            _ if row.included != Some((block, hash)) => Ok(Some(Step::Include(block, hash))),
            _ => Ok(None),
        }
    }

    async fn read_back(&self, chain: &Chain, row: &EpochRow, at: BlockHash) -> Result<Step, EpochError> {
        let (Some(signer), Some(vector)) = (self.signer(), row.vector.as_ref()) else {
            return Err(EpochError::Ledger(row.epoch));
        };
        let metagraph = self.refresh_metagraph(chain).await?;
        let Some(uid) = metagraph.uid_of(&signer.hotkey()) else {
            return Ok(Step::Fail {
                reason: "the hotkey is no longer registered".to_owned(),
            });
        };
        let on_chain = chain
            .weights(row.lane.netuid, row.lane.mechanism, uid, at)
            .await?;
        let recorded: Vec<(Uid, u16)> = vector
            .uids
            .iter()
            .copied()
            .zip(vector.u16.iter().copied())
            .collect();
        if on_chain == recorded {
            return Ok(Step::Finalise { on_chain });
        }
        Ok(Step::Fail {
            reason: format!("the chain holds another vector of {} entries", on_chain.len()),
        })
    }
}

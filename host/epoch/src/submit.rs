//! Signing the recorded vector and sending what was signed.

use platform_chain::{
    Chain, ChainError, DispatchFailure, Inclusion, Rejection, SignedExtrinsic, WeightsCall,
};
use platform_domain::{BlockHash, BlockNumber, EpochId};
use platform_store::{EpochRow, RecordedExtrinsic, Step};

use crate::{EpochError, Epochs, epochs::with_causes};

/// How many extrinsics may be signed for one epoch. Each but the last is certain never to be included, so
/// more would mean that something else spends the hotkey's nonces or that the chain stands still.
const MAX_ATTEMPTS: u32 = 5;

impl Epochs {
    /// Signs the vector for the chain as it is now.
    pub(crate) async fn sign(&self, chain: &Chain, row: &EpochRow) -> Result<Option<Step>, EpochError> {
        let (Some(signer), Some(vector)) = (self.signer(), row.vector.as_ref()) else {
            return Err(EpochError::Ledger(row.epoch));
        };
        if row.attempts >= MAX_ATTEMPTS {
            let reason = format!("{MAX_ATTEMPTS} extrinsics were signed and none was included");
            return Ok(Some(Step::Fail { reason }));
        }
        let (_, best) = chain.best_block().await?;
        let subnet = chain.subnet(row.lane.netuid, row.lane.mechanism, best).await?;
        let call = WeightsCall {
            netuid: row.lane.netuid,
            mechanism: row.lane.mechanism,
            uids: vector.uids.clone(),
            values: vector.u16.clone(),
            version_key: subnet.weights_version,
        };
        let SignedExtrinsic {
            bytes,
            hash,
            nonce,
            birth,
            expires,
        } = chain.sign_weights(signer, &call).await?;
        let (bytes, hash) = (hex::encode(bytes), BlockHash(hash));
        Ok(Some(Step::Sign(RecordedExtrinsic {
            bytes,
            hash,
            nonce,
            birth,
            expires,
        })))
    }

    /// Looks whether the extrinsic is already in a block, which a restart does not know, and sends it if not.
    pub(crate) async fn send(
        &self,
        chain: &Chain,
        row: &EpochRow,
        current: EpochId,
    ) -> Result<Option<Step>, EpochError> {
        let extrinsic = signed(row)?;
        let rejection = match look(chain, &extrinsic).await? {
            Look::Included { block, hash, .. } => return Ok(Some(Step::Include(block, hash))),
            Look::Expired => None,
            Look::Pending => match chain.submit(&extrinsic).await {
                // In the pool; the next turn looks for it in the blocks.
                Ok(()) => return Ok(None),
                Err(ChainError::Rejected(rejection)) => Some(rejection),
                Err(error) => return Err(error.into()),
            },
        };
        // Between the look and the refusal a block may have taken it: a nonce is outdated also by its own use.
        if let Look::Included { block, hash, .. } = look(chain, &extrinsic).await? {
            return Ok(Some(Step::Include(block, hash)));
        }
        match rejection.map(|rejection| (verdict(&rejection), rejection)) {
            Some((Verdict::Wait, rejection)) => {
                tracing::info!(epoch.id = %row.epoch, reason = %rejection, "the pool does not take the extrinsic now");
                Ok(None)
            }
            Some((Verdict::Final, rejection)) => Ok(Some(Step::Fail {
                reason: with_causes(&ChainError::Rejected(rejection)),
            })),
            // From here on these bytes can never be included, so signing anew cannot submit twice.
            Some((Verdict::SignAnew, _)) | None if row.epoch < current => Ok(Some(Step::Fail {
                reason: format!("its extrinsic was not included before epoch {current}"),
            })),
            Some((Verdict::SignAnew, _)) | None => self.sign(chain, row).await,
        }
    }
}

/// Where an extrinsic is, as far as an epoch cares.
pub(crate) enum Look {
    /// In no block, but it may still get into one.
    Pending,
    /// In a block of the best chain.
    Included {
        block: BlockNumber,
        hash: BlockHash,
        finalised: bool,
        /// Whether the call succeeded; `None` when the node has thrown the block's events away, and only what
        /// the chain holds can tell.
        outcome: Option<Result<(), DispatchFailure>>,
    },
    /// It can never be included.
    Expired,
}

pub(crate) async fn look(chain: &Chain, extrinsic: &SignedExtrinsic) -> Result<Look, EpochError> {
    match chain.inclusion(extrinsic).await {
        Ok(Inclusion::Pending) => Ok(Look::Pending),
        Ok(Inclusion::Expired) => Ok(Look::Expired),
        Ok(Inclusion::Included {
            block,
            hash,
            index: _,
            finalised,
            outcome,
        }) => Ok(Look::Included {
            block,
            hash,
            finalised,
            outcome: Some(outcome),
        }),
        // Events are kept for hundreds of blocks, finality takes a few.
        Err(ChainError::EventsDiscarded { block, hash }) => Ok(Look::Included {
            block,
            hash,
            finalised: true,
            outcome: None,
        }),
        Err(error) => Err(error.into()),
    }
}

/// What the pool's refusal means for the recorded bytes.
enum Verdict {
    /// They may be taken later; at the latest their mortality ends the wait.
    Wait,
    /// They can never be included: their nonce is spent, or the runtime they were signed for is gone.
    SignAnew,
    /// No extrinsic of this hotkey would be taken.
    Final,
}

fn verdict(rejection: &Rejection) -> Verdict {
    match rejection {
        Rejection::Outdated | Rejection::BadProof => Verdict::SignAnew,
        // `Expired` too: the node may be behind or on another fork, so only a final block settles it.
        Rejection::Future
        | Rejection::PriorityTooLow
        | Rejection::Expired
        | Rejection::Banned
        | Rejection::PoolFull => Verdict::Wait,
        &Rejection::RATE_LIMITED => Verdict::Wait,
        Rejection::Payment | Rejection::Custom(_) | Rejection::Other { .. } => Verdict::Final,
    }
}

/// The extrinsic as it was recorded.
pub(crate) fn signed(row: &EpochRow) -> Result<SignedExtrinsic, EpochError> {
    let incomplete = || EpochError::Ledger(row.epoch);
    let RecordedExtrinsic {
        bytes,
        hash,
        nonce,
        birth,
        expires,
    } = row.extrinsic.clone().ok_or_else(incomplete)?;
    let bytes = hex::decode(bytes).map_err(|_| incomplete())?;
    Ok(SignedExtrinsic {
        bytes,
        hash: hash.0,
        nonce,
        birth,
        expires,
    })
}

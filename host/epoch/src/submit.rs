//! Signing the recorded vector and sending what was signed.

use platform_chain::{
    Chain, ChainError, DispatchFailure, Inclusion, Rejection, SignedExtrinsic, WeightsCall,
};
use platform_domain::{BlockHash, BlockNumber, EpochId, with_causes};
use platform_store::{EpochRow, RecordedExtrinsic, Step};

use crate::{EpochError, Epochs};

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
        match look(chain, &extrinsic).await? {
            Look::Included { block, hash, .. } => return Ok(Some(Step::Include(block, hash))),
            Look::Expired => return self.sign_anew(chain, row, current).await,
            Look::Pending => {}
        }
        let rejection = match chain.submit(&extrinsic).await {
            // In the pool; the next turn looks for it in the blocks.
            Ok(()) => return Ok(None),
            Err(ChainError::Rejected(rejection)) => rejection,
            Err(error) => return Err(error.into()),
        };
        // Between the look and the refusal a block may have taken it: a nonce is outdated also by its own use.
        if let Look::Included { block, hash, .. } = look(chain, &extrinsic).await? {
            return Ok(Some(Step::Include(block, hash)));
        }
        if is_hopeless(&rejection) {
            let reason = with_causes(&ChainError::Rejected(rejection));
            return Ok(Some(Step::Fail { reason }));
        }
        if chain.is_dead(&extrinsic).await? {
            return self.sign_anew(chain, row, current).await;
        }
        Err(EpochError::NotTaken(rejection))
    }

    /// What follows when the signed bytes can never be included, so that signing again cannot submit twice.
    async fn sign_anew(
        &self,
        chain: &Chain,
        row: &EpochRow,
        current: EpochId,
    ) -> Result<Option<Step>, EpochError> {
        if row.epoch < current {
            let reason = format!("its extrinsic was not included before epoch {current}");
            return Ok(Some(Step::Fail { reason }));
        }
        self.sign(chain, row).await
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

/// Whether the pool would take no extrinsic of this hotkey, so that waiting is of no use. After any other
/// refusal the same bytes may be taken later; their age or a final block ends the wait.
fn is_hopeless(rejection: &Rejection) -> bool {
    match rejection {
        &Rejection::RATE_LIMITED => false,
        Rejection::Payment | Rejection::Custom(_) | Rejection::Other { .. } => true,
        Rejection::Outdated
        | Rejection::Future
        | Rejection::PriorityTooLow
        | Rejection::BadProof
        | Rejection::Expired
        | Rejection::Banned
        | Rejection::PoolFull => false,
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

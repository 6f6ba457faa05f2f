//! Signing the recorded vector and sending what was signed.

use platform_chain::{
    Chain, ChainError, Composed, DispatchFailure, Held, Holding, Inclusion, Retry, Sealed, SignedExtrinsic,
    Submitter, WeightsCall,
};
use platform_domain::{BlockHash, BlockNumber, Hotkey, with_causes};
use platform_store::{EpochRow, Lane, RecordedExtrinsic, RecordedVector, Step};

use crate::{
    EpochError, Epochs,
    confirm::pairs,
    limits::{MAX_ATTEMPTS, UNSEALED_BLOCKS},
    moment::Moment,
    verdict::{Verdict, may_still_come},
};

impl Epochs {
    /// Signs the vector for the chain as it is now, if that would take it.
    pub(crate) async fn sign(
        &self,
        chain: &Chain,
        row: &EpochRow,
        moment: &Moment,
    ) -> Result<Option<Step>, EpochError> {
        let (submitter, vector) = (self.submitter().ok_or(EpochError::NoHotkey)?, recorded(row)?);
        if row.attempts >= MAX_ATTEMPTS {
            let reason = format!("{MAX_ATTEMPTS} extrinsics were signed for it and none came to anything");
            return Ok(Some(Step::Fail { reason }));
        }
        let (_, best) = chain.best_block().await?;
        let subnet = chain.subnet(row.lane.netuid, row.lane.mechanism, best).await?;
        let call = weights_call(row.lane, vector, subnet.weights_version);
        match Verdict::of(&chain.preflight(submitter, &call).await?) {
            Verdict::Go => {}
            Verdict::Wait(why) => return Err(EpochError::NotYet(why)),
            Verdict::Never(why) => {
                let reason = format!("the chain would not take the weights: {why}");
                return Ok(Some(Step::Fail { reason }));
            }
        }
        let composed = chain.compose(submitter, &call).await?;
        if let Some(sealed) = &composed.sealed
            && is_too_late_to_seal(sealed, moment)
        {
            return Ok(None);
        }
        let signed = chain.sign(submitter, &composed).await?;
        submit_step(submitter.hotkey(), composed, signed).map(Some)
    }

    /// Looks whether the extrinsic is already in a block, which a restart does not know, and sends it if not.
    pub(crate) async fn send(
        &self,
        chain: &Chain,
        row: &EpochRow,
        moment: &Moment,
    ) -> Result<Option<Step>, EpochError> {
        let extrinsic = signed(row)?;
        match look(chain, &extrinsic).await? {
            Look::Included { block, hash, .. } => return Ok(Some(Step::Include(block, hash))),
            Look::Expired => return self.sign_anew(chain, row, moment).await,
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
        if Retry::after(&rejection) == Retry::Never {
            let reason = with_causes(&ChainError::Rejected(rejection));
            return Ok(Some(Step::Fail { reason }));
        }
        if chain.is_dead(&extrinsic).await? {
            return self.sign_anew(chain, row, moment).await;
        }
        Err(EpochError::NotTaken(rejection))
    }

    /// What follows when the signed bytes can never be included. Before anything is signed again the chain is asked what it
    /// has: a node that did not show the block may still have the state after it.
    pub(crate) async fn sign_anew(
        &self,
        chain: &Chain,
        row: &EpochRow,
        moment: &Moment,
    ) -> Result<Option<Step>, EpochError> {
        match self.held(chain, row).await? {
            (Holding::Weights | Holding::Commit { .. }, true) => {
                let on_chain = match (&row.sealed, &row.vector) {
                    (None, Some(vector)) => Some(pairs(vector)),
                    _ => None,
                };
                return Ok(Some(Step::Finalise { on_chain }));
            }
            // It is there, and no fork without it may win any more before it counts.
            (Holding::Weights | Holding::Commit { .. }, false) => return Ok(None),
            (Holding::Nothing | Holding::Other, _) => {}
        }
        if self.is_past(row, moment) {
            let current = moment.epoch.epoch;
            let reason = format!("its extrinsic was not included before epoch {current}");
            return Ok(Some(Step::Fail { reason }));
        }
        self.sign(chain, row, moment).await
    }

    /// What follows when the call was executed in a final block and failed there: its nonce is spent.
    pub(crate) async fn refused(
        &self,
        chain: &Chain,
        row: &EpochRow,
        (failure, moment): (&DispatchFailure, &Moment),
    ) -> Result<Option<Step>, EpochError> {
        if may_still_come(Retry::after(failure)) && !self.is_past(row, moment) {
            return self.sign(chain, row, moment).await;
        }
        let reason = format!("the chain refused the weights: {failure}");
        Ok(Some(Step::Fail { reason }))
    }

    /// What the chain has of the extrinsic that was signed last, and whether that is final.
    pub(crate) async fn held(&self, chain: &Chain, row: &EpochRow) -> Result<(Holding, bool), EpochError> {
        let (hotkey, sealed) = (self.submitted_by(row)?, sealed(row)?);
        // An extrinsic is valid after the block it was signed at.
        let since = BlockNumber(signed(row)?.birth.0.saturating_add(1));
        let call = weights_call(row.lane, recorded(row)?, 0);
        let held = chain.held(hotkey, &call, sealed.as_ref(), since);
        let Held { what, finalised, .. } = held.await?;
        Ok((what, finalised))
    }

    /// Whose weights the extrinsic sets that was signed last: another hotkey may be configured since.
    pub(crate) fn submitted_by(&self, row: &EpochRow) -> Result<Hotkey, EpochError> {
        let recorded = row.extrinsic.as_ref().and_then(|extrinsic| extrinsic.hotkey);
        let configured = || self.submitter().map(Submitter::hotkey);
        recorded.or_else(configured).ok_or(EpochError::NoHotkey)
    }
}

/// Whether the chain has gone into another epoch since the turn began, or a commit of now might get into a later one than it is
/// sealed for. There the next epoch's weights would be revealed with it, and replace it.
fn is_too_late_to_seal(sealed: &Sealed, moment: &Moment) -> bool {
    if moment
        .timing
        .epoch()
        .is_ok_and(|epoch| epoch.0 != sealed.committed_in)
    {
        return true;
    }
    let left = moment
        .timing
        .next_epoch()
        .map(|next| next.0.saturating_sub(moment.block.0.0));
    left.is_ok_and(|left| left <= UNSEALED_BLOCKS.min(moment.timing.length() / 4))
}

fn submit_step(hotkey: Hotkey, composed: Composed, signed: SignedExtrinsic) -> Result<Step, EpochError> {
    let sealed = composed.sealed.map(serde_json::to_value).transpose()?;
    let SignedExtrinsic {
        bytes,
        hash,
        nonce,
        birth,
        expires,
    } = signed;
    Ok(Step::Submit {
        extrinsic: RecordedExtrinsic {
            bytes: hex::encode(bytes),
            hash: BlockHash(hash),
            nonce,
            birth,
            expires,
            hotkey: Some(hotkey),
        },
        call: composed.call.to_owned(),
        sealed,
    })
}

/// What was recorded.
pub(crate) fn recorded(row: &EpochRow) -> Result<&RecordedVector, EpochError> {
    row.vector.as_ref().ok_or(EpochError::Ledger(row.epoch))
}

/// A vector as a call. Which version of the rules it is by counts only when it is sent.
pub(crate) fn weights_call(lane: Lane, vector: &RecordedVector, version_key: u64) -> WeightsCall {
    WeightsCall {
        netuid: lane.netuid,
        mechanism: lane.mechanism,
        uids: vector.uids.clone(),
        values: vector.u16.clone(),
        version_key,
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

/// The extrinsic as it was recorded.
pub(crate) fn signed(row: &EpochRow) -> Result<SignedExtrinsic, EpochError> {
    let incomplete = || EpochError::Ledger(row.epoch);
    let RecordedExtrinsic {
        bytes,
        hash,
        nonce,
        birth,
        expires,
        hotkey: _,
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

/// What its commit is sealed to, as it was recorded.
pub(crate) fn sealed(row: &EpochRow) -> Result<Option<Sealed>, EpochError> {
    let sealed = row.sealed.clone().map(serde_json::from_value).transpose();
    sealed.map_err(|_| EpochError::Ledger(row.epoch))
}

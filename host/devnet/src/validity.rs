//! Whether an extrinsic may enter the pool or a block: the checks of the transaction extensions, in their
//! order, and the refusals as the node words them.

use parity_scale_codec::{Compact, Encode};
use platform_domain::Hotkey;
use platform_keys::verify;

use crate::{
    block::Hash,
    calls::{Call, CommitTimelocked},
    error::MetadataError,
    extrinsic::{NotSigned, Signed},
    items::{ACCOUNT, BLOCK_HASH, COMMIT_REVEAL, LAST_STORED_ROUND, Reader},
    weights::{has_enough_stake, is_rate_ok, uid_of},
};

/// The chain's state at the start of the block that an extrinsic would be in.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) state: Reader<'a>,
    pub(crate) number: u32,
    pub(crate) genesis: Hash,
}

/// Whether an extrinsic can be executed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Now,
    /// Its nonce is ahead: it waits for its predecessors.
    Later,
}

/// `InvalidTransaction`, the variants that occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    Stale,
    BadProof,
    AncientBirthBlock,
    Custom(u8),
    BadSigner,
}

/// `UnknownTransaction`, the variants that occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    CannotLookup,
    NoUnsignedValidator,
}

/// Why an extrinsic is not valid.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not an extrinsic at all.
    Opaque,
    /// The runtime's decoder gives up.
    Malformed,
    Invalid(Invalid),
    Unknown(Unknown),
    /// A defect of this crate.
    Metadata(MetadataError),
}

/// `CustomTransactionError::StakeAmountTooLow`, `::RateLimitExceeded` and `::InvalidRevealRound`.
const STAKE_AMOUNT_TOO_LOW: u8 = 1;
const RATE_LIMIT_EXCEEDED: u8 = 6;
const INVALID_REVEAL_ROUND: u8 = 15;
/// Every normal transaction has this priority, whatever its tip.
pub(crate) const PRIORITY: u64 = 1;

impl From<NotSigned> for Refusal {
    fn from(reason: NotSigned) -> Self {
        match reason {
            NotSigned::Opaque => Self::Opaque,
            NotSigned::Malformed => Self::Malformed,
            NotSigned::Unsigned => Self::Unknown(Unknown::NoUnsignedValidator),
            NotSigned::Address => Self::Unknown(Unknown::CannotLookup),
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(reason: Invalid) -> Self {
        Self::Invalid(reason)
    }
}

impl From<MetadataError> for Refusal {
    fn from(error: MetadataError) -> Self {
        Self::Metadata(error)
    }
}

impl Invalid {
    /// The node's words.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Stale => "Transaction is outdated".to_owned(),
            Self::BadProof => "Transaction has a bad signature".to_owned(),
            Self::AncientBirthBlock => "Transaction has an ancient birth block".to_owned(),
            Self::Custom(code) => format!("Custom error: {code}"),
            Self::BadSigner => "Invalid signing address".to_owned(),
        }
    }
}

impl Refusal {
    /// `Err(TransactionValidityError)`; `None` for what is no verdict of the runtime.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        const ERROR: u8 = 1;
        const INVALID: u8 = 0;
        const UNKNOWN: u8 = 1;
        match self {
            Self::Opaque | Self::Malformed | Self::Metadata(_) => None,
            Self::Invalid(Invalid::Stale) => Some(vec![ERROR, INVALID, 3]),
            Self::Invalid(Invalid::BadProof) => Some(vec![ERROR, INVALID, 4]),
            Self::Invalid(Invalid::AncientBirthBlock) => Some(vec![ERROR, INVALID, 5]),
            Self::Invalid(Invalid::Custom(code)) => Some(vec![ERROR, INVALID, 7, *code]),
            Self::Invalid(Invalid::BadSigner) => Some(vec![ERROR, INVALID, 10]),
            Self::Unknown(Unknown::CannotLookup) => Some(vec![ERROR, UNKNOWN, 0]),
            Self::Unknown(Unknown::NoUnsignedValidator) => Some(vec![ERROR, UNKNOWN, 1]),
        }
    }
}

impl Moment<'_> {
    /// Checks everything but the pool's own rules.
    pub(crate) fn check(&self, extrinsic: &Signed) -> Result<Turn, Refusal> {
        // What is signed is put together first, and fails first.
        if extrinsic.metadata_hash {
            return Err(Refusal::Unknown(Unknown::CannotLookup));
        }
        let birth = u32::try_from(extrinsic.era.birth(self.number)).ok();
        let birth = birth
            .map(|birth| self.state.stored(&BLOCK_HASH, (birth,)))
            .transpose()?;
        let birth = birth.flatten().ok_or(Invalid::AncientBirthBlock)?;
        let version = self.state.runtime_version()?;
        let payload = extrinsic.payload(self.state.metadata, &version, &self.genesis, &birth);
        let signed = |signature| verify(&extrinsic.signer, &payload, signature);
        if !extrinsic.signature.as_ref().is_some_and(signed) {
            return Err(Invalid::BadProof.into());
        }
        if extrinsic.signer.is_zero() {
            return Err(Invalid::BadSigner.into());
        }
        let account = self.state.get(&ACCOUNT, (*extrinsic.signer.as_bytes(),))?;
        if extrinsic.nonce < account.nonce {
            return Err(Invalid::Stale.into());
        }
        self.guard(extrinsic)?;
        Ok(match extrinsic.nonce == account.nonce {
            true => Turn::Now,
            false => Turn::Later,
        })
    }

    /// What `SubtensorTransactionExtension` refuses before a weights call costs anything: too little stake,
    /// then too soon. Whoever is not registered passes, and fails in the block.
    fn guard(&self, extrinsic: &Signed) -> Result<(), Refusal> {
        let call = match &extrinsic.call {
            Call::SetWeights(call) => call,
            Call::CommitTimelocked(call) => return self.guard_commit(&extrinsic.signer, call),
            // What is inside a proxy's call is looked at when it is carried out.
            Call::Proxy(_) | Call::Other => return Ok(()),
        };
        let (who, state) = (&extrinsic.signer, self.state);
        if !has_enough_stake(state, who, call.netuid)? {
            return Err(Invalid::Custom(STAKE_AMOUNT_TOO_LOW).into());
        }
        let commit_reveal: bool = state.get(&COMMIT_REVEAL, (call.netuid,))?;
        if !commit_reveal
            && let Some(uid) = uid_of(state, call.netuid, who)?
            && !is_rate_ok(state, (call.netuid, call.mechanism), uid, self.number.into())?
        {
            return Err(Invalid::Custom(RATE_LIMIT_EXCEEDED).into());
        }
        Ok(())
    }

    /// The same for a commit: too little stake, then a round that everybody can open. Its rate limit is the block's business
    /// (guards/check_rate_limits.rs, spec 425).
    fn guard_commit(&self, who: &Hotkey, call: &CommitTimelocked) -> Result<(), Refusal> {
        if !has_enough_stake(self.state, who, call.netuid)? {
            return Err(Invalid::Custom(STAKE_AMOUNT_TOO_LOW).into());
        }
        if call.reveal_round < self.state.get(&LAST_STORED_ROUND, ())? {
            return Err(Invalid::Custom(INVALID_REVEAL_ROUND).into());
        }
        Ok(())
    }

    /// `Ok(ValidTransaction)`, as `TaggedTransactionQueue_validate_transaction` answers it.
    pub(crate) fn encode_valid(&self, extrinsic: &Signed, turn: Turn) -> Vec<u8> {
        let tag = |nonce: u32| (*extrinsic.signer.as_bytes(), nonce).encode();
        let requires: Vec<Vec<u8>> = match turn {
            Turn::Now => Vec::new(),
            Turn::Later => vec![tag(extrinsic.nonce.saturating_sub(1))],
        };
        let longevity = extrinsic
            .era
            .death(self.number)
            .saturating_sub(self.number.into());
        let mut bytes = vec![0];
        PRIORITY.encode_to(&mut bytes);
        requires.encode_to(&mut bytes);
        Compact(1_u32).encode_to(&mut bytes);
        tag(extrinsic.nonce).encode_to(&mut bytes);
        longevity.encode_to(&mut bytes);
        true.encode_to(&mut bytes);
        bytes
    }
}

//! The extrinsic that carries a call, and handing it to a node.

use platform_domain::{BlockHash, BlockNumber};
use platform_keys::Keypair;
use subxt::{
    SubstrateConfig,
    config::{
        DefaultExtrinsicParamsBuilder, Hasher,
        substrate::{AccountId32, BlakeTwo256, MultiSignature},
    },
    ext::{
        scale_encode::{EncodeAsFields, Error as EncodeError, FieldIter},
        scale_type_resolver::TypeResolver,
    },
    transactions::{Payload, Signer},
};

use crate::{Chain, ChainError, Composed, Submitter, rpc::to_h256, runtime::Runtime};

/// A signed extrinsic. Whoever keeps it before it is sent can send these very bytes again, after a restart
/// too, and be sure that the chain executes them once at most: the nonce is spent by the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedExtrinsic {
    /// The SCALE bytes with their length prefix, as the node takes them.
    pub bytes: Vec<u8>,
    /// Blake2-256 of the bytes: how the chain names it.
    pub hash: [u8; 32],
    /// The account's nonce that it spends.
    pub nonce: u64,
    /// The block it was signed at; it is valid in the blocks after it.
    pub birth: BlockNumber,
    /// The first block in which it is no longer valid.
    pub expires: BlockNumber,
}

/// How long an extrinsic is valid, in blocks: what Bittensor's own tools use. A power of two, so that the
/// birth block is encoded exactly.
pub const MORTALITY: u64 = 128;
/// The birth block is the last finalised one, which no reorganisation can take away, unless finality lags so
/// far behind that too little of the mortality would be left.
const FINALITY_LAG_MAX: u64 = 32;

impl Chain {
    /// Signs a composed call at the present block with the signer's next nonce. Nothing is sent. Fails with
    /// [`ChainError::Upgraded`] when the runtime is no longer the one it was composed for.
    pub async fn sign(
        &self,
        submitter: &Submitter,
        composed: &Composed,
    ) -> Result<SignedExtrinsic, ChainError> {
        let finalised = self.finalised_block().await?;
        let best = self.best_block().await?;
        let runtime = self.runtime_at(best.1).await?;
        let spec_version = runtime.version().spec;
        if spec_version != composed.spec_version {
            return Err(ChainError::Upgraded {
                composed: composed.spec_version,
                current: spec_version,
            });
        }
        let call = RawCall::new(&runtime, &composed.data)?;
        let lag = best.0.0.saturating_sub(finalised.0.0);
        let birth = if lag <= FINALITY_LAG_MAX { finalised } else { best };
        let nonce = self.rpc().next_nonce(submitter.key.hotkey()).await?;
        sign(&runtime, &HotkeySigner(&submitter.key), &call, nonce, birth)
    }

    /// Hands the extrinsic's bytes to one node's pool. Succeeds when that has them already. Whether a block has them is for
    /// [`Chain::inclusion`] to say, also after an error: a request that timed out may have arrived, so it is never repeated
    /// here, neither at this endpoint nor at another.
    pub async fn submit(&self, extrinsic: &SignedExtrinsic) -> Result<(), ChainError> {
        self.rpc().submit(&extrinsic.bytes).await
    }
}

/// A call that is bytes already.
pub(crate) struct RawCall {
    pallet: String,
    call: String,
    arguments: RawArguments,
}

pub(crate) struct RawArguments(Vec<u8>);

impl RawCall {
    /// Takes call data as [`Composed::data`] has it: the two index bytes, and the arguments.
    pub(crate) fn new(runtime: &Runtime, data: &[u8]) -> Result<Self, ChainError> {
        let unknown = || ChainError::runtime("a call", "its metadata has no call of these indexes");
        let &[pallet, call, ref arguments @ ..] = data else {
            return Err(unknown());
        };
        let metadata = runtime.metadata();
        let pallet = metadata.pallet_by_call_index(pallet).ok_or_else(unknown)?;
        let call = pallet.call_variant_by_index(call).ok_or_else(unknown)?;
        Ok(Self {
            pallet: pallet.name().to_owned(),
            call: call.name.clone(),
            arguments: RawArguments(arguments.to_vec()),
        })
    }
}

impl Payload for RawCall {
    type CallData = RawArguments;

    fn pallet_name(&self) -> &str {
        &self.pallet
    }

    fn call_name(&self) -> &str {
        &self.call
    }

    fn call_data(&self) -> &RawArguments {
        &self.arguments
    }
}

impl EncodeAsFields for RawArguments {
    fn encode_as_fields_to<R: TypeResolver>(
        &self,
        _: &mut dyn FieldIter<'_, R::TypeId>,
        _: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

/// Builds the extrinsic. All that is signed beside the call comes from the metadata.
pub(crate) fn sign(
    runtime: &Runtime,
    signer: &impl Signer<SubstrateConfig>,
    call: &impl Payload,
    nonce: u64,
    (birth, birth_hash): (BlockNumber, BlockHash),
) -> Result<SignedExtrinsic, ChainError> {
    let fault = |error| ChainError::runtime("the form of an extrinsic", error);
    let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
        .nonce(nonce)
        .mortal_from_unchecked(MORTALITY, birth.0, to_h256(birth_hash))
        .build();
    let transactions = runtime.codec().transactions();
    let mut signable = transactions
        .create_signable_offline(call, params)
        .map_err(fault)?;
    let bytes = signable.sign(signer).map_err(fault)?.into_encoded();
    Ok(SignedExtrinsic {
        hash: blake2_256(&bytes),
        bytes,
        nonce,
        birth,
        expires: BlockNumber(birth.0.saturating_add(MORTALITY)),
    })
}

/// How the chain names extrinsics, length prefix included, and commits.
pub(crate) fn blake2_256(bytes: &[u8]) -> [u8; 32] {
    BlakeTwo256.hash(bytes).0
}

/// Lets a hotkey sign extrinsics.
pub(crate) struct HotkeySigner<'a>(pub(crate) &'a Keypair);

impl Signer<SubstrateConfig> for HotkeySigner<'_> {
    fn account_id(&self) -> AccountId32 {
        AccountId32(*self.0.hotkey().as_bytes())
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        MultiSignature::Sr25519(self.0.sign(payload))
    }
}

//! Setting weights: the call, the extrinsic that carries it, and handing that to the node.

use platform_domain::{BlockHash, BlockNumber, MechanismId, Netuid, Uid};
use platform_keys::Keypair;
use subxt::{
    SubstrateConfig,
    config::{
        DefaultExtrinsicParamsBuilder, Hasher,
        substrate::{AccountId32, BlakeTwo256, MultiSignature},
    },
    ext::scale_encode::EncodeAsType,
    transactions::{DynamicPayload, Signer},
};

use crate::{
    Chain, ChainError,
    rpc::to_h256,
    runtime::{PALLET, Runtime},
    subnet::storage_index,
};

/// What a validator says about the miners of a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsCall {
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism.
    pub mechanism: MechanismId,
    /// Whom the values are for.
    pub uids: Vec<Uid>,
    /// One for each UID; only their ratios matter, the chain scales the largest to 65535.
    pub values: Vec<u16>,
    /// The version of the rules by which they came about, at least the subnet's `weights_version`.
    pub version_key: u64,
}

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

/// The arguments of both calls, by the runtime's names for them. `set_weights` has no `mecid`: what a call
/// does not have is left out by name.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(crate) struct Arguments {
    netuid: u16,
    mecid: u8,
    dests: Vec<u16>,
    weights: Vec<u16>,
    version_key: u64,
}

/// How long an extrinsic is valid, in blocks: what Bittensor's own tools use. A power of two, so that the
/// birth block is encoded exactly.
pub const MORTALITY: u64 = 128;
/// The birth block is the last finalised one, which no reorganisation can take away, unless finality lags so
/// far behind that too little of the mortality would be left.
const FINALITY_LAG_MAX: u64 = 32;

const SET_MECHANISM_WEIGHTS: &str = "set_mechanism_weights";
const SET_WEIGHTS: &str = "set_weights";

impl Chain {
    /// Signs a call at the present block with the account's next nonce. Nothing is sent.
    pub async fn sign_weights(
        &self,
        key: &Keypair,
        call: &WeightsCall,
    ) -> Result<SignedExtrinsic, ChainError> {
        let finalised = self.finalised_block().await?;
        let best = self.best_block().await?;
        let runtime = self.runtime_at(best.1).await?;
        if self.has_commit_reveal(&runtime, call.netuid, best.1).await? {
            return Err(ChainError::CommitReveal(call.netuid));
        }
        let call = weights_call(&runtime, call)?;
        let lag = best.0.0.saturating_sub(finalised.0.0);
        let birth = if lag <= FINALITY_LAG_MAX { finalised } else { best };
        let nonce = self.rpc().next_nonce(key.hotkey()).await?;
        sign(&runtime, &HotkeySigner(key), &call, nonce, birth)
    }

    /// Hands the extrinsic's bytes to the node's pool. Succeeds when the pool has them already. Whether a
    /// block has them is for [`Chain::inclusion`] to say, also after an error: a request that timed out may
    /// have arrived.
    pub async fn submit(&self, extrinsic: &SignedExtrinsic) -> Result<(), ChainError> {
        self.rpc().submit(&extrinsic.bytes).await
    }

    async fn has_commit_reveal(
        &self,
        runtime: &Runtime,
        netuid: Netuid,
        at: BlockHash,
    ) -> Result<bool, ChainError> {
        const ENTRY: &str = "CommitRevealWeightsEnabled";
        let key = runtime.storage_key(ENTRY, (netuid.0,))?;
        let bytes = self.rpc().storage(&key, at).await?;
        runtime.storage_value(ENTRY, bytes.as_deref())
    }
}

impl Arguments {
    pub(crate) fn of(call: &WeightsCall) -> Result<Self, ChainError> {
        let WeightsCall {
            netuid,
            mechanism,
            uids,
            values,
            version_key,
        } = call;
        if uids.len() != values.len() {
            let (uids, values) = (uids.len(), values.len());
            return Err(ChainError::Unequal { uids, values });
        }
        storage_index(*netuid, *mechanism)?;
        Ok(Self {
            netuid: netuid.0,
            mecid: mechanism.0,
            dests: uids.iter().map(|uid| uid.0).collect(),
            weights: values.clone(),
            version_key: *version_key,
        })
    }
}

/// Lays the call out for a runtime: by mechanism where the runtime has them.
pub(crate) fn weights_call(
    runtime: &Runtime,
    call: &WeightsCall,
) -> Result<DynamicPayload<Arguments>, ChainError> {
    let arguments = Arguments::of(call)?;
    let (netuid, mechanism) = (call.netuid, call.mechanism);
    let name = match mechanism {
        _ if runtime.has_call(SET_MECHANISM_WEIGHTS) => SET_MECHANISM_WEIGHTS,
        MechanismId(0) => SET_WEIGHTS,
        _ => return Err(ChainError::NoMechanism { netuid, mechanism }),
    };
    Ok(subxt::transactions::dynamic(PALLET, name, arguments))
}

/// Builds the extrinsic. All that is signed beside the call comes from the metadata.
pub(crate) fn sign(
    runtime: &Runtime,
    signer: &impl Signer<SubstrateConfig>,
    call: &impl subxt::transactions::Payload,
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
        hash: extrinsic_hash(&bytes),
        bytes,
        nonce,
        birth,
        expires: BlockNumber(birth.0.saturating_add(MORTALITY)),
    })
}

/// The name of an extrinsic: the hash of its bytes, length prefix included.
pub(crate) fn extrinsic_hash(bytes: &[u8]) -> [u8; 32] {
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

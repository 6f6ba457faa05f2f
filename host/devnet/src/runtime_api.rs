//! `state_call`: the runtime's functions that a client asks for, by their exported names.

use parity_scale_codec::{Compact, Decode, Encode};

use crate::{
    block::{Block, Hash},
    chain::Chain,
    epochs::next_epoch,
    error::MetadataError,
    extrinsic::Signed,
    items::{ACCOUNT, Reader},
    metadata::FORMAT,
    metagraph::selective_metagraph,
    validity::Refusal,
};

/// Why a runtime function gives no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The runtime does not export it, or this node does not have it.
    NotFound(String),
    /// The runtime's decoder gives up on the arguments.
    BadArguments,
    /// A defect of this crate.
    Metadata(MetadataError),
}

impl From<MetadataError> for CallError {
    fn from(error: MetadataError) -> Self {
        Self::Metadata(error)
    }
}

impl From<parity_scale_codec::Error> for CallError {
    fn from(_: parity_scale_codec::Error) -> Self {
        Self::BadArguments
    }
}

/// Calls a function on the state after a block.
pub(crate) fn call(
    chain: &Chain,
    (state, block): (Reader<'_>, &Block),
    function: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, CallError> {
    const SUBNET_INFO: &str = "SubnetInfoRuntimeApi";
    let mut input = arguments;
    let input = &mut input;
    match function {
        "Core_version" => Ok(state.runtime_version()?.encode()),
        "Metadata_metadata" => Ok(state.metadata.served().encode()),
        "Metadata_metadata_versions" => Ok(vec![FORMAT].encode()),
        "Metadata_metadata_at_version" => {
            let version = u32::decode(input)?;
            Ok((version == FORMAT).then_some(state.metadata.served()).encode())
        }
        "AuraApi_slot_duration" => Ok(state.metadata.slot_duration()?),
        "AccountNonceApi_account_nonce" => {
            let account = <[u8; 32]>::decode(input)?;
            Ok(state.get(&ACCOUNT, (account,))?.nonce.encode())
        }
        "SubnetInfoRuntimeApi_get_selective_metagraph" => {
            let (netuid, indexes) = <(u16, Vec<u16>)>::decode(input)?;
            let value = selective_metagraph(state, (netuid, 0), &indexes)?;
            let ty = state
                .metadata
                .runtime_call_output(SUBNET_INFO, "get_selective_metagraph")?;
            Ok(state.metadata.encode(&value, ty)?)
        }
        "SubnetInfoRuntimeApi_get_selective_mechagraph" => {
            let (netuid, mechanism, indexes) = <(u16, u8, Vec<u16>)>::decode(input)?;
            let value = selective_metagraph(state, (netuid, mechanism), &indexes)?;
            let ty = state
                .metadata
                .runtime_call_output(SUBNET_INFO, "get_selective_mechagraph")?;
            Ok(state.metadata.encode(&value, ty)?)
        }
        "SubnetInfoRuntimeApi_get_next_epoch_start_block" => {
            Ok(next_epoch(state, u16::decode(input)?)?.encode())
        }
        "TaggedTransactionQueue_validate_transaction" => validate(chain, block, input),
        unknown => Err(CallError::NotFound(unknown.to_owned())),
    }
}

/// Judges an extrinsic for the block after `parent`.
fn validate(chain: &Chain, parent: &Block, input: &mut &[u8]) -> Result<Vec<u8>, CallError> {
    let _source = u8::decode(input)?;
    let before = *input;
    let length = Compact::<u32>::decode(input)?.0;
    let prefix = before.len().saturating_sub(input.len());
    let length = prefix.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
    let (extrinsic, mut rest) = before.split_at_checked(length).ok_or(CallError::BadArguments)?;
    let _at = Hash::decode(&mut rest)?;
    let verdict = Signed::decode(chain.metadata(), extrinsic).map_err(Refusal::from);
    let draft = chain.draft_on(parent)?;
    let moment = draft.moment();
    let verdict = verdict.and_then(|extrinsic| {
        let turn = moment.check(&extrinsic)?;
        Ok(moment.encode_valid(&extrinsic, turn))
    });
    match verdict {
        Ok(valid) => Ok(valid),
        Err(Refusal::Metadata(error)) => Err(error.into()),
        Err(refusal) => refusal.encode().ok_or(CallError::BadArguments),
    }
}

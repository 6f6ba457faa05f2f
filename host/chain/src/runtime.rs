//! The runtime of a block, as its metadata describes it: what turns names and values into bytes and back.

use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use platform_domain::{BlockHash, Ss58Address};
use subxt::{
    Metadata, OfflineClient, OfflineClientAtBlock, SubstrateConfig,
    config::substrate::SpecVersionForRange,
    ext::{
        codec::{Decode, Encode},
        frame_decode::{
            runtime_apis::encode_runtime_api_inputs,
            storage::{IntoEncodableValues, encode_storage_key},
        },
        scale_decode::DecodeAsType,
    },
};

use crate::{
    ChainError,
    rpc::{Rpc, RuntimeVersion, to_h256},
};

/// The pallet that all of Bittensor's own state and calls are in.
pub(crate) const PALLET: &str = "SubtensorModule";
/// The network's address format, in every runtime of Substrate's.
const SS58_PREFIX: (&str, &str) = ("System", "SS58Prefix");
/// The metadata versions that describe runtime APIs, best first.
const METADATA_VERSIONS: [u32; 2] = [16, 15];
/// A session meets two runtimes, the old and the new one around an upgrade.
const RUNTIMES_KEPT: usize = 2;

/// A storage entry: its pallet's name and its own.
pub(crate) type Entry<'a> = (&'a str, &'a str);

/// One runtime.
pub(crate) struct Runtime {
    version: RuntimeVersion,
    /// A client that never goes online: it encodes and decodes.
    codec: OfflineClientAtBlock<SubstrateConfig>,
}

/// The runtimes met lately.
pub(crate) struct Runtimes {
    genesis: BlockHash,
    met: Mutex<VecDeque<Arc<Runtime>>>,
}

impl Runtimes {
    pub(crate) const fn new(genesis: BlockHash) -> Self {
        let met = Mutex::new(VecDeque::new());
        Self { genesis, met }
    }

    /// The runtime that follows a block: it runs the calls made on that block's state, and the next block.
    pub(crate) async fn at(&self, rpc: &Rpc, block: BlockHash) -> Result<Arc<Runtime>, ChainError> {
        let version = rpc.runtime_version(block).await?;
        let known = self.lock().iter().find(|known| known.version == version).cloned();
        if let Some(runtime) = known {
            return Ok(runtime);
        }
        let metadata = fetch_metadata(rpc, block).await?;
        let runtime = Arc::new(Runtime::new(metadata, version, self.genesis)?);
        tracing::info!(
            chain.spec_version = runtime.version.spec,
            "read the metadata of a runtime"
        );
        let mut met = self.lock();
        met.push_back(Arc::clone(&runtime));
        if met.len() > RUNTIMES_KEPT {
            met.pop_front();
        }
        Ok(runtime)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Runtime>>> {
        // A deque that a panic left behind is whole: every change to it is one call.
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetch_metadata(rpc: &Rpc, block: BlockHash) -> Result<Metadata, ChainError> {
    let fault = |error| ChainError::runtime("its metadata", error);
    for version in METADATA_VERSIONS {
        let answer = rpc
            .call("Metadata_metadata_at_version", &version.encode(), block)
            .await?;
        let found = Option::<Vec<u8>>::decode(&mut answer.as_slice()).map_err(fault)?;
        if let Some(bytes) = found {
            return Metadata::decode_from(&bytes).map_err(fault);
        }
    }
    Err(ChainError::runtime(
        "its metadata",
        "neither version 16 nor 15 is served",
    ))
}

impl Runtime {
    pub(crate) fn new(
        metadata: Metadata,
        version: RuntimeVersion,
        genesis: BlockHash,
    ) -> Result<Self, ChainError> {
        let all_blocks = SpecVersionForRange {
            block_range: 0..u64::MAX,
            spec_version: version.spec,
            transaction_version: version.transaction,
        };
        let config = SubstrateConfig::builder()
            .set_genesis_hash(to_h256(genesis))
            .set_metadata_for_spec_versions([(version.spec, metadata.arc())])
            .set_spec_version_for_block_ranges([all_blocks])
            .build();
        let codec = OfflineClient::new_with_config(config)
            .at_block(0_u64)
            .map_err(|error| ChainError::runtime("its metadata", error))?;
        let runtime = Self { version, codec };
        if runtime.metadata().pallet_by_name(PALLET).is_none() {
            return Err(ChainError::NotSubtensor(runtime.version.name));
        }
        let prefix = runtime.ss58_prefix()?;
        if prefix != Ss58Address::BITTENSOR {
            return Err(ChainError::Prefix(prefix.into()));
        }
        Ok(runtime)
    }

    pub(crate) const fn version(&self) -> &RuntimeVersion {
        &self.version
    }

    pub(crate) fn ss58_prefix(&self) -> Result<u16, ChainError> {
        let absent = || ChainError::runtime(SS58_PREFIX.1, "there is no such constant");
        self.constant(SS58_PREFIX)?.ok_or_else(absent)
    }

    /// A constant's value, if there is such a one.
    pub(crate) fn constant<T: DecodeAsType>(
        &self,
        (pallet, name): (&str, &str),
    ) -> Result<Option<T>, ChainError> {
        let pallet = self.metadata().pallet_by_name(pallet);
        let constant = pallet.as_ref().and_then(|pallet| pallet.constant_by_name(name));
        constant
            .map(|constant| self.decode(name, constant.ty(), constant.value()))
            .transpose()
    }

    /// Encodes, decodes and signs without going online.
    pub(crate) const fn codec(&self) -> &OfflineClientAtBlock<SubstrateConfig> {
        &self.codec
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        self.codec.metadata_ref()
    }

    /// Whether a pallet has this call.
    pub(crate) fn has_call(&self, (pallet, call): (&str, &str)) -> bool {
        let pallet = self.metadata().pallet_by_name(pallet);
        pallet.is_some_and(|pallet| pallet.call_variant_by_name(call).is_some())
    }

    /// Whether there is such a storage entry.
    pub(crate) fn has_entry(&self, (pallet, entry): Entry<'_>) -> bool {
        let pallet = self.metadata().pallet_by_name(pallet);
        pallet
            .and_then(|pallet| pallet.storage())
            .is_some_and(|storage| storage.entry_by_name(entry).is_some())
    }

    /// Where an entry is stored.
    pub(crate) fn storage_key(
        &self,
        (pallet, entry): Entry<'_>,
        keys: impl IntoEncodableValues,
    ) -> Result<Vec<u8>, ChainError> {
        let metadata = self.metadata();
        encode_storage_key(pallet, entry, keys, metadata, metadata.types())
            .map_err(|error| ChainError::runtime(entry, error))
    }

    /// What is stored there; where nothing is, the runtime's default.
    pub(crate) fn storage_value<T: DecodeAsType>(
        &self,
        entry: Entry<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<T, ChainError> {
        let nothing = || ChainError::runtime(entry.1, "nothing is stored and there is no default");
        self.storage_found(entry, bytes)?.ok_or_else(nothing)
    }

    /// What is stored there, or the runtime's default; `None` for an entry without one where nothing is stored.
    pub(crate) fn storage_found<T: DecodeAsType>(
        &self,
        (pallet, entry): Entry<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<Option<T>, ChainError> {
        let storage = self
            .metadata()
            .pallet_by_name(pallet)
            .and_then(|pallet| pallet.storage());
        let found = storage
            .and_then(|storage| storage.entry_by_name(entry))
            .ok_or_else(|| ChainError::runtime(entry, "there is no such storage entry"))?;
        let bytes = bytes.or_else(|| found.default_value());
        bytes
            .map(|bytes| self.decode(entry, found.value_ty(), bytes))
            .transpose()
    }

    /// The name and the arguments of a call of a runtime API.
    pub(crate) fn api_call(
        &self,
        (api, method): (&str, &str),
        arguments: impl IntoEncodableValues,
    ) -> Result<(String, Vec<u8>), ChainError> {
        let metadata = self.metadata();
        let arguments = encode_runtime_api_inputs(api, method, arguments, metadata, metadata.types())
            .map_err(|error| ChainError::runtime(method, error))?;
        Ok((format!("{api}_{method}"), arguments))
    }

    /// The answer to a call of a runtime API.
    pub(crate) fn api_answer<T: DecodeAsType>(
        &self,
        (api, method): (&str, &str),
        bytes: &[u8],
    ) -> Result<T, ChainError> {
        let output = self
            .metadata()
            .runtime_api_trait_by_name(api)
            .and_then(|api| api.method_by_name(method))
            .map(|method| method.output_ty())
            .ok_or_else(|| ChainError::runtime(method, "there is no such method"))?;
        self.decode(method, output, bytes)
    }

    fn decode<T: DecodeAsType>(&self, what: &str, ty: u32, mut bytes: &[u8]) -> Result<T, ChainError> {
        let fault = |error: Box<dyn Error + Send + Sync>| ChainError::runtime(what, error);
        let value = T::decode_as_type(&mut bytes, ty, self.metadata().types())
            .map_err(|error| fault(error.into()))?;
        if bytes.is_empty() {
            Ok(value)
        } else {
            Err(fault(format!("{} bytes too many", bytes.len()).into()))
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runtime({})", self.version.spec)
    }
}

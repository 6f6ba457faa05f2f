//! The recorded metadata of spec 461, and what is looked up in it by name: storage keys, values, events and
//! errors. No index of the runtime is written down anywhere else in this crate.

use std::time::Duration;

use frame_decode::{
    storage::encode_storage_key_prefix,
    storage::{IntoEncodableValues, StorageTypeInfo, encode_storage_key},
};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v15::RuntimeMetadataV15};
use parity_scale_codec::{Decode, Encode};
use scale_info::{PortableRegistry, TypeDef, Variant, form::PortableForm};
use scale_value::{Composite, Value};
use serde_json::json;

use crate::{block::to_hex, config::RuntimeAge, error::MetadataError};

/// See `metadata/README.md` for where it comes from.
static RAW: &[u8] = include_bytes!("../metadata/spec-461-v15.scale");
/// The version of the metadata's own format.
pub(crate) const FORMAT: u32 = 15;

/// The metadata, decoded once.
pub(crate) struct Metadata {
    v15: RuntimeMetadataV15,
    /// What clients get.
    served: Vec<u8>,
    age: RuntimeAge,
    version: RuntimeVersion,
    extensions: Vec<Extension>,
}

/// `System.Version`, as `Core_version` answers it.
#[derive(Clone, Encode, Decode)]
pub(crate) struct RuntimeVersion {
    pub(crate) spec_name: String,
    impl_name: String,
    authoring_version: u32,
    pub(crate) spec_version: u32,
    impl_version: u32,
    apis: Vec<([u8; 8], u32)>,
    pub(crate) transaction_version: u32,
    system_version: u8,
}

/// A transaction extension: the type of its bytes in the extrinsic and what it adds to the signed payload.
pub(crate) struct Extension {
    pub(crate) ty: u32,
    pub(crate) role: Role,
}

/// What an extension stands for, by its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    SpecVersion,
    TransactionVersion,
    Genesis,
    Mortality,
    Nonce,
    MetadataHash,
    /// Signs nothing but its own bytes.
    Plain,
}

/// The target of a block's time.
const SLOT_DURATION: (&str, &str) = ("Aura", "SlotDuration");
/// See [`before_mechanisms`].
const YOUNG_ITEMS: [&str; 5] = [
    "LastEpochBlock",
    "PendingEpochAt",
    "SubnetEpochIndex",
    "MaxEpochsPerBlock",
    "MechanismCountCurrent",
];
const YOUNG_CALLS: [&str; 2] = ["set_mechanism_weights", "commit_timelocked_mechanism_weights"];
const YOUNG_METHODS: [&str; 2] = ["get_selective_mechagraph", "get_next_epoch_start_block"];

fn missing(what: &str) -> MetadataError {
    MetadataError::Missing(what.to_owned())
}

impl Metadata {
    /// As recorded.
    #[cfg(test)]
    pub(crate) fn load() -> Result<Self, MetadataError> {
        Self::of(RuntimeAge::Present, None)
    }

    /// The metadata of a runtime whose blocks take so long.
    pub(crate) fn of(age: RuntimeAge, slot: Option<Duration>) -> Result<Self, MetadataError> {
        let decoded = RuntimeMetadataPrefixed::decode(&mut &*RAW)?;
        let magic = decoded.0;
        let RuntimeMetadata::V15(mut v15) = decoded.1 else {
            return Err(MetadataError::Version);
        };
        if let Some(slot) = slot {
            let millis = u64::try_from(slot.as_millis()).unwrap_or(u64::MAX);
            put_constant(&mut v15, SLOT_DURATION, millis.encode())?;
        }
        let shown = match age {
            RuntimeAge::Present => v15.clone(),
            RuntimeAge::Old => before_mechanisms(v15.clone()),
        };
        let served = RuntimeMetadataPrefixed(magic, RuntimeMetadata::V15(shown)).encode();
        let version = RuntimeVersion::decode(&mut constant(&v15, "System", "Version")?)?;
        let extensions = v15.extrinsic.signed_extensions.iter();
        let extensions = extensions.map(|extension| {
            let role = match extension.identifier.as_str() {
                "CheckSpecVersion" => Role::SpecVersion,
                "CheckTxVersion" => Role::TransactionVersion,
                "CheckGenesis" => Role::Genesis,
                "CheckMortality" => Role::Mortality,
                "CheckNonce" => Role::Nonce,
                "CheckMetadataHash" => Role::MetadataHash,
                _ if is_empty(&v15.types, extension.additional_signed.id) => Role::Plain,
                unknown => return Err(MetadataError::Extension(unknown.to_owned())),
            };
            let ty = extension.ty.id;
            Ok(Extension { ty, role })
        });
        let extensions = extensions.collect::<Result<_, _>>()?;
        Ok(Self {
            v15,
            served,
            age,
            version,
            extensions,
        })
    }

    /// The bytes that clients get.
    pub(crate) fn served(&self) -> &[u8] {
        &self.served
    }

    pub(crate) const fn age(&self) -> RuntimeAge {
        self.age
    }

    /// `AuraApi_slot_duration`.
    pub(crate) fn slot_duration(&self) -> Result<Vec<u8>, MetadataError> {
        constant(&self.v15, SLOT_DURATION.0, SLOT_DURATION.1).map(<[u8]>::to_vec)
    }

    /// The index of a variant of the type of an enum's values, by the type's name.
    pub(crate) fn variant_index(&self, ty: &str, variant: &str) -> Result<u8, MetadataError> {
        let mut types = self.v15.types.types.iter();
        let found = types.find(|entry| entry.ty.path.segments.last().is_some_and(|name| name == ty));
        let variants = found
            .and_then(|found| self.variants(found.id))
            .unwrap_or_default();
        let found = variants.iter().find(|entry| entry.name == variant);
        Ok(found.ok_or_else(|| missing(variant))?.index)
    }

    pub(crate) fn types(&self) -> &PortableRegistry {
        &self.v15.types
    }

    pub(crate) fn version(&self) -> &RuntimeVersion {
        &self.version
    }

    pub(crate) fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The key of an item's value; with fewer parts than the item has, a prefix.
    pub(crate) fn key(
        &self,
        (pallet, item): (&str, &str),
        parts: impl IntoEncodableValues,
    ) -> Result<Vec<u8>, MetadataError> {
        Ok(encode_storage_key(
            pallet,
            item,
            parts,
            &self.v15,
            &self.v15.types,
        )?)
    }

    /// What the runtime reads where nothing is stored; `None` for an item without a default.
    pub(crate) fn default_value(
        &self,
        (pallet, item): (&str, &str),
    ) -> Result<Option<Vec<u8>>, MetadataError> {
        let info = self.v15.storage_info(pallet, item);
        let info = info.map_err(|_| missing(item))?;
        Ok(info.default_value.map(|bytes| bytes.into_owned()))
    }

    /// The type of an item's values.
    #[cfg(test)]
    pub(crate) fn value_type(&self, (pallet, item): (&str, &str)) -> u32 {
        self.v15.storage_info(pallet, item).unwrap().value_id
    }

    /// The pallet's and the call's name behind two index bytes.
    pub(crate) fn call(&self, pallet: u8, call: u8) -> Option<(&str, &Variant<PortableForm>)> {
        let pallet = self.v15.pallets.iter().find(|entry| entry.index == pallet)?;
        let calls = self.variants(pallet.calls.as_ref()?.ty.id)?;
        let call = calls.iter().find(|variant| variant.index == call)?;
        Some((pallet.name.as_str(), call))
    }

    /// The pallet's and the call's name at the beginning of a call's bytes.
    pub(crate) fn call_name(&self, bytes: &[u8]) -> Option<(&str, &str)> {
        let &[pallet, call, ..] = bytes else { return None };
        let (pallet, call) = self.call(pallet, call)?;
        Some((pallet, call.name.as_str()))
    }

    /// The two index bytes of a call.
    pub(crate) fn call_index(&self, pallet: &str, call: &str) -> Result<[u8; 2], MetadataError> {
        let entry = self.v15.pallets.iter().find(|entry| entry.name == pallet);
        let entry = entry.ok_or_else(|| missing(pallet))?;
        let calls = entry.calls.as_ref().and_then(|calls| self.variants(calls.ty.id));
        let found = calls.and_then(|calls| calls.iter().find(|variant| variant.name == call));
        Ok([entry.index, found.ok_or_else(|| missing(call))?.index])
    }

    /// `DispatchError::Module` for a pallet's error.
    pub(crate) fn module_error(&self, pallet: &str, error: &str) -> Result<Value, MetadataError> {
        let entry = self.v15.pallets.iter().find(|entry| entry.name == pallet);
        let entry = entry.ok_or_else(|| missing(pallet))?;
        let errors = entry
            .error
            .as_ref()
            .and_then(|errors| self.variants(errors.ty.id));
        let found = errors.and_then(|errors| errors.iter().find(|variant| variant.name == error));
        let index = found.ok_or_else(|| missing(error))?.index;
        let module = Value::named_composite([
            ("index", Value::u128(entry.index.into())),
            ("error", Value::from_bytes([index, 0, 0, 0])),
        ]);
        Ok(Value::unnamed_variant("Module", [module]))
    }

    /// A `RuntimeEvent`.
    pub(crate) fn event(
        &self,
        pallet: &str,
        name: &str,
        fields: Composite<()>,
    ) -> Result<Vec<u8>, MetadataError> {
        let event = Value::unnamed_variant(pallet, [Value::variant(name, fields)]);
        self.encode(&event, self.v15.outer_enums.event_enum_ty.id)
    }

    /// The answer of a runtime call.
    pub(crate) fn runtime_call_output(&self, api: &str, method: &str) -> Result<u32, MetadataError> {
        let api = self.v15.apis.iter().find(|entry| entry.name == api);
        let methods = api.map(|api| api.methods.as_slice()).unwrap_or_default();
        let found = methods.iter().find(|entry| entry.name == method);
        Ok(found.ok_or_else(|| missing(method))?.output.id)
    }

    pub(crate) fn encode(&self, value: &Value, ty: u32) -> Result<Vec<u8>, MetadataError> {
        let mut bytes = Vec::new();
        scale_value::scale::encode_as_type(value, ty, &self.v15.types, &mut bytes)?;
        Ok(bytes)
    }

    fn variants(&self, ty: u32) -> Option<&[Variant<PortableForm>]> {
        match &self.v15.types.resolve(ty)?.type_def {
            TypeDef::Variant(variants) => Some(&variants.variants),
            _ => None,
        }
    }
}

impl RuntimeVersion {
    pub(crate) fn json(&self) -> serde_json::Value {
        let apis: Vec<_> = self
            .apis
            .iter()
            .map(|(id, version)| json!([to_hex(id), version]))
            .collect();
        json!({
            "specName": self.spec_name,
            "implName": self.impl_name,
            "authoringVersion": self.authoring_version,
            "specVersion": self.spec_version,
            "implVersion": self.impl_version,
            "apis": apis,
            "transactionVersion": self.transaction_version,
            "systemVersion": self.system_version,
            "stateVersion": self.system_version,
        })
    }
}

/// The prefix of all keys of an item.
pub(crate) fn item_prefix((pallet, item): (&str, &str)) -> [u8; 32] {
    encode_storage_key_prefix(pallet, item)
}

/// Takes out what runtimes did not have before mechanisms and before the chain counted epochs.
fn before_mechanisms(mut v15: RuntimeMetadataV15) -> RuntimeMetadataV15 {
    let subtensor = v15
        .pallets
        .iter_mut()
        .find(|entry| entry.name == "SubtensorModule");
    let Some(subtensor) = subtensor else { return v15 };
    if let Some(storage) = &mut subtensor.storage {
        storage
            .entries
            .retain(|entry| !YOUNG_ITEMS.contains(&entry.name.as_str()));
    }
    let calls = subtensor.calls.as_ref().map(|calls| calls.ty.id);
    for entry in &mut v15.types.types {
        if Some(entry.id) == calls
            && let TypeDef::Variant(variants) = &mut entry.ty.type_def
        {
            variants
                .variants
                .retain(|call| !YOUNG_CALLS.contains(&call.name.as_str()));
        }
    }
    for pallet in &mut v15.pallets {
        let is_young = |name: &str| (pallet.name.as_str(), name) == SLOT_DURATION;
        pallet.constants.retain(|constant| !is_young(&constant.name));
    }
    for api in &mut v15.apis {
        api.methods
            .retain(|method| !YOUNG_METHODS.contains(&method.name.as_str()));
    }
    v15
}

fn put_constant(
    v15: &mut RuntimeMetadataV15,
    (pallet, name): (&str, &str),
    value: Vec<u8>,
) -> Result<(), MetadataError> {
    let pallet = v15.pallets.iter_mut().find(|entry| entry.name == pallet);
    let constants = pallet.map(|pallet| &mut pallet.constants);
    let found = constants.and_then(|constants| constants.iter_mut().find(|entry| entry.name == name));
    found.ok_or_else(|| missing(name))?.value = value;
    Ok(())
}

fn constant<'a>(v15: &'a RuntimeMetadataV15, pallet: &str, name: &str) -> Result<&'a [u8], MetadataError> {
    let pallet = v15.pallets.iter().find(|entry| entry.name == pallet);
    let constants = pallet
        .map(|pallet| pallet.constants.as_slice())
        .unwrap_or_default();
    let found = constants.iter().find(|constant| constant.name == name);
    Ok(&found.ok_or_else(|| missing(name))?.value)
}

fn is_empty(types: &PortableRegistry, ty: u32) -> bool {
    matches!(types.resolve(ty).map(|ty| &ty.type_def), Some(TypeDef::Tuple(tuple)) if tuple.fields.is_empty())
}

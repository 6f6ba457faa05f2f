//! The events of a block, as `System.Events` holds them.

use parity_scale_codec::{Compact, Encode};
use scale_value::{Composite, Value};

use crate::{error::MetadataError, metadata::Metadata};

/// The records of a block under construction.
#[derive(Default)]
pub(crate) struct Events {
    count: u32,
    records: Vec<u8>,
}

/// How an extrinsic is classed. Weights are not measured: they are all zero.
#[derive(Clone, Copy)]
pub(crate) struct DispatchInfo {
    pub(crate) class: &'static str,
    pub(crate) pays_fee: &'static str,
}

/// What the block's author puts in.
pub(crate) const MANDATORY: DispatchInfo = DispatchInfo {
    class: "Mandatory",
    pays_fee: "Yes",
};
/// Weights calls are free.
pub(crate) const FREE: DispatchInfo = DispatchInfo {
    class: "Normal",
    pays_fee: "No",
};
/// Everything else.
pub(crate) const NORMAL: DispatchInfo = DispatchInfo {
    class: "Normal",
    pays_fee: "Yes",
};

impl DispatchInfo {
    fn value(self) -> Value {
        let zero = || Value::u128(0);
        Value::named_composite([
            (
                "weight",
                Value::named_composite([("ref_time", zero()), ("proof_size", zero())]),
            ),
            ("class", Value::unnamed_variant(self.class, [])),
            ("pays_fee", Value::unnamed_variant(self.pays_fee, [])),
        ])
    }
}

impl Events {
    /// Adds an event of the extrinsic at `index`.
    fn push(
        &mut self,
        metadata: &Metadata,
        index: u32,
        (pallet, name): (&str, &str),
        fields: Composite<()>,
    ) -> Result<(), MetadataError> {
        /// `Phase::ApplyExtrinsic`.
        const APPLY_EXTRINSIC: u8 = 0;
        let event = metadata.event(pallet, name, fields)?;
        APPLY_EXTRINSIC.encode_to(&mut self.records);
        index.encode_to(&mut self.records);
        self.records.extend_from_slice(&event);
        // No topics.
        self.records.push(0);
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(crate) fn success(
        &mut self,
        metadata: &Metadata,
        index: u32,
        info: DispatchInfo,
    ) -> Result<(), MetadataError> {
        let fields = Composite::named([("dispatch_info", info.value())]);
        self.push(metadata, index, ("System", "ExtrinsicSuccess"), fields)
    }

    pub(crate) fn failed(
        &mut self,
        metadata: &Metadata,
        index: u32,
        info: DispatchInfo,
        (pallet, error): (&str, &str),
    ) -> Result<(), MetadataError> {
        let error = metadata.module_error(pallet, error)?;
        let fields = Composite::named([("dispatch_error", error), ("dispatch_info", info.value())]);
        self.push(metadata, index, ("System", "ExtrinsicFailed"), fields)
    }

    pub(crate) fn weights_set(
        &mut self,
        metadata: &Metadata,
        index: u32,
        (storage_index, uid): (u16, u16),
    ) -> Result<(), MetadataError> {
        let fields = Composite::unnamed([Value::u128(storage_index.into()), Value::u128(uid.into())]);
        self.push(metadata, index, ("SubtensorModule", "WeightsSet"), fields)
    }

    /// The SCALE list of records.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = Compact(self.count).encode();
        bytes.extend_from_slice(&self.records);
        bytes
    }
}

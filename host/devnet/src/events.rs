//! The events of a block, as `System.Events` holds them.

use parity_scale_codec::{Compact, Encode};
use scale_value::{Composite, Value};

use crate::{commits::Committed, error::MetadataError, items::Account, metadata::Metadata};

/// The records of a block under construction.
#[derive(Default)]
pub(crate) struct Events {
    count: u32,
    records: Vec<u8>,
}

/// When an event happens: `frame_system::Phase`.
#[derive(Clone, Copy, Encode)]
pub(crate) enum Phase {
    /// In the extrinsic of this number.
    ApplyExtrinsic(u32),
    /// After the last one.
    Finalization,
    /// Before the first one.
    Initialization,
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
    fn push(
        &mut self,
        metadata: &Metadata,
        phase: Phase,
        (pallet, name): (&str, &str),
        fields: Composite<()>,
    ) -> Result<(), MetadataError> {
        let event = metadata.event(pallet, name, fields)?;
        phase.encode_to(&mut self.records);
        self.records.extend_from_slice(&event);
        // No topics.
        self.records.push(0);
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(crate) fn success(
        &mut self,
        metadata: &Metadata,
        phase: Phase,
        info: DispatchInfo,
    ) -> Result<(), MetadataError> {
        let fields = Composite::named([("dispatch_info", info.value())]);
        self.push(metadata, phase, ("System", "ExtrinsicSuccess"), fields)
    }

    pub(crate) fn failed(
        &mut self,
        metadata: &Metadata,
        phase: Phase,
        info: DispatchInfo,
        (pallet, error): (&str, &str),
    ) -> Result<(), MetadataError> {
        let error = metadata.module_error(pallet, error)?;
        let fields = Composite::named([("dispatch_error", error), ("dispatch_info", info.value())]);
        self.push(metadata, phase, ("System", "ExtrinsicFailed"), fields)
    }

    pub(crate) fn weights_set(
        &mut self,
        metadata: &Metadata,
        phase: Phase,
        (storage_index, uid): (u16, u16),
    ) -> Result<(), MetadataError> {
        let fields = Composite::unnamed([Value::u128(storage_index.into()), Value::u128(uid.into())]);
        self.push(metadata, phase, ("SubtensorModule", "WeightsSet"), fields)
    }

    /// What came of the call inside a proxy's; `None` is success.
    pub(crate) fn proxy_executed(
        &mut self,
        metadata: &Metadata,
        phase: Phase,
        error: Option<(&str, &str)>,
    ) -> Result<(), MetadataError> {
        let result = match error {
            None => Value::unnamed_variant("Ok", [Value::unnamed_composite([])]),
            Some((pallet, error)) => Value::unnamed_variant("Err", [metadata.module_error(pallet, error)?]),
        };
        let fields = Composite::named([("result", result)]);
        self.push(metadata, phase, ("Proxy", "ProxyExecuted"), fields)
    }

    pub(crate) fn timelocked_weights_committed(
        &mut self,
        metadata: &Metadata,
        phase: Phase,
        (who, storage_index, hash, round): Committed,
    ) -> Result<(), MetadataError> {
        let fields = Composite::unnamed([
            Value::from_bytes(who),
            Value::u128(storage_index.into()),
            Value::from_bytes(hash),
            Value::u128(round.into()),
        ]);
        let name = ("SubtensorModule", "TimelockedWeightsCommitted");
        self.push(metadata, phase, name, fields)
    }

    pub(crate) fn timelocked_weights_revealed(
        &mut self,
        metadata: &Metadata,
        (storage_index, who): (u16, Account),
    ) -> Result<(), MetadataError> {
        let fields = Composite::unnamed([Value::u128(storage_index.into()), Value::from_bytes(who)]);
        let name = ("SubtensorModule", "TimelockedWeightsRevealed");
        self.push(metadata, Phase::Initialization, name, fields)
    }

    /// Rounds that were written; none is no event.
    pub(crate) fn new_pulses(&mut self, metadata: &Metadata, rounds: &[u64]) -> Result<(), MetadataError> {
        if rounds.is_empty() {
            return Ok(());
        }
        let rounds = rounds.iter().map(|round| Value::u128((*round).into()));
        let fields = Composite::named([("rounds", Value::unnamed_composite(rounds))]);
        self.push(metadata, Phase::Finalization, ("Drand", "NewPulse"), fields)
    }

    pub(crate) fn code_updated(&mut self, metadata: &Metadata) -> Result<(), MetadataError> {
        let none = Composite::unnamed([]);
        self.push(metadata, Phase::Finalization, ("System", "CodeUpdated"), none)
    }

    /// The SCALE list of records.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = Compact(self.count).encode();
        bytes.extend_from_slice(&self.records);
        bytes
    }
}

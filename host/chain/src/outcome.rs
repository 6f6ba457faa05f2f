//! What came of an extrinsic: read from the events of its block, by the names in the metadata.

use subxt::{
    SubstrateConfig,
    events::{Event, Phase},
    ext::scale_value::{At, Composite, Value, ValueDef},
};

use crate::{ChainError, runtime::Runtime};

/// The extrinsic is in a block and its nonce is spent, but its call failed there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{name}", pallet.as_ref().map(|pallet| format!("{pallet}.")).unwrap_or_default())]
pub struct DispatchFailure {
    /// The pallet whose error it is; `None` for an error of no pallet, such as `BadOrigin`.
    pub pallet: Option<String>,
    /// The error's name in the runtime's metadata, such as `SettingWeightsTooFast`.
    pub name: String,
}

/// Finds the verdict on the extrinsic at `index` among the events of its block.
pub(crate) fn read(
    runtime: &Runtime,
    events: Vec<u8>,
    index: u32,
) -> Result<Result<(), DispatchFailure>, ChainError> {
    for event in runtime.codec().events().from_bytes(events).iter() {
        let event = event.map_err(|error| ChainError::runtime("its events", error))?;
        if event.phase() != Phase::ApplyExtrinsic(index) || event.pallet_name() != "System" {
            continue;
        }
        match event.event_name() {
            "ExtrinsicSuccess" => return Ok(Ok(())),
            "ExtrinsicFailed" => return failure(runtime, &event).map(Err),
            _ => {}
        }
    }
    Err(ChainError::runtime(
        "its events",
        "none of them says what came of the extrinsic",
    ))
}

fn failure(runtime: &Runtime, event: &Event<'_, SubstrateConfig>) -> Result<DispatchFailure, ChainError> {
    let fields: Composite<()> = event
        .decode_fields_unchecked_as()
        .map_err(|error| ChainError::runtime("ExtrinsicFailed", error))?;
    let error = fields.at("dispatch_error").map(|value| &value.value);
    let Some(ValueDef::Variant(error)) = error else {
        return Err(ChainError::runtime("ExtrinsicFailed", "it has no dispatch_error"));
    };
    if error.name == "Module" {
        return module_failure(runtime, error.values.at(0));
    }
    // `Token`, `Arithmetic` and their like have the reason inside.
    let name = match error.values.at(0).map(|value: &Value<()>| &value.value) {
        Some(ValueDef::Variant(inner)) => format!("{}.{}", error.name, inner.name),
        _ => error.name.clone(),
    };
    Ok(DispatchFailure { pallet: None, name })
}

/// A pallet's error is two numbers; the metadata has their names.
fn module_failure(runtime: &Runtime, module: Option<&Value<()>>) -> Result<DispatchFailure, ChainError> {
    let number = |value: Option<&Value<()>>| value?.as_u128().and_then(|n| u8::try_from(n).ok());
    let pallet = number(module.at("index"));
    let error = number(module.at("error").at(0));
    let found = pallet.zip(error).and_then(|(pallet, error)| {
        let pallet = runtime.metadata().pallet_by_error_index(pallet)?;
        let variant = pallet.error_variant_by_index(error)?;
        Some(DispatchFailure {
            pallet: Some(pallet.name().to_owned()),
            name: variant.name.clone(),
        })
    });
    found.ok_or_else(|| {
        ChainError::runtime(
            "DispatchError",
            format!("no error {error:?} in a pallet {pallet:?}"),
        )
    })
}

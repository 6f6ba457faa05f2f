//! What came of an extrinsic: read from the events of its block, by the names in the metadata.

use subxt::{
    SubstrateConfig,
    events::{Event, Phase},
    ext::scale_value::{At, Composite, Value, ValueDef},
};

use platform_domain::Hotkey;

use crate::{
    ChainError, WeightsCall, proxy,
    runtime::{self, Runtime},
    subnet::storage_index,
};

/// The extrinsic is in a block and its nonce is spent, but its call failed there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{name}", pallet.as_ref().map(|pallet| format!("{pallet}.")).unwrap_or_default())]
pub struct DispatchFailure {
    /// The pallet whose error it is; `None` for an error of no pallet, such as `BadOrigin`.
    pub pallet: Option<String>,
    /// The error's name in the runtime's metadata, such as `SettingWeightsTooFast`.
    pub name: String,
}

/// What a block says when it has revealed a commit: storage index and hotkey.
const REVEALED: &str = "TimelockedWeightsRevealed";
/// What became of a call inside `Proxy.proxy`, which succeeds itself in any case.
const PROXY_EXECUTED: &str = "ProxyExecuted";

/// Finds the verdict on the extrinsic at `index` among the events of its block. With a proxy it is that on the call inside.
pub(crate) fn read(
    runtime: &Runtime,
    events: Vec<u8>,
    index: u32,
) -> Result<Result<(), DispatchFailure>, ChainError> {
    let mut inside = Ok(());
    for event in runtime.codec().events().from_bytes(events).iter() {
        let event = event.map_err(|error| ChainError::runtime("its events", error))?;
        if event.phase() != Phase::ApplyExtrinsic(index) {
            continue;
        }
        match (event.pallet_name(), event.event_name()) {
            (proxy::PALLET, PROXY_EXECUTED) => inside = proxied(runtime, &event)?,
            ("System", "ExtrinsicSuccess") => return Ok(inside),
            ("System", "ExtrinsicFailed") => return failure(runtime, &event).map(Err),
            _ => {}
        }
    }
    Err(ChainError::runtime(
        "its events",
        "none of them says what came of the extrinsic",
    ))
}

/// Whether a block's events say that it revealed weights of a hotkey.
pub(crate) fn has_revealed(
    runtime: &Runtime,
    events: Vec<u8>,
    call: &WeightsCall,
    hotkey: Hotkey,
) -> Result<bool, ChainError> {
    let ours = (storage_index(call.netuid, call.mechanism)?, *hotkey.as_bytes());
    for event in runtime.codec().events().from_bytes(events).iter() {
        let event = event.map_err(|error| ChainError::runtime("its events", error))?;
        if event.pallet_name() == runtime::PALLET && event.event_name() == REVEALED {
            let revealed: (u16, [u8; 32]) = event
                .decode_fields_unchecked_as()
                .map_err(|error| ChainError::runtime(REVEALED, error))?;
            if revealed == ours {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn failure(runtime: &Runtime, event: &Event<'_, SubstrateConfig>) -> Result<DispatchFailure, ChainError> {
    let fields = fields(event)?;
    let error = fields.at("dispatch_error");
    let error = error.ok_or_else(|| ChainError::runtime("ExtrinsicFailed", "it has no dispatch_error"))?;
    dispatch_error(runtime, error)
}

/// The result inside `ProxyExecuted`.
fn proxied(
    runtime: &Runtime,
    event: &Event<'_, SubstrateConfig>,
) -> Result<Result<(), DispatchFailure>, ChainError> {
    let fields = fields(event)?;
    let Some(ValueDef::Variant(result)) = fields.at("result").map(|value| &value.value) else {
        return Err(ChainError::runtime(PROXY_EXECUTED, "it has no result"));
    };
    match (result.name.as_str(), result.values.at(0)) {
        ("Ok", _) => Ok(Ok(())),
        ("Err", Some(error)) => dispatch_error(runtime, error).map(Err),
        _ => Err(ChainError::runtime(
            PROXY_EXECUTED,
            "its result is neither Ok nor Err",
        )),
    }
}

fn fields(event: &Event<'_, SubstrateConfig>) -> Result<Composite<()>, ChainError> {
    event
        .decode_fields_unchecked_as()
        .map_err(|error| ChainError::runtime(event.event_name(), error))
}

fn dispatch_error(runtime: &Runtime, error: &Value<()>) -> Result<DispatchFailure, ChainError> {
    let ValueDef::Variant(error) = &error.value else {
        return Err(ChainError::runtime("DispatchError", "it is no variant"));
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

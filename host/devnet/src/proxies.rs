//! `Proxy.proxy` (pallets/proxy of the Polkadot SDK, with subtensor's `ProxyType`): one key acts for another. The call inside is
//! carried out as that of the other; what came of it is only in the event `ProxyExecuted`.

use crate::{
    config::ProxyGenesis,
    error::MetadataError,
    items::{Account, Delegation, PROXIES, Reader, Storage},
    weights::DispatchError,
};

/// What the types are that may set weights (runtime/src/lib.rs, spec 425).
const MAY_SET_WEIGHTS: [&str; 4] = ["Any", "NonTransfer", "NonFungible", "NonCritical"];
const PROXY_TYPE: &str = "ProxyType";

/// Writes the delegations of a genesis, each account's in the order that the pallet keeps: by delegate, type and delay.
pub(crate) fn put(storage: &mut Storage<'_>, proxies: &[ProxyGenesis]) -> Result<(), MetadataError> {
    for proxy in proxies {
        let key = (*proxy.real.as_bytes(),);
        let kind = storage.metadata.variant_index(PROXY_TYPE, &proxy.kind)?;
        let (mut all, deposit) = storage.reader().get(&PROXIES, key)?;
        all.push((*proxy.delegate.as_bytes(), kind, proxy.delay));
        all.sort_unstable();
        storage.put(&PROXIES, key, &(all, deposit))?;
    }
    Ok(())
}

/// Whether the delegation that the chain finds for `delegate` lets it set the weights of `real`: its first one, or its first of the
/// type that is asked for. Fails if there is none, or one for announced calls only.
pub(crate) fn may_set_weights(
    state: Reader<'_>,
    real: Account,
    delegate: Account,
    forced: Option<u8>,
) -> Result<bool, DispatchError> {
    let (all, _) = state.get(&PROXIES, (real,))?;
    let fits = |entry: &&Delegation| entry.0 == delegate && forced.is_none_or(|kind| entry.1 == kind);
    let found = all.iter().find(fits);
    let &(_, kind, delay) = found.ok_or(DispatchError::Module("Proxy", "NotProxy"))?;
    if delay > 0 {
        return Err(DispatchError::Module("Proxy", "Unannounced"));
    }
    for name in MAY_SET_WEIGHTS {
        if state.metadata.variant_index(PROXY_TYPE, name)? == kind {
            return Ok(true);
        }
    }
    Ok(false)
}

//! `system_*`: what the node says about itself, and the next nonce of an account.

use std::sync::Arc;

use jsonrpsee::{RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use platform_domain::Hotkey;
use serde_json::json;

use super::errors;
use crate::{chain::Lookup, items::ACCOUNT, node::Node};

pub(super) fn register(module: &mut RpcModule<Arc<Node>>) -> Result<(), RegisterMethodError> {
    module.register_method("system_chain", |_, _, _| "Platform devnet (test node)")?;
    module.register_method("system_chainType", |_, _, _| "Development")?;
    module.register_method("system_name", |_, _, _| "platform-devnet")?;
    module.register_method("system_version", |_, _, _| env!("CARGO_PKG_VERSION"))?;
    module.register_method(
        "system_properties",
        |_, _, _| json!({ "ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO" }),
    )?;
    module.register_method(
        "system_health",
        |_, _, _| json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false }),
    )?;
    for name in ["system_accountNextIndex", "account_nextIndex"] {
        module.register_method(name, |params, node, _| {
            let account: Hotkey = params.one()?;
            let chain = node.chain();
            let stale = node.switches.stale_nonces();
            let nonce = match chain.lookup(stale.then(|| chain.finalized_hash())) {
                Lookup::State(state, _) => state.get(&ACCOUNT, (*account.as_bytes(),)),
                Lookup::Discarded | Lookup::Unknown => return Ok(0),
            };
            let nonce = nonce.map_err(|error| errors::internal(&error))?.nonce;
            if stale {
                return Ok(nonce);
            }
            Ok::<_, ErrorObjectOwned>(chain.pool().next_nonce(&account, nonce))
        })?;
    }
    Ok(())
}

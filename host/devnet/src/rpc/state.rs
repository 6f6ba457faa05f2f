//! `state_*`: storage at a block, runtime calls, metadata and the runtime's version.

use std::sync::Arc;

use jsonrpsee::{PendingSubscriptionSink, RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::{Bytes, accept, block_hash, errors, only_block_hash, send};
use crate::{
    block::{Block, Hash, to_hex},
    chain::{Chain, Lookup},
    items::Reader,
    node::Node,
    runtime_api,
};

/// Keys per page, the node's limit.
const MAX_PAGE: u32 = 1000;

/// The state after a block, or why there is none.
fn state_at(chain: &Chain, hash: Option<Hash>) -> Result<(Reader<'_>, &Block), ErrorObjectOwned> {
    let asked = hash.unwrap_or_else(|| chain.best_hash());
    match chain.lookup(hash) {
        Lookup::State(state, block) => Ok((state, block)),
        Lookup::Discarded => Err(errors::discarded(&asked)),
        Lookup::Unknown => Err(errors::unknown_block(&asked)),
    }
}

pub(super) fn register(module: &mut RpcModule<Arc<Node>>) -> Result<(), RegisterMethodError> {
    module.register_method("state_getStorage", |params, node, _| {
        let mut params = params.sequence();
        let Bytes(key) = params.next()?;
        let hash = block_hash(&mut params)?;
        let chain = node.chain();
        let (state, _) = state_at(&chain, hash)?;
        Ok::<_, ErrorObjectOwned>(state.state.get(&key).map(to_hex))
    })?;
    module.register_method("state_queryStorageAt", |params, node, _| {
        let mut params = params.sequence();
        let keys: Vec<Bytes> = params.next()?;
        let hash = block_hash(&mut params)?;
        let chain = node.chain();
        let (state, block) = state_at(&chain, hash)?;
        let change = |Bytes(key): &Bytes| (to_hex(key), state.state.get(key).map(to_hex));
        let changes: Vec<_> = keys.iter().map(change).collect();
        Ok::<_, ErrorObjectOwned>(json!([{ "block": to_hex(block.hash), "changes": changes }]))
    })?;
    module.register_method("state_getKeysPaged", |params, node, _| {
        let mut params = params.sequence();
        let prefix: Option<Bytes> = params.optional_next()?;
        let count: u32 = params.next()?;
        let start: Option<Bytes> = params.optional_next()?;
        let hash = block_hash(&mut params)?;
        if count > MAX_PAGE {
            return Err(errors::too_many_keys(count, MAX_PAGE));
        }
        let chain = node.chain();
        let (state, _) = state_at(&chain, hash)?;
        let prefix = prefix.map(|Bytes(prefix)| prefix).unwrap_or_default();
        let start = start.as_ref().map(|Bytes(start)| start.as_slice());
        let keys = state
            .state
            .keys(&prefix, start, usize::try_from(count).unwrap_or(usize::MAX));
        Ok(keys.into_iter().map(to_hex).collect::<Vec<_>>())
    })?;
    module.register_method("state_call", |params, node, _| {
        let mut params = params.sequence();
        let function: String = params.next()?;
        let Bytes(arguments) = params.next()?;
        let hash = block_hash(&mut params)?;
        let chain = node.chain();
        if let Lookup::Discarded = chain.lookup(hash) {
            return Err(errors::discarded_for_call(&hash.unwrap_or_default()));
        }
        let answer = runtime_api::call(&chain, state_at(&chain, hash)?, &function, &arguments);
        answer.map(to_hex).map_err(|error| errors::runtime_call(&error))
    })?;
    module.register_method("state_getMetadata", |params, node, _| {
        let hash = only_block_hash(&params)?;
        let chain = node.chain();
        let (state, _) = state_at(&chain, hash)?;
        Ok::<_, ErrorObjectOwned>(to_hex(state.metadata.served()))
    })?;
    for name in ["state_getRuntimeVersion", "chain_getRuntimeVersion"] {
        module.register_method(name, |params, node, _| {
            let hash = only_block_hash(&params)?;
            let chain = node.chain();
            let (state, _) = state_at(&chain, hash)?;
            let version = state.runtime_version();
            version
                .map(|version| version.json())
                .map_err(|error| errors::internal(&error))
        })?;
    }
    module.register_subscription(
        "state_subscribeRuntimeVersion",
        "state_runtimeVersion",
        "state_unsubscribeRuntimeVersion",
        |_, pending, node, _| async move { follow_version(&node, pending).await },
    )?;
    Ok(())
}

/// The best block's version, then each other one until the client leaves.
async fn follow_version(node: &Node, pending: PendingSubscriptionSink) {
    let mut heads = node.chain().subscribe();
    let Some(sink) = accept(pending).await else {
        return;
    };
    let mut sent = None;
    loop {
        let version = match node.chain().lookup(None) {
            Lookup::State(state, _) => state.runtime_version().ok().map(|version| version.json()),
            Lookup::Discarded | Lookup::Unknown => None,
        };
        if let Some(json) = version.as_ref()
            && sent != version
        {
            if !send(&sink, json).await {
                return;
            }
            sent = version;
        }
        tokio::select! {
            // One that is far behind has missed heads, and the best one is looked at next.
            head = heads.recv() => match head {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = sink.closed() => return,
        }
    }
}

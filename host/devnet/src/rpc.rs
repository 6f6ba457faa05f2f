//! The JSON-RPC methods, by their prefixes, and what their parameters have in common.

mod author;
mod blocks;
mod errors;
mod state;
mod system;

use std::sync::Arc;

use jsonrpsee::{
    PendingSubscriptionSink, RpcModule, SubscriptionSink,
    core::{JsonRawValue, RegisterMethodError},
    types::{ErrorObjectOwned, Params, params::ParamsSequence},
};
use platform_domain::BlockHash;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{block::Hash, node::Node};

/// Bytes as the node reads and writes them: hexadecimal digits behind `0x`.
struct Bytes(Vec<u8>);

/// All methods.
pub(crate) fn methods(node: Arc<Node>) -> Result<RpcModule<Arc<Node>>, RegisterMethodError> {
    let mut module = RpcModule::new(node);
    author::register(&mut module)?;
    blocks::register(&mut module)?;
    state::register(&mut module)?;
    system::register(&mut module)?;
    let mut names: Vec<&str> = module.method_names().chain(["rpc_methods"]).collect();
    names.sort_unstable();
    let names = json!({ "methods": names });
    module.register_method("rpc_methods", move |_, _, _| names.clone())?;
    Ok(module)
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        hex::decode(digits).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The next parameter, which may be absent or null: a block's hash.
fn block_hash(params: &mut ParamsSequence<'_>) -> Result<Option<Hash>, ErrorObjectOwned> {
    let hash: Option<BlockHash> = params.optional_next()?;
    Ok(hash.map(|hash| hash.0))
}

/// The only parameter, which may be absent or null: a block's hash.
fn only_block_hash(params: &Params<'_>) -> Result<Option<Hash>, ErrorObjectOwned> {
    block_hash(&mut params.sequence())
}

/// Accepts a subscription; `None` if the client is gone.
async fn accept(pending: PendingSubscriptionSink) -> Option<SubscriptionSink> {
    pending.accept().await.ok()
}

/// Sends one notification; false once the client is gone.
async fn send(sink: &SubscriptionSink, value: &Value) -> bool {
    match JsonRawValue::from_string(value.to_string()) {
        Ok(json) => sink.send(json).await.is_ok(),
        Err(_) => false,
    }
}

//! `chain_*`: blocks, headers and the streams of new ones.

use std::sync::Arc;

use jsonrpsee::{PendingSubscriptionSink, RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{accept, only_block_hash, send};
use crate::{
    block::{Hash, to_hex},
    chain::{Chain, Head},
    node::Node,
};

/// A height as clients write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Height {
    Number(u32),
    Text(String),
}

/// What `chain_getBlockHash` takes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Heights {
    One(Height),
    Many(Vec<Height>),
}

/// Which heads a subscriber wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Best,
    Finalized,
}

impl Height {
    /// The hash at this height of the best chain, or null.
    fn hash(&self, chain: &Chain) -> Value {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text
                .strip_prefix("0x")
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .or_else(|| text.parse().ok()),
        };
        hash_or_null(number.and_then(|number| chain.hash_at(number)))
    }
}

fn hash_or_null(hash: Option<Hash>) -> Value {
    hash.map_or(Value::Null, |hash| json!(to_hex(hash)))
}

impl Stream {
    /// The head to begin with.
    fn current(self, chain: &Chain) -> Value {
        let hash = match self {
            Self::Best => chain.best_hash(),
            Self::Finalized => chain.finalized_hash(),
        };
        chain
            .block(Some(hash))
            .map_or(Value::Null, |block| block.header.json())
    }

    fn pick(self, head: Head) -> Option<Value> {
        match (self, head) {
            (Self::Best, Head::Best(header)) | (Self::Finalized, Head::Finalized(header)) => Some(header),
            _ => None,
        }
    }

    /// The current head, then every new one until the client leaves.
    async fn follow(self, node: Arc<Node>, pending: PendingSubscriptionSink) {
        let (mut heads, current) = {
            let chain = node.chain();
            (chain.subscribe(), self.current(&chain))
        };
        let Some(sink) = accept(pending).await else {
            return;
        };
        let mut next = Some(current);
        loop {
            if let Some(header) = next.take()
                && !send(&sink, &header).await
            {
                return;
            }
            let head = tokio::select! {
                head = heads.recv() => head,
                () = sink.closed() => return,
            };
            match head {
                Ok(head) => next = self.pick(head),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

pub(super) fn register(module: &mut RpcModule<Arc<Node>>) -> Result<(), RegisterMethodError> {
    module.register_method("chain_getBlockHash", |params, node, _| {
        let heights: Option<Heights> = params.sequence().optional_next()?;
        let chain = node.chain();
        Ok::<_, ErrorObjectOwned>(match heights {
            None => json!(to_hex(chain.best_hash())),
            Some(Heights::One(height)) => height.hash(&chain),
            Some(Heights::Many(heights)) => heights.iter().map(|height| height.hash(&chain)).collect(),
        })
    })?;
    module.register_method("chain_getHeader", |params, node, _| {
        let hash = only_block_hash(&params)?;
        let chain = node.chain();
        Ok::<_, ErrorObjectOwned>(chain.block(hash).map(|block| block.header.json()))
    })?;
    module.register_method("chain_getBlock", |params, node, _| {
        let hash = only_block_hash(&params)?;
        let chain = node.chain();
        Ok::<_, ErrorObjectOwned>(chain.block(hash).map(crate::block::Block::json))
    })?;
    module.register_method("chain_getFinalizedHead", |_, node, _| {
        to_hex(node.chain().finalized_hash())
    })?;
    for (subscribe, notification, unsubscribe, stream) in [
        (
            "chain_subscribeNewHeads",
            "chain_newHead",
            "chain_unsubscribeNewHeads",
            Stream::Best,
        ),
        (
            "chain_subscribeAllHeads",
            "chain_allHead",
            "chain_unsubscribeAllHeads",
            Stream::Best,
        ),
        (
            "chain_subscribeFinalizedHeads",
            "chain_finalizedHead",
            "chain_unsubscribeFinalizedHeads",
            Stream::Finalized,
        ),
    ] {
        module.register_subscription(
            subscribe,
            notification,
            unsubscribe,
            move |_, pending, node, _| stream.follow(Arc::clone(&node), pending),
        )?;
    }
    Ok(())
}

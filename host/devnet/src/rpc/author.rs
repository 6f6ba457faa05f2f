//! `author_*`: submitting extrinsics, and `devnet_*`, which a real node does not have.

use std::sync::Arc;

use jsonrpsee::{RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use tokio::sync::mpsc;

use super::{Bytes, accept, errors, send};
use crate::{block::to_hex, node::Node};

/// Blocks made by one `devnet_produceBlocks`: the lock is held for one at a time, the caller waits for all.
const MAX_BLOCKS: u32 = 1000;

pub(super) fn register(module: &mut RpcModule<Arc<Node>>) -> Result<(), RegisterMethodError> {
    module.register_method("author_submitExtrinsic", |params, node, _| {
        let Bytes(extrinsic) = params.one()?;
        let hash = node.chain().submit(&extrinsic, None);
        let hash = hash.map_err(|error| errors::submit(&error))?;
        node.switches.submission_accepted();
        Ok::<_, ErrorObjectOwned>(to_hex(hash))
    })?;
    module.register_subscription(
        "author_submitAndWatchExtrinsic",
        "author_extrinsicUpdate",
        "author_unwatchExtrinsic",
        |params, pending, node, _| async move {
            let Bytes(extrinsic) = match params.one() {
                Ok(bytes) => bytes,
                Err(error) => return pending.reject(error).await,
            };
            let (sender, mut statuses) = mpsc::unbounded_channel();
            let submitted = node.chain().submit(&extrinsic, Some(sender));
            if let Err(error) = submitted {
                return pending.reject(errors::submit(&error)).await;
            }
            node.switches.submission_accepted();
            let Some(sink) = accept(pending).await else {
                return;
            };
            loop {
                let status = tokio::select! {
                    status = statuses.recv() => status,
                    () = sink.closed() => None,
                };
                match status {
                    Some(status) if send(&sink, &status).await => {}
                    _ => return,
                }
            }
        },
    )?;
    module.register_method("author_pendingExtrinsics", |_, node, _| {
        let chain = node.chain();
        chain.pool().bytes().into_iter().map(to_hex).collect::<Vec<_>>()
    })?;
    module.register_method("devnet_produceBlocks", |params, node, _| {
        let count: u32 = params.one()?;
        for _ in 0..count.min(MAX_BLOCKS) {
            node.produce().map_err(|error| errors::internal(&error))?;
        }
        Ok::<_, ErrorObjectOwned>(to_hex(node.chain().best_hash()))
    })?;
    Ok(())
}

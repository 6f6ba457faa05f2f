//! Where an extrinsic is: looked up on the node's best chain as it is now, block by block back to the
//! extrinsic's birth, so that a reorganisation or a lost connection can hide nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use platform_domain::{BlockHash, BlockNumber};

use crate::{
    Chain, ChainError, DispatchFailure, MORTALITY, SignedExtrinsic, extrinsic::blake2_256, outcome,
    view::EVENTS_KEY,
};

/// What one look at the chain tells about an extrinsic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inclusion {
    /// In no block yet, but still valid.
    Pending,
    /// In a block of the best chain.
    Included {
        /// The block's height.
        block: BlockNumber,
        /// The block's hash.
        hash: BlockHash,
        /// The extrinsic's place in the block.
        index: u32,
        /// Whether the block is final. Until then a reorganisation may undo it.
        finalised: bool,
        /// Whether the call succeeded.
        outcome: Result<(), DispatchFailure>,
    },
    /// In no block, and no block can take it any more: the block at which it expires is final.
    Expired,
}

/// A block that has been looked through. Blocks never change, so it is kept under its hash.
struct Scanned {
    number: BlockNumber,
    parent: BlockHash,
    extrinsics: Vec<[u8; 32]>,
}

/// The blocks looked through lately.
#[derive(Default)]
pub(crate) struct RecentBlocks(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_hash: HashMap<BlockHash, Arc<Scanned>>,
    order: VecDeque<BlockHash>,
}

/// Twice what one extrinsic can be in, so that reorganisations do not push it out: 32 bytes for each
/// extrinsic, some megabytes at the very most.
const BLOCKS_KEPT: usize = 256;
impl Chain {
    /// Looks once. The first look reads every block since the extrinsic's birth, later ones only new blocks.
    /// [`ChainError::EventsDiscarded`] is an inclusion too, one that was looked for too late.
    pub async fn inclusion(&self, extrinsic: &SignedExtrinsic) -> Result<Inclusion, ChainError> {
        // The finalised block first: the best chain that is asked for afterwards contains it.
        let (finalised, _) = self.finalised_block().await?;
        let best = self.best_block().await?;
        if let Some((hash, block, index)) = self.find(extrinsic, best).await? {
            let outcome = match self.outcome(hash, block.parent, index).await {
                Err(ChainError::BlockUnavailable(_)) => {
                    let block = block.number;
                    return Err(ChainError::EventsDiscarded { block, hash });
                }
                outcome => outcome?,
            };
            let (block, finalised) = (block.number, block.number <= finalised);
            return Ok(Inclusion::Included {
                block,
                hash,
                index,
                finalised,
                outcome,
            });
        }
        // A node behind the one that told of the final block has not shown all blocks yet.
        Ok(if finalised >= extrinsic.expires && best.0 >= extrinsic.expires {
            Inclusion::Expired
        } else {
            Inclusion::Pending
        })
    }

    /// Whether no block can ever take the extrinsic, whatever its age: the runtime of the last final block
    /// says that its nonce is spent or that its signature no longer fits, and no block up to there has it.
    pub async fn is_dead(&self, extrinsic: &SignedExtrinsic) -> Result<bool, ChainError> {
        let finalised = self.finalised_block().await?;
        // Before its birth an extrinsic seems to be born a whole mortality earlier, and wrongly signed.
        Ok(finalised.0 >= extrinsic.birth
            && self
                .rpc()
                .is_refused_for_good(&extrinsic.bytes, finalised.1)
                .await?
            && self.find(extrinsic, finalised).await?.is_none())
    }

    /// Looks for the extrinsic in the blocks that may have it, from this one back: the block's hash, the
    /// block, and the place in it.
    async fn find(
        &self,
        extrinsic: &SignedExtrinsic,
        (newest, newest_hash): (BlockNumber, BlockHash),
    ) -> Result<Option<(BlockHash, Arc<Scanned>, u32)>, ChainError> {
        let last = BlockNumber(extrinsic.expires.0.saturating_sub(1));
        let mut hash = if newest > last {
            self.rpc().hash_at(last).await?
        } else {
            newest_hash
        };
        for _ in 0..MORTALITY {
            let block = self.scanned(hash).await?;
            if block.number <= extrinsic.birth {
                break;
            }
            let index = block.extrinsics.iter().position(|found| *found == extrinsic.hash);
            if let Some(index) = index.and_then(|index| u32::try_from(index).ok()) {
                return Ok(Some((hash, block, index)));
            }
            hash = block.parent;
        }
        Ok(None)
    }

    async fn scanned(&self, hash: BlockHash) -> Result<Arc<Scanned>, ChainError> {
        if let Some(block) = self.recent().get(hash) {
            return Ok(block);
        }
        let block = self.rpc().block(hash).await?;
        let block = Arc::new(Scanned {
            number: block.number,
            parent: block.parent,
            extrinsics: block.extrinsics.iter().map(|bytes| blake2_256(bytes)).collect(),
        });
        self.recent().keep(hash, Arc::clone(&block));
        Ok(block)
    }

    /// The events of a block are in its state, but the runtime that wrote them is its parent's: a block
    /// that upgrades the runtime is still executed by the old one.
    async fn outcome(
        &self,
        block: BlockHash,
        parent: BlockHash,
        index: u32,
    ) -> Result<Result<(), DispatchFailure>, ChainError> {
        let runtime = self.runtime_at(parent).await?;
        let events = self.rpc().storage(&EVENTS_KEY, block).await?;
        outcome::read(&runtime, events.unwrap_or_default(), index)
    }
}

impl RecentBlocks {
    fn get(&self, hash: BlockHash) -> Option<Arc<Scanned>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_hash
            .get(&hash)
            .cloned()
    }

    fn keep(&self, hash: BlockHash, block: Arc<Scanned>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_hash.insert(hash, block).is_none() {
            kept.order.push_back(hash);
        }
        if kept.order.len() > BLOCKS_KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_hash.remove(&oldest);
        }
    }
}

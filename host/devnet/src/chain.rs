//! The chain: its blocks, which of them count, what waits, and who watches. One value, one lock around it.

mod reorg;

use std::collections::{BTreeMap, HashMap};

use platform_domain::{BlockNumber, Hotkey};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use crate::{
    block::{Block, Hash, to_hex},
    drand::Drand,
    error::MetadataError,
    execute::{Draft, HASHES_KEPT},
    extrinsic::Signed,
    items::Reader,
    metadata::Metadata,
    orders::Order,
    pool::{Pool, SubmitError},
    state::State,
    validity::{Refusal, Turn},
};

/// An extrinsic that the pool took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// blake2-256 of the length-prefixed extrinsic.
    pub hash: [u8; 32],
    /// Who signed it.
    pub signer: Hotkey,
    /// The block that includes it, if one does.
    pub block: Option<BlockNumber>,
}

/// A block's header in JSON, for subscribers.
#[derive(Clone, Debug)]
pub(crate) enum Head {
    Best(Value),
    Finalized(Value),
}

/// What a block's hash leads to.
pub(crate) enum Lookup<'a> {
    State(Reader<'a>, &'a Block),
    Discarded,
    Unknown,
}

/// See the module's documentation.
pub(crate) struct Chain {
    metadata: Metadata,
    blocks: HashMap<Hash, Block>,
    /// The best chain by height.
    canonical: BTreeMap<u32, Hash>,
    /// Blocks that no longer are on it, until their height is final.
    retracted: Vec<Hash>,
    genesis: Hash,
    finalized: u32,
    finality_lag: u32,
    /// A fault: blocks stay empty.
    withholding: bool,
    drand: Option<Drand>,
    /// What the next block ends with.
    orders: Vec<Order>,
    pool: Pool,
    accepted: Vec<Accepted>,
    /// Who follows an extrinsic, by its hash.
    watchers: HashMap<Hash, Vec<mpsc::UnboundedSender<Value>>>,
    heads: broadcast::Sender<Head>,
}

/// States older than this below the best block are discarded, as a node that is not an archive does.
const STATES_KEPT: u32 = HASHES_KEPT;
/// Blocks older than this are forgotten altogether: seven hours at four a second.
const BLOCKS_KEPT: u32 = 100_000;
/// A subscriber that is further behind misses heads, as it may with a real node.
const HEADS_BUFFERED: usize = 256;

impl Chain {
    pub(crate) fn new(metadata: Metadata, state: State, finality_lag: u32, drand: Option<Drand>) -> Self {
        let block = Block::new(([0; 32], 0, Vec::new()), Vec::new(), Vec::new(), state);
        let genesis = block.hash;
        Self {
            metadata,
            blocks: HashMap::from([(genesis, block)]),
            canonical: BTreeMap::from([(0, genesis)]),
            retracted: Vec::new(),
            genesis,
            finalized: 0,
            finality_lag,
            withholding: false,
            drand,
            orders: Vec::new(),
            pool: Pool::default(),
            accepted: Vec::new(),
            watchers: HashMap::new(),
            heads: broadcast::channel(HEADS_BUFFERED).0,
        }
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn best_number(&self) -> u32 {
        self.canonical.last_key_value().map_or(0, |(number, _)| *number)
    }

    pub(crate) fn best_hash(&self) -> Hash {
        self.canonical
            .last_key_value()
            .map_or(self.genesis, |(_, hash)| *hash)
    }

    pub(crate) fn finalized_hash(&self) -> Hash {
        self.hash_at(self.finalized).unwrap_or(self.genesis)
    }

    /// The block at a height of the best chain.
    pub(crate) fn hash_at(&self, number: u32) -> Option<Hash> {
        self.canonical.get(&number).copied()
    }

    /// A block by hash, the best one by default.
    pub(crate) fn block(&self, hash: Option<Hash>) -> Option<&Block> {
        self.blocks.get(&hash.unwrap_or_else(|| self.best_hash()))
    }

    /// The state after a block, the best one by default.
    pub(crate) fn lookup(&self, hash: Option<Hash>) -> Lookup<'_> {
        match self.block(hash) {
            None => Lookup::Unknown,
            Some(block) => match &block.state {
                None => Lookup::Discarded,
                Some(state) => Lookup::State(self.reader(state), block),
            },
        }
    }

    fn reader<'a>(&'a self, state: &'a State) -> Reader<'a> {
        let metadata = &self.metadata;
        Reader { metadata, state }
    }

    /// New heads from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Head> {
        self.heads.subscribe()
    }

    pub(crate) fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// A block on the best one, still without extrinsics.
    pub(crate) fn draft(&self, now: u64) -> Result<Draft<'_>, MetadataError> {
        let state = self
            .block(None)
            .and_then(|block| block.state.clone())
            .unwrap_or_default();
        let parent = (self.best_hash(), self.best_number(), state);
        Draft::begin(&self.metadata, self.genesis, parent, now)
    }

    /// A block on this one.
    pub(crate) fn draft_on(&self, block: &Block) -> Result<Draft<'_>, MetadataError> {
        let state = block.state.clone().unwrap_or_default();
        let parent = (block.hash, block.header.number, state);
        Draft::begin(&self.metadata, self.genesis, parent, 0)
    }

    /// Validates an extrinsic against the best block and keeps it for the next.
    pub(crate) fn submit(
        &mut self,
        submitted: &[u8],
        watcher: Option<mpsc::UnboundedSender<Value>>,
    ) -> Result<Hash, SubmitError> {
        let extrinsic = Signed::decode(&self.metadata, submitted);
        let extrinsic = extrinsic.map_err(|reason| SubmitError::Refused(reason.into()))?;
        let (hash, signer) = (extrinsic.hash, extrinsic.signer);
        self.pool.ensure_new(hash)?;
        let refused = |error: MetadataError| SubmitError::Refused(Refusal::Metadata(error));
        let draft = self.draft(0).map_err(refused)?;
        let turn = draft.moment().check(&extrinsic).map_err(SubmitError::Refused)?;
        let expected = draft.nonce(signer.as_bytes()).map_err(refused)?;
        let ready = turn == Turn::Now || self.pool.next_nonce(&signer, expected) == extrinsic.nonce;
        drop(draft);
        self.pool
            .insert(extrinsic, self.best_number().saturating_add(1))?;
        let block = None;
        self.accepted.push(Accepted { hash, signer, block });
        self.watchers.entry(hash).or_default().extend(watcher);
        self.tell(hash, &json!(if ready { "ready" } else { "future" }));
        Ok(hash)
    }

    /// Makes a block of what is ready. `now` is in milliseconds since 1970.
    pub(crate) fn produce(&mut self, now: u64) -> Result<(), MetadataError> {
        let mut pool = std::mem::take(&mut self.pool);
        let mut dropped = Vec::new();
        let block = self.fill(&mut pool, &mut dropped, now);
        self.pool = pool;
        let block = block?;
        self.orders.clear();
        let next = block.header.number.saturating_add(1);
        dropped.extend(self.pool.expire(next));
        self.import(block);
        for hash in dropped {
            self.tell(hash, &json!("invalid"));
            self.watchers.remove(&hash);
        }
        Ok(())
    }

    fn fill(&self, pool: &mut Pool, dropped: &mut Vec<Hash>, now: u64) -> Result<Block, MetadataError> {
        let mut draft = self.draft(now)?;
        let is_next = |draft: &Draft<'_>, extrinsic: &Signed| {
            draft
                .nonce(extrinsic.signer.as_bytes())
                .is_ok_and(|nonce| nonce == extrinsic.nonce)
        };
        while !self.withholding
            && let Some(extrinsic) = pool.take(|extrinsic| is_next(&draft, extrinsic))
        {
            let hash = extrinsic.hash;
            match draft.apply(extrinsic) {
                Ok(()) => {}
                Err(Refusal::Metadata(error)) => return Err(error),
                Err(refusal) => {
                    tracing::debug!(
                        extrinsic.hash = to_hex(hash),
                        ?refusal,
                        "An extrinsic is no longer valid"
                    );
                    dropped.push(hash);
                }
            }
        }
        for order in &self.orders {
            draft.carry_out(*order)?;
        }
        draft.finish(self.drand.as_ref())
    }

    fn import(&mut self, block: Block) {
        let (hash, number) = (block.hash, block.header.number);
        tracing::debug!(
            block.number = number,
            block.hash = to_hex(hash),
            "Produced a block"
        );
        for extrinsic in &block.signed {
            let mut accepted = self.accepted.iter_mut();
            if let Some(accepted) = accepted.find(|accepted| accepted.hash == extrinsic.hash) {
                accepted.block = Some(BlockNumber(number.into()));
            }
        }
        let included: Vec<Hash> = block.signed.iter().map(|extrinsic| extrinsic.hash).collect();
        for extrinsic in included {
            self.tell(extrinsic, &json!({ "inBlock": to_hex(hash) }));
        }
        // Nobody listening is fine.
        drop(self.heads.send(Head::Best(block.header.json())));
        self.blocks.insert(hash, block);
        self.canonical.insert(number, hash);
        self.finalize(number.saturating_sub(self.finality_lag));
        self.prune(number);
    }

    fn finalize(&mut self, target: u32) {
        if target <= self.finalized {
            return;
        }
        let newly = self.canonical.range(self.finalized.saturating_add(1)..=target);
        let newly: Vec<Hash> = newly.map(|(_, hash)| *hash).collect();
        self.finalized = target;
        for hash in newly {
            let signed = self
                .blocks
                .get(&hash)
                .map(|block| block.signed.as_slice())
                .unwrap_or_default();
            let included: Vec<Hash> = signed.iter().map(|extrinsic| extrinsic.hash).collect();
            for extrinsic in included {
                self.tell(extrinsic, &json!({ "finalized": to_hex(hash) }));
                self.watchers.remove(&extrinsic);
            }
        }
        if let Some(block) = self.blocks.get(&self.finalized_hash()) {
            drop(self.heads.send(Head::Finalized(block.header.json())));
        }
    }

    fn prune(&mut self, best: u32) {
        let old = best
            .checked_sub(STATES_KEPT)
            .and_then(|number| self.hash_at(number));
        if let Some(block) = old.and_then(|hash| self.blocks.get_mut(&hash)) {
            block.state = None;
            block.signed = Vec::new();
        }
        if let Some(number) = best.checked_sub(BLOCKS_KEPT).filter(|number| *number > 0)
            && let Some(hash) = self.canonical.remove(&number)
        {
            self.blocks.remove(&hash);
        }
        let (blocks, finalized) = (&mut self.blocks, self.finalized);
        self.retracted.retain(|hash| {
            let keep = blocks
                .get(hash)
                .is_some_and(|block| block.header.number > finalized);
            if !keep {
                blocks.remove(hash);
            }
            keep
        });
    }

    /// Changes what the beacon does, if there is one.
    pub(crate) fn with_drand(&mut self, change: impl FnOnce(&mut Drand)) {
        self.drand.as_mut().map(change);
    }

    /// The next block ends with this.
    pub(crate) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    pub(crate) fn withhold(&mut self, withholding: bool) {
        self.withholding = withholding;
    }

    pub(crate) fn forget_final_blocks(&mut self) {
        let finalized = self.finalized;
        self.blocks.retain(|_, block| block.header.number >= finalized);
    }

    /// Tells whoever watches an extrinsic. Who is gone is forgotten.
    fn tell(&mut self, extrinsic: Hash, status: &Value) {
        if let Some(watchers) = self.watchers.get_mut(&extrinsic) {
            watchers.retain(|watcher| watcher.send(status.clone()).is_ok());
        }
    }
}

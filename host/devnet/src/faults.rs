//! Faults on purpose: what a network and a node do to a client on a bad day, on the real wire.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use platform_domain::BlockHash;
use platform_timelock::Round;
use tokio::sync::watch;

use crate::{error::ReorgRefused, node::Node, orders::Order};

/// Injects faults into a running node.
pub struct Faults {
    pub(crate) node: Arc<Node>,
}

/// What becomes of extrinsics whose block is no longer on the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retracted {
    /// They return to the pool, as they do when the node has seen the other branch.
    Return,
    /// They are gone, and whoever watches is told that they are dropped.
    Lose,
}

/// What a connection does when it has had its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// It is closed without a word.
    Close,
    /// It stays open, takes every byte and answers nothing, nor does it tell of blocks: a socket that is half open.
    Silence,
}

/// The switches that the wire and the submission calls look at.
pub(crate) struct Switches {
    hang: watch::Sender<bool>,
    /// How long each piece of an answer is held back.
    slow: watch::Sender<Duration>,
    /// Counts; every change closes what is open.
    closings: watch::Sender<u64>,
    /// Requests per connection, and what then.
    limit: watch::Sender<Option<(u32, Exhausted)>>,
    lose_answer: AtomicBool,
    stale_nonces: AtomicBool,
}

impl Faults {
    /// Stops all bytes to clients, on open connections and new ones. Requests are still read and carried
    /// out: to a client this is a socket that is half dead.
    pub fn hang_answers(&self) {
        self.node.switches.hang.send_replace(true);
    }

    /// Sends what was held back, and goes on.
    pub fn resume_answers(&self) {
        self.node.switches.hang.send_replace(false);
    }

    /// Holds every answer back for so long, on open connections and new ones; zero ends it.
    pub fn slow_answers(&self, by: Duration) {
        self.node.switches.slow.send_replace(by);
    }

    /// Closes every open connection without a word. New ones are accepted.
    pub fn close_connections(&self) {
        self.node.switches.close();
    }

    /// Each WebSocket connection, open or new, is good for so many requests, counted from its beginning; on the next one `then`
    /// happens. A batch is one request.
    pub fn limit_requests(&self, requests: u32, then: Exhausted) {
        self.node.switches.limit.send_replace(Some((requests, then)));
    }

    /// Connections are good for any number of requests again, but for those that are silent already.
    pub fn lift_request_limit(&self) {
        self.node.switches.limit.send_replace(None);
    }

    /// The next submission that is accepted gets no answer: every connection is closed instead.
    pub fn lose_next_submission_answer(&self) {
        self.node.switches.lose_answer.store(true, Ordering::SeqCst);
    }

    /// From now on blocks are made without what waits in the pool, which goes on taking extrinsics.
    pub fn withhold_extrinsics(&self) {
        self.node.chain().withhold(true);
    }

    /// Blocks include again what waits.
    pub fn release_extrinsics(&self) {
        self.node.chain().withhold(false);
    }

    /// Forgets every block below the last final one, as a node does that was synchronised from a snapshot.
    pub fn forget_final_blocks(&self) {
        self.node.chain().forget_final_blocks();
    }

    /// Replaces the best block by another without extrinsics, which return to the pool. Fails if the block
    /// is final.
    pub fn reorg_best_block(&self) -> Result<BlockHash, ReorgRefused> {
        self.reorg(1, Retracted::Return)
    }

    /// Replaces the best `depth` blocks by as many without extrinsics: the new best one. Fails if one of them is final.
    pub fn reorg(&self, depth: u32, fate: Retracted) -> Result<BlockHash, ReorgRefused> {
        self.node.chain().reorg(depth, fate).map(BlockHash)
    }

    /// From now on `system_accountNextIndex` knows neither the pool nor blocks that are not final, as a node that lags.
    pub fn serve_stale_nonces(&self) {
        self.node.switches.stale_nonces.store(true, Ordering::SeqCst);
    }

    /// Nonces are right again.
    pub fn serve_fresh_nonces(&self) {
        self.node.switches.stale_nonces.store(false, Ordering::SeqCst);
    }

    /// The next block ends with an upgrade of the runtime: from its state on the version is another, and what is signed for the
    /// old one is refused. The metadata stays what it is. An upgrade in a block that is replaced has not been.
    pub fn upgrade_runtime(&self, spec_version: u32) {
        self.node.chain().order(Order::Runtime(spec_version));
    }

    /// The chain will never have the pulse of this round, as if its author had not fetched it: `LastStoredRound` goes past it.
    /// A round that it has already stays.
    pub fn skip_pulse(&self, round: Round) {
        self.node.chain().with_drand(|drand| {
            drand.skipped.insert(round);
        });
    }

    /// From now on the chain gets no pulses.
    pub fn delay_pulses(&self) {
        self.node.chain().with_drand(|drand| drand.delayed = true);
    }

    /// The chain gets pulses again, also those that it has missed.
    pub fn resume_pulses(&self) {
        self.node.chain().with_drand(|drand| drand.delayed = false);
    }
}

impl Switches {
    pub(crate) fn new() -> Self {
        Self {
            hang: watch::Sender::new(false),
            slow: watch::Sender::new(Duration::ZERO),
            closings: watch::Sender::new(0),
            limit: watch::Sender::new(None),
            lose_answer: AtomicBool::new(false),
            stale_nonces: AtomicBool::new(false),
        }
    }

    pub(crate) fn hang(&self) -> watch::Receiver<bool> {
        self.hang.subscribe()
    }

    pub(crate) fn slow(&self) -> watch::Receiver<Duration> {
        self.slow.subscribe()
    }

    pub(crate) fn closings(&self) -> watch::Receiver<u64> {
        self.closings.subscribe()
    }

    pub(crate) fn limit(&self) -> watch::Receiver<Option<(u32, Exhausted)>> {
        self.limit.subscribe()
    }

    pub(crate) fn stale_nonces(&self) -> bool {
        self.stale_nonces.load(Ordering::SeqCst)
    }

    fn close(&self) {
        self.closings.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Called between accepting a submission and answering it. The connection is closed before the answer
    /// is handed over, so it cannot slip out.
    pub(crate) fn submission_accepted(&self) {
        if self.lose_answer.swap(false, Ordering::SeqCst) {
            self.close();
        }
    }
}

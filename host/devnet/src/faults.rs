//! Faults on purpose: what a network and a node do to a client on a bad day, on the real wire.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use platform_domain::BlockHash;
use tokio::sync::watch;

use crate::{error::ReorgRefused, node::Node};

/// Injects faults into a running node.
pub struct Faults {
    pub(crate) node: Arc<Node>,
}

/// The switches that the wire and the submission calls look at.
pub(crate) struct Switches {
    hang: watch::Sender<bool>,
    /// Counts; every change closes what is open.
    closings: watch::Sender<u64>,
    lose_answer: AtomicBool,
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

    /// Closes every open connection without a word. New ones are accepted.
    pub fn close_connections(&self) {
        self.node.switches.close();
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
        let now = crate::node::unix_millis();
        self.node.chain().reorg(now).map(BlockHash)
    }
}

impl Switches {
    pub(crate) fn new() -> Self {
        Self {
            hang: watch::Sender::new(false),
            closings: watch::Sender::new(0),
            lose_answer: AtomicBool::new(false),
        }
    }

    pub(crate) fn hang(&self) -> watch::Receiver<bool> {
        self.hang.subscribe()
    }

    pub(crate) fn closings(&self) -> watch::Receiver<u64> {
        self.closings.subscribe()
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

//! The thread that owns the database: takes what waits, does it in one transaction, and answers.

use std::time::Instant;

use platform_domain::{Digest, Hotkey, UnixSeconds};
use tokio::sync::{mpsc, oneshot};

use crate::{
    NonceError, Use,
    ledger::Ledger,
    limits::{NONCE_BATCH, PURGE_EVERY},
};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Order {
    Reserve {
        now: UnixSeconds,
        used: Use,
        answer: oneshot::Sender<Result<(), NonceError>>,
    },
    Release {
        hotkey: Hotkey,
        nonce: Digest,
    },
}

/// Until the last [`crate::Nonces`] is gone.
pub(crate) fn run(mut ledger: Ledger, mut waiting: mpsc::Receiver<Order>) {
    let mut orders = Vec::with_capacity(NONCE_BATCH);
    // What a process before this one has left is looked through at once.
    let mut purged: Option<Instant> = None;
    while waiting.blocking_recv_many(&mut orders, NONCE_BATCH) > 0 {
        let due = purged.is_none_or(|at| at.elapsed() >= PURGE_EVERY);
        match ledger.work(&mut orders, due) {
            // As long as there is more to remove, the next orders bring a part of it with them.
            Ok(more) if due => purged = (!more).then(Instant::now),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "nonces cannot be written; signed requests are refused"),
        }
        // Whoever is still here was not answered, and is told so by that.
        orders.clear();
    }
}

//! Which nonces were used, on disk, so that a signature counts once also when the host is killed and started again.
//!
//! One thread owns the database. Whoever waits at the same moment shares one transaction, so what a signed request waits
//! for is one write to the disk, however many others wait with it. Unsigned requests never come here.

mod error;
mod ledger;
mod limits;
mod writer;

use std::{path::Path, thread};

use platform_domain::{Digest, Hotkey, UnixSeconds};
use tokio::sync::{mpsc, oneshot};

pub use error::{NonceError, OpenError};
pub use limits::Limits;

use crate::{ledger::Ledger, limits::NONCE_QUEUE, writer::Order};

/// A nonce about to be used. The signature has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Who signed.
    pub hotkey: Hotkey,
    /// Stands for everything in which the nonce is unique: subnet, challenge and the nonce itself.
    pub nonce: Digest,
    /// The last second in which the signature counts.
    pub expires: UnixSeconds,
    /// Whether the subnet knows the key. Anybody can make others, so they have a part of the room that they share.
    pub registered: bool,
}

/// The memory of nonces. Cheap to clone; the thread behind it ends with the last clone.
#[derive(Clone, Debug)]
pub struct Nonces(mpsc::Sender<Order>);

/// A nonce that is used up now. Dropping it changes nothing.
#[derive(Debug)]
#[must_use = "to be released when the request does not reach its challenge"]
pub struct Reservation {
    orders: mpsc::Sender<Order>,
    hotkey: Hotkey,
    nonce: Digest,
}

impl Nonces {
    /// Opens or creates the database and begins to write. Blocks; meant for the start of the program.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, OpenError> {
        let ledger = Ledger::open(path, limits)?;
        let (orders, waiting) = mpsc::channel(NONCE_QUEUE);
        let begun = thread::Builder::new().name("nonces".to_owned());
        begun
            .spawn(move || writer::run(ledger, waiting))
            .map_err(OpenError::Thread)?;
        Ok(Self(orders))
    }

    /// Uses a nonce up, or says why it cannot be used. When this returns `Ok` it is on disk.
    pub async fn reserve(&self, now: UnixSeconds, used: Use) -> Result<Reservation, NonceError> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Reserve { now, used, answer };
        // Whoever comes when so many wait would wait for longer than it is worth.
        self.0.try_send(order).map_err(|_| NonceError::Overloaded)?;
        answered.await.map_err(|_| NonceError::Unavailable)??;
        let (orders, hotkey, nonce) = (self.0.clone(), used.hotkey, used.nonce);
        Ok(Reservation {
            orders,
            hotkey,
            nonce,
        })
    }
}

impl Reservation {
    /// The request did not reach its challenge: the nonce can be used again. If the host ends before that is on disk, or has
    /// too much to write, it cannot, and its owner signs with another one.
    pub fn release(self) {
        let Self {
            orders,
            hotkey,
            nonce,
        } = self;
        drop(orders.try_send(Order::Release { hotkey, nonce }));
    }
}

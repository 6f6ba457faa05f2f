//! Whose turn it is. Jobs of one challenge come in the order in which they were asked for; of several challenges the one comes
//! that runs least, and among those the one whose last turn is longest ago. So nobody's queue is in front of another's.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform_domain::Slug;
use tokio::sync::oneshot;

use crate::{Busy, Quotas, limits::HELD_BYTES};

/// All places. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Board(Arc<Mutex<Places>>);

struct Places {
    quotas: Quotas,
    of: BTreeMap<Slug, OfChallenge>,
    running: u32,
    waiting: u32,
    held: u64,
    /// Counts turns and those who wait.
    last: u64,
}

#[derive(Default)]
struct OfChallenge {
    running: u32,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
    /// When it had its last turn.
    served: u64,
}

/// A place in the queue and then among those who run. Dropped, it is another's.
pub(crate) struct Turn {
    board: Board,
    slug: Slug,
    number: u64,
    held: u64,
    comes: Option<oneshot::Receiver<()>>,
}

impl Board {
    pub(crate) fn new(quotas: Quotas) -> Self {
        Self(Arc::new(Mutex::new(Places {
            quotas,
            of: BTreeMap::new(),
            running: 0,
            waiting: 0,
            held: 0,
            last: 0,
        })))
    }

    /// A place at the end of the challenge's queue, for a job that keeps so many bytes in memory.
    pub(crate) fn enter(&self, slug: &Slug, bytes: u64) -> Result<Turn, Busy> {
        let mut places = self.places();
        let quotas = places.quotas;
        let held = places.held.saturating_add(bytes);
        let of = places.of.get(slug);
        // Who can run at once does not wait.
        let runs = |of: &OfChallenge| of.running < quotas.at_once_per_challenge && of.waiting.is_empty();
        let at_once = places.running < quotas.at_once && of.is_none_or(runs);
        if held > HELD_BYTES {
            return Err(Busy::Memory);
        }
        let own = of.map_or(0, |of| of.waiting.len());
        if !at_once && own >= quotas.waiting_per_challenge as usize {
            return Err(Busy::ChallengeWaits);
        }
        if !at_once && places.waiting >= quotas.waiting {
            return Err(Busy::AllWait);
        }
        let (come, comes) = oneshot::channel();
        places.held = held;
        places.last += 1;
        let number = places.last;
        let of = places.of.entry(slug.clone()).or_default();
        of.waiting.push_back((number, come));
        places.waiting += 1;
        places.go_on();
        Ok(Turn {
            board: self.clone(),
            slug: slug.clone(),
            number,
            held: bytes,
            comes: Some(comes),
        })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Until its turn has come.
    pub(crate) async fn comes(&mut self) {
        if let Some(comes) = self.comes.as_mut() {
            // Its sender is kept until then.
            drop(comes.await);
            self.comes = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut places = self.board.places();
        places.held = places.held.saturating_sub(self.held);
        let of = places.of.entry(self.slug.clone()).or_default();
        let before = of.waiting.len();
        of.waiting.retain(|(number, _)| *number != self.number);
        if of.waiting.len() < before {
            places.waiting -= 1;
        } else {
            of.running -= 1;
            places.running -= 1;
        }
        places.go_on();
    }
}

impl Places {
    /// Gives turns to those who wait, as long as there are any.
    fn go_on(&mut self) {
        while self.running < self.quotas.at_once {
            let most = self.quotas.at_once_per_challenge;
            let able = self
                .of
                .values_mut()
                .filter(|of| of.running < most && !of.waiting.is_empty());
            let Some(of) = able.min_by_key(|of| (of.running, of.served)) else {
                return;
            };
            let Some((_, come)) = of.waiting.pop_front() else {
                return;
            };
            self.last += 1;
            of.running += 1;
            of.served = self.last;
            self.running += 1;
            self.waiting -= 1;
            // Whoever does not wait any more has taken itself out of the queue.
            come.send(()).ok();
        }
    }
}

#[cfg(test)]
mod tests;

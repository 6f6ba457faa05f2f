//! Whose turn it is. Jobs of one challenge come in the order in which they were asked for; of several challenges the one comes
//! that runs least, and among those the one whose last turn is longest ago. So nobody's queue is in front of another's.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform_domain::Slug;
use tokio::sync::oneshot;

use crate::{
    Busy, Quotas,
    limits::{HELD_BYTES, HELD_BYTES_PER_CHALLENGE},
};

/// All places. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Board(Arc<Mutex<Places>>);

struct Places {
    quotas: Quotas,
    of: BTreeMap<Slug, OfChallenge>,
    running: u32,
    /// With those that have stepped aside.
    waiting: u32,
    held: u64,
    /// Counts turns and those who wait.
    last: u64,
}

#[derive(Default)]
struct OfChallenge {
    running: u32,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
    /// That had a turn and wait for something else.
    aside: u32,
    /// That are looked at, before they have a place.
    looked_at: u32,
    held: u64,
    /// When it had its last turn.
    served: u64,
}

/// Room in memory for a request that is looked at. Dropped, it is another's.
pub(crate) struct Room {
    board: Board,
    slug: Slug,
    bytes: u64,
    /// Whether it is still looked at.
    looked_at: bool,
}

/// A place in the queue and then among those who run. Dropped, it is another's.
pub(crate) struct Turn {
    room: Room,
    number: u64,
    stands: Stands,
    comes: Option<oneshot::Receiver<()>>,
}

/// Where somebody with a turn stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// In the queue, or among those who run: the queue tells which.
    InLine,
    Aside,
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

    /// Room for a request that has so many bytes, from the moment in which it is there.
    pub(crate) fn look_at(&self, slug: &Slug, bytes: u64) -> Result<Room, Busy> {
        let mut places = self.places();
        let quotas = places.quotas;
        let held = places.held.saturating_add(bytes);
        let of = places.of.entry(slug.clone()).or_default();
        let own = of.held.saturating_add(bytes);
        // No more than there could be places for.
        if of.looked_at >= quotas.at_once_per_challenge + quotas.waiting_per_challenge {
            return Err(Busy::ChallengeWaits);
        }
        if held > HELD_BYTES || own > HELD_BYTES_PER_CHALLENGE {
            return Err(Busy::Memory);
        }
        of.looked_at += 1;
        of.held = own;
        places.held = held;
        Ok(Room {
            board: self.clone(),
            slug: slug.clone(),
            bytes,
            looked_at: true,
        })
    }
}

impl Room {
    /// A place at the end of the challenge's queue.
    pub(crate) fn enter(mut self) -> Result<Turn, Busy> {
        let (come, comes) = oneshot::channel();
        let mut places = self.board.places();
        let quotas = places.quotas;
        let (running, waiting) = (places.running, places.waiting);
        let of = places.of.entry(self.slug.clone()).or_default();
        // Who can run at once does not wait. If it steps aside then, it takes a place among those that wait after all.
        let at_once = running < quotas.at_once
            && of.running < quotas.at_once_per_challenge
            && of.waiting.is_empty()
            && of.aside < quotas.waiting_per_challenge.max(1);
        if !at_once && of.in_line() >= quotas.waiting_per_challenge as usize {
            return Err(Busy::ChallengeWaits);
        }
        if !at_once && waiting >= quotas.waiting {
            return Err(Busy::AllWait);
        }
        of.looked_at -= 1;
        self.looked_at = false;
        places.last += 1;
        let number = places.last;
        places.queue(&self.slug, number, come);
        places.go_on();
        drop(places);
        Ok(Turn {
            room: self,
            number,
            stands: Stands::InLine,
            comes: Some(comes),
        })
    }
}

impl Board {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfChallenge {
    /// All that wait.
    fn in_line(&self) -> usize {
        self.waiting.len() + self.aside as usize
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

    /// Lets others run while it waits for something that the board does not give. Its turn had come.
    pub(crate) fn steps_aside(&mut self) {
        let mut places = self.room.board.places();
        let of = places.of.entry(self.room.slug.clone()).or_default();
        of.running -= 1;
        of.aside += 1;
        places.running -= 1;
        places.waiting += 1;
        self.stands = Stands::Aside;
        places.go_on();
    }

    /// Comes back, to where it was in its challenge's queue.
    pub(crate) fn steps_back(&mut self) {
        let (come, comes) = oneshot::channel();
        let mut places = self.room.board.places();
        let of = places.of.entry(self.room.slug.clone()).or_default();
        of.aside -= 1;
        let at = of.waiting.partition_point(|(number, _)| *number < self.number);
        of.waiting.insert(at, (self.number, come));
        self.stands = Stands::InLine;
        self.comes = Some(comes);
        places.go_on();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut places = self.room.board.places();
        let of = places.of.entry(self.room.slug.clone()).or_default();
        let before = of.in_line();
        of.waiting.retain(|(number, _)| *number != self.number);
        if self.stands == Stands::Aside {
            of.aside -= 1;
        }
        if of.in_line() < before {
            places.waiting -= 1;
        } else {
            of.running -= 1;
            places.running -= 1;
        }
        places.go_on();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut places = self.board.places();
        places.held = places.held.saturating_sub(self.bytes);
        let of = places.of.entry(self.slug.clone()).or_default();
        of.held = of.held.saturating_sub(self.bytes);
        of.looked_at -= u32::from(self.looked_at);
    }
}

impl Places {
    fn queue(&mut self, slug: &Slug, number: u64, come: oneshot::Sender<()>) {
        let of = self.of.entry(slug.clone()).or_default();
        of.waiting.push_back((number, come));
        self.waiting += 1;
    }

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

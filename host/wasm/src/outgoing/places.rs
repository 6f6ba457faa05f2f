//! How many exchanges there are at the same time, of one challenge and of all.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a challenge has of the host's places, and its own.
#[derive(Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Given back when the last one who holds it is gone.
pub(crate) struct Place {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(all: Arc<Semaphore>, own: usize) -> Self {
        let own = Arc::new(Semaphore::new(own));
        Self { all, own }
    }

    /// Nobody waits: who is refused can do something else meanwhile.
    pub(crate) fn take(&self) -> Option<Arc<Place>> {
        let own = self.own.clone().try_acquire_owned().ok()?;
        let all = self.all.clone().try_acquire_owned().ok()?;
        Some(Arc::new(Place { _all: all, _own: own }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_challenge_leaves_places_to_others_and_all_together_have_a_bound() {
        let all = Arc::new(Semaphore::new(3));
        let [first, second] = [2, 2].map(|own| Places::new(all.clone(), own));
        let held = [first.take(), first.take()].map(Option::unwrap);
        assert!(first.take().is_none(), "its own are taken");
        let other = second.take().unwrap();
        assert!(second.take().is_none(), "those of all are taken");
        drop(held);
        let more = second.take().unwrap();
        assert!(second.take().is_none(), "its own are taken");
        drop((other, more));
        assert!(first.take().is_some() && first.take().is_some());
    }
}

//! Who may call when.
//!
//! Routes pass a bounded, fair queue per program and then share the host's slots. `get-weights` has slots of
//! its own, so that no flood of routes delays it. Over a data directory calls run one at a time: the queue's
//! single slot keeps all but one route away from the directory's turn, so weights wait for at most one call.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{
    CallError,
    data_dir::{DataDir, Turn},
    limits::{Limits, count},
};

/// The calls the host can run at the same time, over all programs.
#[derive(Clone)]
pub(crate) struct HostSlots {
    /// Half of the routes, so that one program cannot keep all others out.
    share: usize,
    routes: Arc<Semaphore>,
    weights: Arc<Semaphore>,
    limits: Arc<Limits>,
}

/// The queue of one program.
pub(crate) struct Queue {
    host: HostSlots,
    /// Running and waiting routes.
    places: Arc<Semaphore>,
    /// Running routes.
    running: Arc<Semaphore>,
    /// Running `get-weights`: one, a second caller waits.
    weights: Arc<Semaphore>,
    data: Option<Arc<DataDir>>,
}

/// The right to run one call; held until its store is gone.
pub(crate) struct Permit {
    /// Of the program's data directory, if it has one.
    pub(crate) turn: Option<Turn>,
    pub(crate) slots: Vec<OwnedSemaphorePermit>,
}

impl HostSlots {
    /// Slots for so many routes at a time.
    pub(crate) fn new(limits: Arc<Limits>, routes: usize) -> Self {
        Self {
            share: (routes / 2).max(1),
            routes: Arc::new(Semaphore::new(routes)),
            weights: Arc::new(Semaphore::new(count(limits.concurrent_weights))),
            limits,
        }
    }
}

impl Queue {
    pub(crate) fn new(host: HostSlots, data: Option<Arc<DataDir>>) -> Self {
        let running = if data.is_some() { 1 } else { host.share };
        let places = running + count(host.limits.queued_routes);
        Self {
            host,
            places: Arc::new(Semaphore::new(places)),
            running: Arc::new(Semaphore::new(running)),
            weights: Arc::new(Semaphore::new(1)),
            data,
        }
    }

    /// A permit for a route, at once or after at most the wait that the limits allow.
    pub(crate) async fn route(&self) -> Result<Permit, CallError> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| self.busy())?;
        self.waiting(self.host.limits.queue_wait(), async {
            let running = acquire(&self.running).await?;
            let host = acquire(&self.host.routes).await?;
            Ok(self.permit(vec![place, running, host]).await)
        })
        .await
    }

    /// A permit for `get-weights`.
    pub(crate) async fn weights(&self, patience: Duration) -> Result<Permit, CallError> {
        self.waiting(patience, async {
            let running = acquire(&self.weights).await?;
            let host = acquire(&self.host.weights).await?;
            Ok(self.permit(vec![running, host]).await)
        })
        .await
    }

    async fn permit(&self, slots: Vec<OwnedSemaphorePermit>) -> Permit {
        let turn = match &self.data {
            Some(data) => Some(data.turn().await),
            None => None,
        };
        Permit { turn, slots }
    }

    /// Nobody closes these semaphores, so an error is a wait that was too long.
    async fn waiting(
        &self,
        at_most: Duration,
        wait: impl Future<Output = Result<Permit, AcquireError>>,
    ) -> Result<Permit, CallError> {
        match tokio::time::timeout(at_most, wait).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(self.busy()),
        }
    }

    fn busy(&self) -> CallError {
        CallError::Busy {
            retry_after: self.host.limits.retry_after(),
        }
    }
}

async fn acquire(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AcquireError> {
    slots.clone().acquire_owned().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn slots(routes: usize) -> HostSlots {
        HostSlots::new(Arc::default(), routes)
    }

    fn is_busy(outcome: &Result<Permit, CallError>) -> bool {
        matches!(outcome, Err(CallError::Busy { retry_after }) if *retry_after == Limits::default().retry_after())
    }

    #[tokio::test]
    async fn few_weights_are_asked_for_at_once_and_routes_do_not_count() {
        let host = slots(2);
        let queue = || Queue::new(host.clone(), None);
        let routes = [queue().route().await.unwrap(), queue().route().await.unwrap()];
        let mut weights = Vec::new();
        for _ in 0..Limits::default().concurrent_weights {
            weights.push(queue().weights(SOON).await.unwrap());
        }
        assert!(is_busy(&queue().weights(SOON).await));
        weights.pop();
        assert!(queue().weights(SOON).await.is_ok());
        drop(routes);
    }

    #[tokio::test]
    async fn one_program_leaves_half_of_the_host_to_others() {
        let host = slots(4);
        let (greedy, other) = (Queue::new(host.clone(), None), Queue::new(host, None));
        let _running = [greedy.route().await.unwrap(), greedy.route().await.unwrap()];
        assert!(
            tokio::time::timeout(SOON, greedy.route()).await.is_err(),
            "it waits"
        );
        assert!(other.route().await.is_ok());
    }
}

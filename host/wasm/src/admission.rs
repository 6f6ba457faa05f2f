//! Who may call when.
//!
//! Routes pass a bounded, fair queue per program and then share the host's slots. `get-weights` has slots of
//! its own, so that no flood of routes delays it. Over a data directory calls run one at a time: the queue's
//! single slot keeps all but one route away from the directory's turn, so weights wait for at most one call.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    CallError,
    data_dir::{DataDir, Turn},
    limits::{MAX_QUEUED_ROUTES, QUEUE_WAIT, RETRY_AFTER, WEIGHTS_SLOTS},
};

/// The calls the host can run at the same time, over all programs.
#[derive(Clone)]
pub(crate) struct HostSlots {
    /// Half of the routes, so that one program cannot keep all others out.
    share: usize,
    routes: Arc<Semaphore>,
    weights: Arc<Semaphore>,
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
    pub(crate) fn new(routes: u32) -> Self {
        Self {
            share: (routes as usize / 2).max(1),
            routes: Arc::new(Semaphore::new(routes as usize)),
            weights: Arc::new(Semaphore::new(WEIGHTS_SLOTS)),
        }
    }
}

impl Queue {
    pub(crate) fn new(host: HostSlots, data: Option<Arc<DataDir>>) -> Self {
        let running = if data.is_some() { 1 } else { host.share };
        Self {
            host,
            places: Arc::new(Semaphore::new(running + MAX_QUEUED_ROUTES)),
            running: Arc::new(Semaphore::new(running)),
            weights: Arc::new(Semaphore::new(1)),
            data,
        }
    }

    /// A permit for a route, at once or after at most [`QUEUE_WAIT`].
    pub(crate) async fn route(&self) -> Result<Permit, CallError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        waiting(QUEUE_WAIT, async {
            let running = acquire(&self.running).await?;
            let host = acquire(&self.host.routes).await?;
            Ok(self.permit(vec![place, running, host]).await)
        })
        .await
    }

    /// A permit for `get-weights`.
    pub(crate) async fn weights(&self, patience: Duration) -> Result<Permit, CallError> {
        waiting(patience, async {
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
}

async fn waiting<T>(
    at_most: Duration,
    wait: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::time::timeout(at_most, wait)
        .await
        .unwrap_or_else(|_| Err(busy()))
}

async fn acquire(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, CallError> {
    // Nobody closes these semaphores.
    slots.clone().acquire_owned().await.map_err(|_| busy())
}

pub(crate) fn busy() -> CallError {
    CallError::Busy {
        retry_after: RETRY_AFTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn is_busy(outcome: &Result<Permit, CallError>) -> bool {
        matches!(outcome, Err(CallError::Busy { retry_after }) if *retry_after == RETRY_AFTER)
    }

    #[tokio::test]
    async fn few_weights_are_asked_for_at_once_and_routes_do_not_count() {
        let host = HostSlots::new(2);
        let queue = || Queue::new(host.clone(), None);
        let routes = [queue().route().await.unwrap(), queue().route().await.unwrap()];
        let mut weights = Vec::new();
        for _ in 0..WEIGHTS_SLOTS {
            weights.push(queue().weights(SOON).await.unwrap());
        }
        assert!(is_busy(&queue().weights(SOON).await));
        weights.pop();
        assert!(queue().weights(SOON).await.is_ok());
        drop(routes);
    }

    #[tokio::test]
    async fn one_program_leaves_half_of_the_host_to_others() {
        let host = HostSlots::new(4);
        let (greedy, other) = (Queue::new(host.clone(), None), Queue::new(host, None));
        let _running = [greedy.route().await.unwrap(), greedy.route().await.unwrap()];
        assert!(
            tokio::time::timeout(SOON, greedy.route()).await.is_err(),
            "it waits"
        );
        assert!(other.route().await.is_ok());
    }
}

//! Who may call when.
//!
//! Routes pass a bounded, fair queue per program and then share the host's slots; those that wait are also bounded
//! over all programs. `get-weights` has slots of its own, so that no flood of routes delays it. Over a data
//! directory calls run one at a time: the queue's single slot keeps all but one route away from the directory's
//! turn, so weights wait for at most one call.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{
    CallError,
    data_dir::{DataDir, Turn},
    limits::{Limits, count},
};

/// The calls the host can run at the same time, over all programs of a class of slots.
#[derive(Clone)]
pub(crate) struct HostSlots {
    /// Half of the routes, so that one program cannot keep all others out.
    share: usize,
    routes: Arc<Semaphore>,
    weights: Arc<Semaphore>,
    waiting: WaitingRoom,
    limits: Arc<Limits>,
}

/// The routes that may wait for a turn, over all programs of every class.
#[derive(Clone)]
pub(crate) struct WaitingRoom(Arc<Semaphore>);

/// The queue of one program.
pub(crate) struct Queue {
    host: HostSlots,
    /// Waiting routes.
    waiting: Arc<Semaphore>,
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
    pub(crate) slots: [OwnedSemaphorePermit; 2],
}

impl WaitingRoom {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Semaphore::new(count(limits.queued_total))))
    }
}

impl HostSlots {
    /// Slots for so many routes at a time.
    pub(crate) fn new(limits: Arc<Limits>, waiting: WaitingRoom, routes: usize) -> Self {
        Self {
            share: (routes / 2).max(1),
            routes: Arc::new(Semaphore::new(routes)),
            weights: Arc::new(Semaphore::new(count(limits.concurrent_weights))),
            waiting,
            limits,
        }
    }
}

impl Queue {
    pub(crate) fn new(host: HostSlots, data: Option<Arc<DataDir>>) -> Self {
        let running = if data.is_some() { 1 } else { host.share };
        Self {
            waiting: Arc::new(Semaphore::new(count(host.limits.queued_routes))),
            host,
            running: Arc::new(Semaphore::new(running)),
            weights: Arc::new(Semaphore::new(1)),
            data,
        }
    }

    /// A permit for a route, at once or after at most the wait that the limits allow.
    pub(crate) async fn route(&self) -> Result<Permit, CallError> {
        if let Some(permit) = self.route_at_once() {
            return Ok(permit);
        }
        let place = |room: &Arc<Semaphore>| room.clone().try_acquire_owned().map_err(|_| self.busy());
        // Until there is a permit, not until the call has ended.
        let _places = [place(&self.waiting)?, place(&self.host.waiting.0)?];
        self.waiting(self.host.limits.queue_wait(), async {
            let running = acquire(&self.running).await?;
            let host = acquire(&self.host.routes).await?;
            Ok(self.permit([running, host]).await)
        })
        .await
    }

    /// Slots that nobody waits for: those go to whoever has waited longest, never to a newcomer.
    fn route_at_once(&self) -> Option<Permit> {
        let running = self.running.clone().try_acquire_owned().ok()?;
        let host = self.host.routes.clone().try_acquire_owned().ok()?;
        let turn = match &self.data {
            Some(data) => Some(data.turn_at_once()?),
            None => None,
        };
        let slots = [running, host];
        Some(Permit { turn, slots })
    }

    /// A permit for `get-weights`. Who has to wait for a call of its own challenge holds no slot of the host
    /// meanwhile: a few challenges whose routes take long would keep all others from being asked.
    pub(crate) async fn weights(&self, patience: Duration) -> Result<Permit, CallError> {
        self.waiting(patience, async {
            let running = acquire(&self.weights).await?;
            let mut host = acquire(&self.host.weights).await?;
            let turn = match &self.data {
                None => None,
                Some(data) => match data.turn_at_once() {
                    Some(turn) => Some(turn),
                    None => {
                        drop(host);
                        let turn = data.turn().await;
                        host = acquire(&self.host.weights).await?;
                        Some(turn)
                    }
                },
            };
            let slots = [running, host];
            Ok(Permit { turn, slots })
        })
        .await
    }

    async fn permit(&self, slots: [OwnedSemaphorePermit; 2]) -> Permit {
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
    use crate::data_dir::DataDirs;

    const SOON: Duration = Duration::from_millis(1);

    fn slots(routes: usize) -> HostSlots {
        HostSlots::new(Arc::default(), WaitingRoom::new(&Limits::default()), routes)
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
    async fn weights_that_wait_for_their_own_challenge_do_not_keep_others_waiting() {
        let root = tempfile::tempdir().unwrap();
        let dirs = DataDirs::default();
        let open = |name| dirs.open(&root.path().join(name)).unwrap();
        let (host, some) = (slots(8), Limits::default().concurrent_weights);
        let queues: Vec<_> = (0..some)
            .map(|n| Queue::new(host.clone(), Some(open(n.to_string()))))
            .collect();
        let mut routes = Vec::new();
        for queue in &queues {
            routes.push(queue.route().await.unwrap());
        }
        let patience = Duration::from_secs(3600);
        let waiting = futures_util::future::join_all(queues.iter().map(|queue| queue.weights(patience)));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(SOON, &mut waiting).await.is_err());
        let other = Queue::new(host, None);
        assert!(other.weights(SOON).await.is_ok());
        drop(routes);
        assert!(waiting.await.iter().all(Result::is_ok));
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

    #[tokio::test]
    async fn all_programs_together_keep_a_bounded_number_of_routes_waiting() {
        let limits = Arc::new(Limits {
            queued_routes: 2,
            queued_total: 3,
            ..Limits::default()
        });
        let host = HostSlots::new(limits.clone(), WaitingRoom::new(&limits), 1);
        let queues = [0; 3].map(|_| Queue::new(host.clone(), None));
        let _running = queues[0].route().await.unwrap();
        let mut waiting: Vec<_> = Vec::new();
        for queue in [&queues[0], &queues[0], &queues[1]] {
            let mut wait = Box::pin(queue.route());
            assert!(tokio::time::timeout(SOON, &mut wait).await.is_err(), "it waits");
            waiting.push(wait);
        }
        for queue in &queues {
            assert!(is_busy(&queue.route().await));
        }
        drop(waiting.pop());
        assert!(
            tokio::time::timeout(SOON, queues[2].route()).await.is_err(),
            "it waits"
        );
        assert!(is_busy(&queues[0].route().await), "its own places are taken");
    }

    #[tokio::test]
    async fn a_newcomer_does_not_overtake_who_waits() {
        let queue = Queue::new(slots(1), None);
        let running = queue.route().await.unwrap();
        let mut first = Box::pin(queue.route());
        assert!(tokio::time::timeout(SOON, &mut first).await.is_err(), "it waits");
        drop(running);
        assert!(
            tokio::time::timeout(SOON, queue.route()).await.is_err(),
            "the slot is the other's"
        );
        assert!(first.await.is_ok());
    }
}

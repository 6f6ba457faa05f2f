//! Where a job runs: on the host's own engine or, with GPUs, on a GPU server, on which it has them leased from before its container
//! is made until that is known to be gone.

use std::{future::pending, time::Duration};

use platform_docker::{Engine, EngineError, Gpu};
use platform_domain::{GpuLease, Placement, with_causes};
use platform_fleet::LOST_AFTER;
use tokio::time::{Instant, sleep};

use crate::jobs::Inner;

/// How often it is looked whether the server of a job that runs is there. Its engine tells it from memory.
const SERVER_LOOK: Duration = Duration::from_secs(5);

pub(crate) struct Spot {
    pub(crate) engine: Engine,
    /// `None`: the host's own engine, without GPUs.
    pub(crate) lease: Option<GpuLease>,
}

impl Spot {
    pub(crate) fn placement(&self) -> Option<Placement> {
        self.lease.as_ref().map(|lease| Placement {
            server: lease.server.clone(),
            devices: lease.devices.clone(),
        })
    }

    /// By their numbers: those of the lease and no others.
    pub(crate) fn gpus(&self) -> Option<Gpu> {
        let lease = self.lease.as_ref()?;
        Some(Gpu::Ids(lease.devices.iter().map(ToString::to_string).collect()))
    }

    /// Ends when the server of a job that runs has been out of reach for too long. Whoever waits for the end of a container would
    /// not hear of that.
    pub(crate) async fn is_lost(&self, inner: &Inner, container: &str) {
        let Some(lease) = &self.lease else {
            return pending().await;
        };
        let mut silent: Option<Instant> = None;
        loop {
            sleep(SERVER_LOOK).await;
            let seen = self.engine.inspect(container).await;
            match seen {
                Err(error) if is_absence(&error) => {
                    if silent.get_or_insert_with(Instant::now).elapsed() >= LOST_AFTER {
                        return;
                    }
                }
                // Somebody else may have thought that it was lost.
                Ok(_) => {
                    silent = None;
                    if let Err(error) = inner.engines.seen_running(&lease.id).await {
                        tracing::warn!(error = %with_causes(&error), "That a job runs could not be written down");
                    }
                }
                Err(_) => silent = None,
            }
        }
    }

    /// Its container is gone, or never was.
    pub(crate) async fn give_back(&self, inner: &Inner) {
        if let Some(lease) = &self.lease {
            give_back(inner, lease).await;
        }
    }

    /// Nobody knows whether its container is gone. Sweeps go on from here; what is leased stays leased until then.
    pub(crate) async fn leave(&self, inner: &Inner, container: String, error: &EngineError) {
        match &self.lease {
            None => inner.leave(container),
            Some(lease) if is_absence(error) => {
                if let Err(error) = inner.engines.tell_lost(&lease.server).await {
                    tracing::error!(error = %with_causes(&error), "The loss of a server cannot be written down");
                }
            }
            Some(_) => {}
        }
    }
}

/// Whether the engine cannot be spoken to.
pub(crate) const fn is_absence(error: &EngineError) -> bool {
    matches!(error, EngineError::Absent { .. } | EngineError::Timeout(_))
}

/// What cannot be written down is given back by the next sweep.
pub(crate) async fn give_back(inner: &Inner, lease: &GpuLease) {
    if let Err(error) = inner.engines.release(&lease.id).await {
        tracing::error!(error = %with_causes(&error), "GPUs of a job could not be given back");
    }
    inner.gpus_freed.notify_waiters();
}

//! Where a job runs: on the host's own engine or, with GPUs, on a GPU server, on which it has them leased from before its container
//! is made until that is known to be gone.

use std::{future::pending, time::Duration};

use platform_docker::{Engine, EngineError, Gpu};
use platform_domain::{GpuLease, GpuRequest, NoPlace, Placement, with_causes};
use platform_fleet::{FleetError, LOST_AFTER};
use platform_store::{Connection, jobs, jobs::JobEnd};
use tokio::time::{Instant, sleep};

use crate::{
    board::Turn,
    drive::{Work, failed},
    jobs::Inner,
    limits::REASON_CHARS,
};

/// How often it is looked whether there are GPUs for a job that waits for them. Those that other jobs give back are told at once.
const GPU_LOOK: Duration = Duration::from_secs(10);
/// How often it is looked whether the server of a job that runs is there. Its engine tells it from memory.
const SERVER_LOOK: Duration = Duration::from_secs(5);

pub(crate) struct Spot {
    pub(crate) engine: Engine,
    /// `None`: the host's own engine, without GPUs.
    pub(crate) lease: Option<GpuLease>,
}

impl Work {
    /// Waits for its turn and, if it wants GPUs, for these; or gives its end.
    pub(crate) async fn spot(&self, inner: &Inner, turn: &mut Turn) -> Result<Spot, JobEnd> {
        turn.comes().await;
        let end = |error: &FleetError| failed(&self.judged, error);
        let Some(wanted) = &self.judged.gpus else {
            let engine = inner.engines.local().cloned().map_err(|error| end(&error))?;
            return Ok(Spot { engine, lease: None });
        };
        let slug = &self.judged.container.slug;
        let (begun, mut told) = (Instant::now(), String::new());
        loop {
            // From here on a lease that is given back is noticed.
            let freed = inner.gpus_freed.notified();
            let none = match inner.engines.lease_for_job(slug, &self.id, wanted).await {
                Ok(lease) => return self.leased(inner, lease).await,
                Err(FleetError::NoPlace(none)) => none,
                Err(error) => return Err(end(&error)),
            };
            let left = inner.config.quotas.gpu_wait.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(given_up(self, wanted, &none, begun.elapsed()));
            }
            self.tell(inner, &mut told, &none).await;
            turn.steps_aside();
            tokio::select! {
                () = freed => {}
                () = sleep(GPU_LOOK.min(left)) => {}
            }
            turn.steps_back();
            turn.comes().await;
        }
    }

    async fn leased(&self, inner: &Inner, lease: GpuLease) -> Result<Spot, JobEnd> {
        match inner.engines.of(&lease.server).await {
            Ok(engine) => Ok(Spot {
                engine,
                lease: Some(lease),
            }),
            Err(error) => {
                // Nothing was made yet.
                give_back(inner, &lease).await;
                Err(failed(&self.judged, &error))
            }
        }
    }

    /// What it waits for, for the operator, when that is something else than before.
    async fn tell(&self, inner: &Inner, told: &mut String, none: &NoPlace) {
        let reason: String = none.to_string().chars().take(REASON_CHARS).collect();
        if reason == *told {
            return;
        }
        told.clone_from(&reason);
        let id = self.id.clone();
        let write = move |connection: &Connection| jobs::waits(connection, &id, &reason);
        if let Err(error) = inner.store.write("job_waits", write).await {
            tracing::error!(error = %with_causes(&error), "What a job waits for could not be written down");
        }
    }
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
                if let Err(error) = inner.engines.tell_lost(&lease.server, true).await {
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
async fn give_back(inner: &Inner, lease: &GpuLease) {
    if let Err(error) = inner.engines.release(&lease.id).await {
        tracing::error!(error = %with_causes(&error), "GPUs of a job could not be given back");
    }
    inner.gpus_freed.notify_waiters();
}

/// The operator reads why each server did not fit, the challenge what it can do something about.
fn given_up(work: &Work, wanted: &GpuRequest, none: &NoPlace, waited: Duration) -> JobEnd {
    let (container, seconds) = (&work.judged.container, waited.as_secs());
    tracing::warn!(challenge.slug = %container.slug, job.id = %work.id, error = %none, seconds, "A job has waited for GPUs too long");
    let count = wanted.count();
    JobEnd::Failed(format!(
        "gpu_capacity_insufficient: {count} of the GPUs that are asked for were not free within {seconds} seconds"
    ))
}

//! How a job comes to where it runs: its turn, and for one with GPUs a server that has room. One that finds none steps aside, so that
//! it keeps nobody waiting who wants no GPU.

use std::time::Duration;

use platform_domain::{GpuLease, GpuRequest, NoPlace, with_causes};
use platform_fleet::FleetError;
use platform_store::{Connection, jobs, jobs::JobEnd};
use tokio::time::{Instant, sleep};

use crate::{
    board::Turn,
    drive::{Work, failed},
    jobs::Inner,
    limits::REASON_CHARS,
    spot::{Spot, give_back},
};

/// How often it is looked whether there are GPUs for a job that waits for them. Those that other jobs give back are told at once.
const GPU_LOOK: Duration = Duration::from_secs(10);

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

/// The operator reads why each server did not fit, the challenge what it can do something about.
fn given_up(work: &Work, wanted: &GpuRequest, none: &NoPlace, waited: Duration) -> JobEnd {
    let (container, seconds) = (&work.judged.container, waited.as_secs());
    tracing::warn!(challenge.slug = %container.slug, job.id = %work.id, error = %none, seconds, "A job has waited for GPUs too long");
    let count = wanted.count();
    JobEnd::Failed(format!(
        "gpu_capacity_insufficient: {count} of the GPUs that are asked for were not free within {seconds} seconds"
    ))
}

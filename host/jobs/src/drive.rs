//! One job, from its place in the queue to its end.

use platform_docker::{Engine, EngineError, Image, JobInput, JobOutcome, JobSpec, Outside, Owner, PullAs};
use platform_domain::{ImageRef, JobId, with_causes};
use platform_fleet::FleetError;
use platform_store::{
    Connection,
    jobs::{self, JobEnd, JobExit, JobOutputs},
};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::{
    board::Turn,
    jobs::{Inner, now},
    judge::Judged,
    limits::{LOOK, LOOKS, REASON_CHARS},
    names::network_name,
    spot::Spot,
};

/// A job that was written down.
pub(crate) struct Work {
    pub(crate) id: JobId,
    pub(crate) image: ImageRef,
    pub(crate) inputs: Vec<JobInput>,
    pub(crate) judged: Judged,
}

impl Work {
    /// Until its end is written down, and nothing of it is left.
    pub(crate) async fn drive(self, inner: &Inner, mut turn: Turn, cancel: &CancellationToken) {
        let id = self.id.clone();
        let end = tokio::select! {
            biased;
            () = cancel.cancelled() => JobEnd::Cancelled,
            () = inner.closing.cancelled() => JobEnd::Lost,
            spot = self.spot(inner, &mut turn) => match spot {
                Ok(spot) => Box::pin(self.run(inner, spot, cancel)).await,
                Err(end) => end,
            },
        };
        tracing::debug!(job.id = %id, end = end_word(&end), "A job has ended");
        let write = move |connection: &Connection| jobs::end(connection, &id, &end, now());
        if let Err(error) = inner.store.write("job_end", write).await {
            // The next sweep writes down that it was lost.
            tracing::error!(error = %with_causes(&error), "The end of a job could not be written down");
        }
        drop(turn);
    }

    /// Whatever becomes of it, its GPUs are given back when nothing of it is left there, and not before.
    async fn run(self, inner: &Inner, spot: Spot, cancel: &CancellationToken) -> JobEnd {
        let (owner, name) = (
            self.judged.container.owner.clone(),
            self.judged.container.name.clone(),
        );
        let has_network = self.judged.container.network.is_some();
        if let Err(end) = self.begin(inner, &spot).await {
            spot.give_back(inner).await;
            return end;
        }
        let end = tokio::select! {
            biased;
            end = self.on(inner, &spot) => end,
            () = cancel.cancelled() => JobEnd::Cancelled,
            () = inner.cut.cancelled() => JobEnd::Lost,
            () = spot.is_lost(inner, &name) => JobEnd::Lost,
        };
        // Nothing is left of one that ended by itself and had no network; otherwise the removal is waited for here.
        let has_ended = matches!(end, JobEnd::Done(..));
        if has_ended && !has_network {
            spot.give_back(inner).await;
            return end;
        }
        match remove(&spot.engine, &owner, &name).await {
            Ok(()) => {
                spot.give_back(inner).await;
                end
            }
            Err(error) => {
                tracing::warn!(container = name, error = %with_causes(&error), "What a job left behind will be removed later");
                spot.leave(inner, name, &error).await;
                match (end, &spot.lease) {
                    // Asked for again it might run elsewhere, while it still runs there.
                    (JobEnd::Failed(_), Some(_)) => JobEnd::Lost,
                    (end, _) => end,
                }
            }
        }
    }

    /// Writes down that its turn has come, or gives its end.
    async fn begin(&self, inner: &Inner, spot: &Spot) -> Result<(), JobEnd> {
        let (id, gpus) = (self.id.clone(), spot.placement());
        let start = move |connection: &Connection| jobs::start(connection, &id, gpus.as_ref(), now());
        match inner.store.write("job_start", start).await {
            Ok(true) => Ok(()),
            // Its challenge was deleted.
            Ok(false) => Err(JobEnd::Cancelled),
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "The start of a job could not be written down");
                Err(JobEnd::Failed("the host failed".to_owned()))
            }
        }
    }

    async fn on(self, inner: &Inner, spot: &Spot) -> JobEnd {
        let Self {
            id,
            image,
            inputs,
            mut judged,
        } = self;
        judged.container.gpus = spot.gpus();
        let engine = &spot.engine;
        let done = async {
            // A sweep that found this job's container before this attempt was there would take the new one.
            let mut removing = inner.removing.subscribe();
            drop(removing.wait_for(|removing| removing.as_ref() != Some(&id)).await);
            // Of an attempt before this one, or of a host that was killed.
            remove(engine, &judged.container.owner, &judged.container.name).await?;
            let image = fetched(inner, spot, &image).await?;
            if let Some(network) = &judged.container.network {
                let (owner, slug) = (&judged.container.owner, &judged.container.slug);
                engine.ensure_network(owner, slug, network, Outside::Open).await?;
            }
            let spec = JobSpec {
                container: judged.container.clone(),
                inputs,
                deadline: judged.timeout,
            };
            Ok(engine.run_job(spec, &image).await?)
        };
        match done.await {
            Ok(outcome) => {
                let JobOutcome {
                    exit_code,
                    timed_out,
                    oom,
                    stdout,
                    stderr,
                } = outcome;
                let exit = JobExit {
                    code: exit_code,
                    timed_out,
                    oom,
                };
                JobEnd::Done(exit, JobOutputs { stdout, stderr })
            }
            Err(error) => failed(&judged, &error),
        }
    }
}

/// What the engine has, and what it fetches where it has nothing, as the registry's user.
async fn fetched(inner: &Inner, spot: &Spot, image: &ImageRef) -> Result<Image, FleetError> {
    let pull_as = async {
        tracing::info!(image = %image, "The image of a job is fetched");
        let registry = image.repository().split('/').next().unwrap_or_default();
        let (name, password) = inner.registries.user(registry).await?;
        Some(PullAs::User { name, password })
    };
    let server = spot.lease.as_ref().map(|lease| &lease.server);
    inner.engines.fetch(server, &spot.engine, image, pull_as).await
}

/// The container of a job with what it needs to be made, its volumes and its network. When this returns `Ok` they are gone: a job that
/// is dropped is removed by its engine's client at the same time, and an engine says yes to the second who asks before it is done.
pub(crate) async fn remove(engine: &Engine, owner: &Owner, container: &str) -> Result<(), EngineError> {
    engine.remove(owner, &format!("{container}.helper")).await?;
    let mut looks = interval(LOOK);
    for _ in 0..LOOKS {
        looks.tick().await;
        let removed = engine.remove(owner, container).await;
        match (removed, engine.inspect(container).await) {
            (Ok(()), Err(EngineError::NotFound(_))) => {
                return engine.remove_network(owner, &network_name(container)).await;
            }
            // Not gone yet, or gone before its volumes.
            (Ok(()) | Err(EngineError::InUse(_)), Ok(_) | Err(EngineError::NotFound(_))) => {}
            (Err(error), _) | (Ok(()), Err(error)) => return Err(error),
        }
    }
    Err(EngineError::InUse(container.to_owned()))
}

/// The operator reads all of it, the challenge what it can do something about.
pub(crate) fn failed(judged: &Judged, error: &FleetError) -> JobEnd {
    let container = &judged.container;
    tracing::warn!(challenge.slug = %container.slug, container = container.name, error = %with_causes(error), "A job could not be run");
    let told = match error {
        FleetError::NoEngine => "this host runs no containers".to_owned(),
        FleetError::Engine(
            error @ (EngineError::ImageMissing(_)
            | EngineError::ImageRefused(_)
            | EngineError::WrongArchitecture { .. }
            | EngineError::Spec(_)
            | EngineError::Archive(_)
            | EngineError::DiskFull),
        ) => with_causes(error),
        FleetError::Engine(EngineError::NoGpu(_)) => {
            "the GPU server could not give its container the GPUs; the operator's log says why".to_owned()
        }
        FleetError::Engine(EngineError::Engine { status: 400, message }) => {
            format!("the container could not be started: {message}")
        }
        _ => "the engine failed; the operator's log says how".to_owned(),
    };
    JobEnd::Failed(told.chars().take(REASON_CHARS).collect())
}

const fn end_word(end: &JobEnd) -> &'static str {
    match end {
        JobEnd::Done(..) => "done",
        JobEnd::Failed(_) => "failed",
        JobEnd::Cancelled => "cancelled",
        JobEnd::Lost => "lost",
    }
}

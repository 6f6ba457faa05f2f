//! What nobody waits for any more: jobs of a host that was killed, their containers and networks, and rows that are old enough. And
//! how all of it ends when the host does.

use std::collections::BTreeSet;

use platform_docker::Kind;
use platform_domain::{JobId, Status, with_causes};
use platform_fleet::FleetError;
use platform_store::{
    Connection, challenges,
    jobs::{self, JobEnd, Retention},
};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    JobError, Jobs,
    drive::remove,
    jobs::now,
    limits::{CUT, JOB_GRACE, KEPT, KEPT_PER_CHALLENGE, SWEEP},
    names::PREFIX,
};

/// What one sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Jobs that were under way when the host was killed.
    pub lost: Vec<JobId>,
    /// Containers of jobs that nobody waits for.
    pub containers: Vec<String>,
    /// Jobs that were forgotten.
    pub forgotten: usize,
}

impl Jobs {
    /// Looks for what was left behind: at the start, before anything is handed in, and from time to time. May be called at any
    /// moment; what is under way in this process is left alone. When the engine cannot be reached, what is written down is right
    /// nevertheless, and the rest is done the next time.
    pub async fn reap(&self) -> Result<Swept, JobError> {
        let inner = &self.0;
        let _alone = inner.sweeping.lock().await;
        let mut swept = Swept::default();
        let rows = inner.store.read("job_under_way", jobs::under_way).await?;
        for row in rows.into_iter().filter(|row| !inner.is_live(&row.id)) {
            let id = row.id.clone();
            let end = move |connection: &Connection| jobs::end(connection, &id, &JobEnd::Lost, now());
            if inner.store.write("job_lost", end).await? {
                if row.gpu_count.is_none() {
                    inner.leave(self.container_name(&row.slug, &row.id));
                }
                swept.lost.push(row.id);
            }
        }
        // Of challenges that were deleted, or that their operator took down.
        for id in inner.all_written() {
            let key = id.clone();
            let read = move |connection: &Connection| match jobs::get(connection, &key)? {
                Some(row) => challenges::get(connection, &row.slug),
                None => Ok(None),
            };
            let challenge = inner.store.read("job_get", read).await?;
            if challenge.is_none_or(|challenge| challenge.status != Status::Active) {
                inner.let_go(&id);
            }
        }
        let keep = Retention {
            per_challenge: KEPT_PER_CHALLENGE,
            seconds: KEPT.as_secs(),
        };
        let forget = move |connection: &Connection| jobs::forget(connection, keep, now());
        swept.forgotten = inner.store.write("job_forget", forget).await?;
        for tidied in [
            self.tidy(&mut swept.containers).await,
            self.tidy_servers(&mut swept.containers).await,
        ] {
            match tidied {
                Ok(()) | Err(FleetError::NoEngine) => {}
                Err(error) => {
                    tracing::warn!(error = %with_causes(&error), "What jobs left on an engine will be removed later");
                }
            }
        }
        Ok(swept)
    }
}

impl Jobs {
    /// Removes containers that nobody waits for, and tells their names. What cannot be removed is tried again the next time.
    async fn tidy(&self, removed: &mut Vec<String>) -> Result<(), FleetError> {
        let inner = &self.0;
        let (engine, owner) = (inner.engines.local()?, &inner.config.owner);
        let listed = engine.list(owner, Kind::Job).await?;
        for name in listed.into_iter().filter(|name| name.starts_with(PREFIX)) {
            inner.leave(name);
        }
        let mut last = Ok(());
        for name in inner.take_leftovers() {
            let id = name.rsplit('-').next().and_then(|id| id.parse().ok());
            match inner.unless_live(id.as_ref(), remove(engine, owner, &name)).await {
                None => {}
                Some(Ok(())) => removed.push(name),
                Some(Err(error)) => {
                    inner.leave(name);
                    last = Err(error.into());
                }
            }
        }
        last
    }

    /// The same on GPU servers, for jobs that have GPUs there: these are given back when their container is gone, however long that
    /// takes. A lease is written before a container is made, so none is there without one.
    async fn tidy_servers(&self, removed: &mut Vec<String>) -> Result<(), FleetError> {
        let (inner, owner) = (&self.0, &self.0.config.owner);
        let (mut absent, mut last) = (BTreeSet::new(), Ok(()));
        for lease in inner.engines.leases_of_jobs().await? {
            let Some(job) = lease.job.as_ref().filter(|_| !absent.contains(&lease.server)) else {
                continue;
            };
            let name = self.container_name(&lease.holder, job);
            let taken_away = async {
                let engine = inner.engines.of(&lease.server).await?;
                remove(&engine, owner, &name).await?;
                Ok::<_, FleetError>(inner.engines.release(&lease.id).await?)
            };
            match inner.unless_live(Some(job), taken_away).await {
                None => {}
                Some(Ok(())) => {
                    inner.gpus_freed.notify_waiters();
                    removed.push(name);
                }
                Some(Err(error)) => {
                    if error.is_absence() {
                        inner.engines.tell_lost(&lease.server).await?;
                    }
                    absent.insert(lease.server);
                    last = Err(error);
                }
            }
        }
        last
    }

    /// Until `stop`: sweeps at once and from time to time. Then nothing new begins, what waits is lost, what runs has a moment to
    /// end, and the rest is cut off and removed.
    pub async fn keep(&self, stop: CancellationToken) {
        let mut ticks = interval(SWEEP);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            match self.reap().await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(Swept {
                    lost,
                    containers,
                    forgotten,
                }) => tracing::info!(
                    lost = lost.len(),
                    containers = containers.len(),
                    forgotten,
                    "Jobs were swept"
                ),
                Err(error) => tracing::warn!(error = %with_causes(&error), "Jobs could not be swept"),
            }
        }
        self.stop().await;
    }

    /// See [`Jobs::keep`]. Takes some seconds at most.
    pub async fn stop(&self) {
        let Self(inner) = self;
        inner.closing.cancel();
        inner.tasks.close();
        if timeout(JOB_GRACE, inner.tasks.wait()).await.is_ok() {
            return;
        }
        inner.cut.cancel();
        if timeout(CUT, inner.tasks.wait()).await.is_err() {
            tracing::warn!("Some jobs could not be removed in time; the next start of the host removes them");
        }
    }
}

//! What challenges, operators and the composition root call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use platform_docker::JobOutcome;
use platform_domain::{Digest, GpuRequest, JobId, JobName, JobState, Slug, UnixSeconds};
use platform_fleet::Engines;
use platform_oci::Registries;
use platform_store::{
    Connection, Store, StoreError,
    jobs::{self, Asked, JobOutputs, JobRow, NewJob},
};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Busy, JobError, JobRequest, JobsConfig, Refused,
    board::{Board, Turn},
    drive::Work,
    judge::{Judged, judge},
    limits::{CHECKS, LISTED, RETRY},
    names,
};

/// Jobs of challenges. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Jobs(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) engines: Engines,
    /// Who fetches images.
    pub(crate) registries: Registries,
    pub(crate) config: JobsConfig,
    pub(crate) board: Board,
    /// What this process has under way. Never held across a wait.
    live: Mutex<BTreeMap<JobId, Live>>,
    /// Containers of jobs that have ended and could not be removed, by name.
    leftovers: Mutex<BTreeSet<String>>,
    /// Of archives that are unpacked to be looked at.
    checks: Semaphore,
    /// Told when a job has given back GPUs.
    pub(crate) gpus_freed: Notify,
    /// The job whose container a sweep removes just now. It does not begin before that is over.
    pub(crate) removing: watch::Sender<Option<JobId>>,
    /// One sweep at a time.
    pub(crate) sweeping: tokio::sync::Mutex<()>,
    pub(crate) tasks: TaskTracker,
    /// Nothing new begins.
    pub(crate) closing: CancellationToken,
    /// What runs is cut off.
    pub(crate) cut: CancellationToken,
}

/// A job that is under way in this process.
struct Live {
    request: Digest,
    /// Whether the database has it.
    written: bool,
    cancel: CancellationToken,
    /// Closed when it has ended.
    ended: watch::Receiver<()>,
}

/// Takes a job out of those that are under way, and tells whoever waits for it.
pub(crate) struct UnderWay {
    inner: Arc<Inner>,
    id: JobId,
    pub(crate) cancel: CancellationToken,
    _ended: watch::Sender<()>,
}

/// A job that was run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    /// What it is known by.
    pub id: JobId,
    /// What its container was called.
    pub container: String,
    /// How it ended.
    pub outcome: JobOutcome,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// It waits for its turn.
    Queued,
    /// It has a container, or is about to.
    Running,
    /// Its program ended, or its time was over.
    Done(JobOutcome),
    /// It could not be run; asked for again, it is tried again.
    Failed(String),
    /// It was cancelled.
    Cancelled,
    /// The host stopped while it was under way, or lost the server that it ran on.
    Lost,
}

impl Jobs {
    /// Nothing happens until something is asked for, or [`Jobs::keep`] runs. Images are fetched by the users of these registries.
    pub fn new(store: Store, engines: Engines, registries: Registries, config: JobsConfig) -> Self {
        Self(Arc::new(Inner {
            store,
            engines,
            registries,
            board: Board::new(config.quotas),
            config,
            live: Mutex::default(),
            leftovers: Mutex::default(),
            checks: Semaphore::new(CHECKS),
            gpus_freed: Notify::new(),
            removing: watch::Sender::new(None),
            sweeping: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
        }))
    }

    /// Runs a job to its end. Asked for again, it waits for the same job, or gives what is kept of it. Whoever does not wait any more
    /// does not end it.
    pub async fn run(&self, slug: &Slug, request: JobRequest) -> Result<JobResult, JobError> {
        let id = self.submit(slug, request).await?;
        self.ended(&id).await;
        let outcome = match self.status(slug, &id).await? {
            JobStatus::Done(outcome) => outcome,
            JobStatus::Failed(reason) => return Err(JobError::Failed(reason)),
            JobStatus::Cancelled => return Err(JobError::Cancelled),
            // The first two are what nobody wrote the end of, on a disk that was full for instance.
            JobStatus::Queued | JobStatus::Running | JobStatus::Lost => return Err(JobError::Lost),
        };
        let container = self.container_name(slug, &id);
        Ok(JobResult {
            id,
            container,
            outcome,
        })
    }

    /// Hands in a job. When this returns, it is written down and will be run when its turn comes.
    pub async fn submit(&self, slug: &Slug, request: JobRequest) -> Result<JobId, JobError> {
        let inner = &self.0;
        if inner.closing.is_cancelled() {
            return Err(JobError::Stopping);
        }
        let id = request.id(slug);
        // Before anything is waited for: whoever sends faster than it is looked at takes no more than this.
        let room = inner.board.look_at(slug, request.held_bytes()).map_err(busy)?;
        let (request, digest) = inner.check(request, |request| Ok(request.digest())).await?;
        // What is kept is given whatever has become of what is allowed, and however many wait.
        if let Some(row) = inner.row(&id).await?
            && row.state != JobState::Failed
        {
            return same(&row.request, &digest, id);
        }
        let judged = judge(&inner.config, slug, &request)?;
        if let Some(wanted) = &judged.gpus
            && let Err(none) = inner.engines.could_ever_place(wanted).await?
        {
            tracing::warn!(challenge.slug = %slug, job.id = %id, error = %none, "No GPU server could ever run a job");
            return Err(Refused::NoGpuServer.into());
        }
        let (request, ()) = inner
            .check(request, |request| {
                let checked = request.inputs.iter().try_for_each(|input| input.check());
                checked.map_err(Refused::Archive)
            })
            .await?;
        let turn = room.enter().map_err(busy)?;
        self.begin(slug, id, digest, request, judged, turn).await
    }

    /// Writes it down and lets it go its way, in a task of its own: whoever asked may go away at any moment.
    async fn begin(
        &self,
        slug: &Slug,
        id: JobId,
        digest: Digest,
        request: JobRequest,
        judged: Judged,
        turn: Turn,
    ) -> Result<JobId, JobError> {
        let under_way = match self.0.take(&id, digest) {
            Ok(under_way) => under_way,
            Err(other) => return same(&other, &digest, id),
        };
        let new = NewJob {
            slug: slug.clone(),
            job: request.job.clone(),
            task: request.task.clone(),
            request: digest,
            image: request.image.clone(),
            gpu_count: request.gpus.as_ref().map(GpuRequest::count),
        };
        let (inner, key, (tell, told)) = (self.0.clone(), id.clone(), oneshot::channel());
        self.0.tasks.spawn(async move {
            let asked = inner.ask(key.clone(), new).await;
            let is_new = matches!(asked, Ok(Asked::New));
            drop(tell.send(asked));
            if is_new {
                inner.is_written(&key);
                let work = Work {
                    id: key,
                    image: request.image,
                    inputs: request.inputs,
                    judged,
                };
                work.drive(&inner, turn, &under_way.cancel).await;
            }
            drop(under_way);
        });
        match told.await.map_err(|_| JobError::Stopping)?? {
            Asked::New => Ok(id),
            Asked::Known(row) => same(&row.request, &digest, id),
            Asked::TooMany { until } => Err(JobError::Busy {
                why: Busy::Hour,
                retry_after: Duration::from_secs(until.0.saturating_sub(now().0).max(1)),
            }),
        }
    }

    /// Where a job of this challenge stands.
    pub async fn status(&self, slug: &Slug, id: &JobId) -> Result<JobStatus, JobError> {
        let (row, outputs) = self.show(id).await?;
        if row.slug != *slug {
            return Err(JobError::NotFound);
        }
        Ok(match (row.state, row.exit) {
            (JobState::Queued, _) => JobStatus::Queued,
            (JobState::Running, _) => JobStatus::Running,
            (JobState::Failed, _) => JobStatus::Failed(row.reason.unwrap_or_default()),
            (JobState::Cancelled, _) => JobStatus::Cancelled,
            (JobState::Lost, _) | (JobState::Done, None) => JobStatus::Lost,
            (JobState::Done, Some(exit)) => {
                let JobOutputs { stdout, stderr } = outputs.unwrap_or_default();
                JobStatus::Done(JobOutcome {
                    exit_code: exit.code,
                    timed_out: exit.timed_out,
                    oom: exit.oom,
                    stdout,
                    stderr,
                })
            }
        })
    }

    /// All that is known of a job, for its operator.
    pub async fn show(&self, id: &JobId) -> Result<(JobRow, Option<JobOutputs>), JobError> {
        let id = id.clone();
        let read = move |connection: &Connection| {
            let row = jobs::get(connection, &id)?;
            Ok::<_, StoreError>((row, jobs::outputs(connection, &id)?))
        };
        let (row, outputs) = self.0.store.read("job_show", read).await?;
        Ok((row.ok_or(JobError::NotFound)?, outputs))
    }

    /// Jobs of one challenge or of all, the newest first, at most [`LISTED`].
    pub async fn list(&self, slug: Option<&Slug>) -> Result<Vec<JobRow>, JobError> {
        let slug = slug.cloned();
        let read = move |connection: &Connection| jobs::list(connection, slug.as_ref(), LISTED);
        Ok(self.0.store.read("job_list", read).await?)
    }

    /// Ends a job that is under way, of this challenge if one is named, and waits until nothing of it is left. One that has ended stays
    /// as it is: that is no error.
    pub async fn cancel(&self, slug: Option<&Slug>, id: &JobId) -> Result<(), JobError> {
        let row = self.0.row(id).await?.ok_or(JobError::NotFound)?;
        if slug.is_some_and(|slug| row.slug != *slug) {
            return Err(JobError::NotFound);
        }
        self.0.let_go(id);
        self.ended(id).await;
        Ok(())
    }

    /// Ends what is under way of a challenge, or of one of its jobs; how many that were.
    pub async fn clean_up(&self, slug: &Slug, job: Option<&JobName>) -> Result<usize, JobError> {
        let under_way = self.0.store.read("job_clean_up", jobs::under_way).await?;
        let wanted = |row: &&JobRow| row.slug == *slug && job.is_none_or(|job| row.job == *job);
        let ids: Vec<&JobId> = under_way.iter().filter(wanted).map(|row| &row.id).collect();
        for id in &ids {
            self.0.let_go(id);
        }
        for id in &ids {
            self.ended(id).await;
        }
        Ok(ids.len())
    }

    /// What the container of a job is called, or was.
    pub fn container_name(&self, slug: &Slug, id: &JobId) -> String {
        names::container_name(&self.0.config.owner, slug, id)
    }

    /// Until a job is not under way in this process.
    async fn ended(&self, id: &JobId) {
        let ended = self.0.live().get(id).map(|live| live.ended.clone());
        if let Some(mut ended) = ended {
            // Nothing is ever sent: it is closed.
            while ended.changed().await.is_ok() {}
        }
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, BTreeMap<JobId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is under way in this process.
    pub(crate) fn is_live(&self, id: &JobId) -> bool {
        self.live().contains_key(id)
    }

    /// Removes something of a job, unless that is under way. Looked at now, not when it was found: it may have begun since, and if it
    /// begins meanwhile, it waits.
    pub(crate) async fn unless_live<T>(
        &self,
        id: Option<&JobId>,
        removal: impl Future<Output = T>,
    ) -> Option<T> {
        struct Over<'a>(&'a watch::Sender<Option<JobId>>);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.send_replace(None);
            }
        }
        self.removing.send_replace(id.cloned());
        let _over = Over(&self.removing);
        match id.is_some_and(|id| self.is_live(id)) {
            true => None,
            false => Some(removal.await),
        }
    }

    fn is_written(&self, id: &JobId) {
        if let Some(live) = self.live().get_mut(id) {
            live.written = true;
        }
    }

    /// The ids of all that is and was written down: their rows are there, unless their challenges are gone.
    pub(crate) fn all_written(&self) -> Vec<JobId> {
        let live = self.live();
        let written = live.iter().filter(|(_, live)| live.written);
        written.map(|(id, _)| id.clone()).collect()
    }

    /// Nobody wants it any more.
    pub(crate) fn let_go(&self, id: &JobId) {
        if let Some(live) = self.live().get(id) {
            live.cancel.cancel();
        }
    }

    /// To be removed later.
    pub(crate) fn leave(&self, container: String) {
        let mut leftovers = self.leftovers.lock().unwrap_or_else(PoisonError::into_inner);
        leftovers.insert(container);
    }

    /// All of them, to be removed now.
    pub(crate) fn take_leftovers(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.leftovers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on it is under way, unless it is already: then with this request.
    fn take(self: &Arc<Self>, id: &JobId, request: Digest) -> Result<UnderWay, Digest> {
        let mut live = self.live();
        if let Some(live) = live.get(id) {
            return Err(live.request);
        }
        let (sender, ended) = watch::channel(());
        let cancel = CancellationToken::new();
        let one = Live {
            request,
            written: false,
            cancel: cancel.clone(),
            ended,
        };
        live.insert(id.clone(), one);
        Ok(UnderWay {
            inner: self.clone(),
            id: id.clone(),
            cancel,
            _ended: sender,
        })
    }

    async fn row(&self, id: &JobId) -> Result<Option<JobRow>, StoreError> {
        let id = id.clone();
        let read = move |connection: &Connection| jobs::get(connection, &id);
        self.store.read("job_get", read).await
    }

    async fn ask(&self, id: JobId, new: NewJob) -> Result<Asked, JobError> {
        let most = self.config.quotas.per_hour;
        let slug = new.slug.clone();
        let write = move |connection: &Connection| jobs::ask(connection, &id, &new, most, now());
        let asked = self.store.write("job_ask", write).await;
        asked.map_err(|error| match error {
            StoreError::NoSuchChallenge(_) => JobError::NoChallenge(slug),
            error => error.into(),
        })
    }

    /// What computes, on a thread for that, a few at a time.
    async fn check<T: Send + 'static>(
        &self,
        request: JobRequest,
        look: impl FnOnce(&JobRequest) -> Result<T, Refused> + Send + 'static,
    ) -> Result<(JobRequest, T), JobError> {
        // Nobody closes it.
        let _place = self.checks.acquire().await;
        let looking = tokio::task::spawn_blocking(move || {
            let seen = look(&request);
            seen.map(|seen| (request, seen))
        });
        Ok(looking.await.map_err(|_| JobError::Stopping)??)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.inner.live().remove(&self.id);
    }
}

const fn busy(why: Busy) -> JobError {
    JobError::Busy {
        why,
        retry_after: RETRY,
    }
}

/// The job, if the same was asked for.
fn same(known: &Digest, asked: &Digest, id: JobId) -> Result<JobId, JobError> {
    match known == asked {
        true => Ok(id),
        false => Err(JobError::Conflict(id)),
    }
}

pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

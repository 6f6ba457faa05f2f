//! Jobs of a test: a function runs each at once when it is handed in, and what it gives is kept.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Gpus, Job, JobError, Outcome, Status};
use crate::Environment;

type Run = dyn Fn(&Job) -> Result<Outcome, JobError> + Send + Sync;

/// What a test runs jobs with, and those that it has run.
#[derive(Clone, Default)]
pub(crate) struct Runner {
    run: Option<Arc<Run>>,
    kept: Arc<Mutex<BTreeMap<String, Kept>>>,
}

struct Kept {
    job: Job,
    gpus: Option<Gpus>,
    status: Status,
}

#[derive(Clone, Debug)]
pub(super) struct Jobs(Runner);

impl Runner {
    pub(crate) fn new(run: impl Fn(&Job) -> Result<Outcome, JobError> + Send + Sync + 'static) -> Self {
        Self {
            run: Some(Arc::new(run)),
            kept: Arc::default(),
        }
    }
}

impl Jobs {
    pub(super) fn open(environment: &Environment) -> Self {
        Self(environment.given.jobs.clone())
    }

    pub(super) fn submit(&self, job: Job) -> Result<String, JobError> {
        self.run(job, None)
    }

    /// A test has all the GPUs that there are.
    pub(super) fn submit_with_gpus(&self, job: Job, gpus: Gpus) -> Result<String, JobError> {
        match gpus.count {
            0 => Err(JobError::Refused("gpu_count is at least 1".to_owned())),
            _ => self.run(job, Some(gpus)),
        }
    }

    fn run(&self, job: Job, gpus: Option<Gpus>) -> Result<String, JobError> {
        let nobody = || JobError::Unavailable("this host runs no jobs".to_owned());
        let run = self.0.run.as_ref().ok_or_else(nobody)?;
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept
            .iter()
            .find(|(_, known)| (&known.job.id, &known.job.task) == (&job.id, &job.task));
        match known {
            Some((ticket, known)) if known.job == job && known.gpus == gpus => return Ok(ticket.clone()),
            Some(_) => return Err(JobError::Conflict),
            None => {}
        }
        let status = Status::Done(run(&job)?);
        let ticket = format!("{:032x}", kept.len());
        kept.insert(ticket.clone(), Kept { job, gpus, status });
        Ok(ticket)
    }

    pub(super) fn poll(&self, ticket: &str) -> Result<Status, JobError> {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(ticket).map(|known| known.status.clone());
        found.ok_or(JobError::NotFound)
    }

    /// What has ended stays as it is.
    pub(super) fn cancel(&self, ticket: &str) -> Result<(), JobError> {
        self.poll(ticket).map(drop)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner(…)")
    }
}

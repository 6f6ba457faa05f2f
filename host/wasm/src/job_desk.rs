//! Where components hand in work for containers. What a job is and what becomes of it is decided by whoever takes it: this crate
//! knows no engine and no database of jobs.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use platform_domain::Slug;

use crate::JobOrder;

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOutcome {
    /// What its program said.
    pub exit_code: i64,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Whether its memory was used up.
    pub out_of_memory: bool,
    /// The end of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: Vec<u8>,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobAnswer {
    /// It waits for its turn.
    Queued,
    /// It runs.
    Running,
    /// It ended.
    Done(JobOutcome),
    /// It could not be run, for this reason.
    Failed(String),
    /// Nobody wants it any more.
    Cancelled,
    /// The host stopped meanwhile.
    Lost,
}

/// Why a component does not get what it asks for. The texts are for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobRefusal {
    /// It cannot be run as it is wanted.
    Refused(String),
    /// Something else was handed in under the same names.
    Conflict,
    /// There is no room for so long.
    Busy(Duration),
    /// There is no such job of this challenge.
    NotFound,
    /// Nobody runs jobs.
    Unavailable(String),
}

/// An answer that is waited for.
pub type JobWait<'a, T> = Pin<Box<dyn Future<Output = Result<T, JobRefusal>> + Send + 'a>>;

/// Who takes jobs. The slug is that of the challenge that asks, by the host's word. A call may end while an answer is waited
/// for; then it is dropped.
pub trait JobHost: Send + Sync {
    /// Takes a job, and gives what it is asked for by.
    fn submit<'a>(&'a self, slug: &'a Slug, order: JobOrder) -> JobWait<'a, String>;
    /// Where a job of this challenge stands.
    fn poll<'a>(&'a self, slug: &'a Slug, ticket: &'a str) -> JobWait<'a, JobAnswer>;
    /// Ends a job of this challenge.
    fn cancel<'a>(&'a self, slug: &'a Slug, ticket: &'a str) -> JobWait<'a, ()>;
}

/// Whoever takes jobs, if anybody does.
#[derive(Clone, Default)]
pub struct JobDesk(Option<Arc<dyn JobHost>>);

impl JobDesk {
    /// Where this one takes them.
    pub fn of(host: impl JobHost + 'static) -> Self {
        Self(Some(Arc::new(host)))
    }

    pub(crate) fn host(&self) -> Result<Arc<dyn JobHost>, JobRefusal> {
        let nobody = || JobRefusal::Unavailable("this host runs no jobs".to_owned());
        self.0.clone().ok_or_else(nobody)
    }
}

impl fmt::Debug for JobDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "JobDesk(open)"
        } else {
            "JobDesk(closed)"
        })
    }
}

//! Work for containers, which the host runs on its own engine: for what no component can do itself. A call lasts seconds and a job
//! may last hours, so one call hands it in and later ones ask for it by its [`Ticket`], which belongs into the database.
//!
//! ```
//! use platform_guest_sdk::{jobs::{Job, Status}, prelude::*, testing::{Harness, post, get}};
//!
//! struct Judge;
//!
//! #[challenge(name = "judge")]
//! impl Judge {
//!     #[post("/submissions", signed)]
//!     fn submit(request: &Request) -> Result<(u16, String)> {
//!         let job = Job::new("judge", "registry.example/team/scorer:1", ["python", "score.py"])
//!             .task(&request.signed_caller()?.hotkey)
//!             .input("/work", request.body());
//!         Ok((202, request.environment().jobs().submit(job)?.to_string()))
//!     }
//!
//!     #[get("/submissions/{ticket}")]
//!     fn score(request: &Request) -> Result<String> {
//!         let ticket = request.param::<String>("ticket")?.into();
//!         match request.environment().jobs().poll(&ticket)? {
//!             Status::Done(outcome) if outcome.exit_code == 0 => Ok(outcome.stdout_text()),
//!             Status::Queued | Status::Running => Ok("not yet".into()),
//!             _ => Err(Error::internal("no score")),
//!         }
//!     }
//! }
//!
//! // A test says how jobs end.
//! let judge = Harness::<Judge>::new().running(|job| {
//!     assert_eq!(job.inputs[0].target, "/work");
//!     Ok(platform_guest_sdk::jobs::Outcome::printed("0.75"))
//! });
//! let ticket = judge.send(post("/submissions").caller("5Alice", None).body("a tar.gz")).text().to_owned();
//! assert_eq!(judge.send(get(&format!("/submissions/{ticket}"))).text(), "0.75");
//! // In a host without jobs.
//! assert_eq!(Harness::<Judge>::new().send(post("/submissions").caller("5Alice", None)).status(), 503);
//! ```

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

use std::fmt;

#[cfg(target_family = "wasm")]
use component as border;
#[cfg(not(target_family = "wasm"))]
use native as border;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::Runner;

use crate::{Environment, Error};

/// Where jobs are handed in. To take one costs nothing.
#[derive(Clone, Debug)]
pub struct Jobs {
    inner: border::Jobs,
}

/// What a job is asked for by. A short text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(String);

/// What is to be run. Fields that are not set have the host's usual values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What the challenge calls it. Together with `task` it makes two jobs the same one, which runs once.
    pub id: String,
    /// The part of it.
    pub task: String,
    /// `HOST/NAME[:TAG][@DIGEST]`, one that the operator allows.
    pub image: String,
    /// What is run, beginning where the image's entry point ends.
    pub command: Vec<String>,
    /// Where it is run instead of where the image says.
    pub workdir: Option<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// What it finds.
    pub inputs: Vec<Input>,
    /// Thousandths of a core.
    pub milli_cpus: Option<u32>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Whether it is to reach the world, which the operator has to grant.
    pub network: bool,
    /// How long it may run.
    pub timeout_seconds: Option<u64>,
}

/// GPUs of one server that a job is to have.
///
/// ```
/// # use platform_guest_sdk::jobs::Gpus;
/// let gpus = Gpus::new(2).kind("a100").label("zone", "eu");
/// assert_eq!(gpus.count, 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpus {
    /// How many, at least one.
    pub count: u16,
    /// All of this kind, as the operator calls it.
    pub kind: Option<String>,
    /// On a server that has all of these labels.
    pub labels: Vec<(String, String)>,
}

/// An archive that a job finds unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where: an absolute path. The job may write there.
    pub target: String,
    /// A tar archive packed with gzip, of plain files and directories.
    pub tar_gz: Vec<u8>,
}

/// How a job ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What its program said; 124 where its time was over, 137 where it was killed.
    pub exit_code: i64,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Whether its memory was used up.
    pub out_of_memory: bool,
    /// The last 64,000 bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The last 64,000 bytes of its standard error.
    pub stderr: Vec<u8>,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// It runs.
    Running,
    /// It ended by itself, or at its time-out.
    Done(Outcome),
    /// It could not be run, for this reason. Handed in again, it is tried again.
    Failed(String),
    /// It was cancelled.
    Cancelled,
    /// The host stopped meanwhile. Hand it in under another name.
    Lost,
}

/// Why a job is not taken, or not found. `?` makes what may pass a 503, so that a miner comes back, and everything else a 500 that
/// the operator reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// It cannot be run as it is wanted, for this reason.
    Refused(String),
    /// Something else was handed in under the same names.
    Conflict,
    /// There is no room for so many seconds.
    Busy(u64),
    /// There is no such job, or not any more.
    NotFound,
    /// The host runs no jobs, or not now.
    Unavailable(String),
}

impl Job {
    /// A job with the host's usual limits, without network.
    pub fn new<W: Into<String>>(
        id: impl Into<String>,
        image: impl Into<String>,
        command: impl IntoIterator<Item = W>,
    ) -> Self {
        Self {
            id: id.into(),
            task: String::new(),
            image: image.into(),
            command: command.into_iter().map(Into::into).collect(),
            workdir: None,
            env: Vec::new(),
            inputs: Vec::new(),
            milli_cpus: None,
            memory: None,
            pids: None,
            network: false,
            timeout_seconds: None,
        }
    }

    /// Of this part of the work.
    #[must_use]
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = task.into();
        self
    }

    /// With this environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// With this archive, packed with gzip, unpacked in this directory.
    #[must_use]
    pub fn input(mut self, target: impl Into<String>, tar_gz: impl Into<Vec<u8>>) -> Self {
        let (target, tar_gz) = (target.into(), tar_gz.into());
        self.inputs.push(Input { target, tar_gz });
        self
    }

    /// With at most so many seconds.
    #[must_use]
    pub const fn timeout_seconds(mut self, seconds: u64) -> Self {
        self.timeout_seconds = Some(seconds);
        self
    }
}

impl Gpus {
    /// So many, whichever.
    pub const fn new(count: u16) -> Self {
        Self {
            count,
            kind: None,
            labels: Vec::new(),
        }
    }

    /// Of this kind.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// On a server with this label.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }
}

impl Outcome {
    /// Of a program that ended well and printed this: for tests.
    pub fn printed(text: impl Into<Vec<u8>>) -> Self {
        Self {
            stdout: text.into(),
            ..Self::default()
        }
    }

    /// Its standard output as text; what is not UTF-8 is shown as such.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Jobs {
    pub(crate) fn open(environment: &Environment) -> Self {
        let inner = border::Jobs::open(environment);
        Self { inner }
    }

    /// Hands in a job. The same again gives the same ticket, and nothing runs twice.
    pub fn submit(&self, job: Job) -> Result<Ticket, JobError> {
        self.inner.submit(job).map(Ticket)
    }

    /// Hands in a job that has GPUs, on one of the host's GPU servers. The operator has to grant `gpu-jobs` beside `jobs`. While all
    /// such GPUs are in use, it is queued.
    pub fn submit_with_gpus(&self, job: Job, gpus: Gpus) -> Result<Ticket, JobError> {
        self.inner.submit_with_gpus(job, gpus).map(Ticket)
    }

    /// Where a job stands.
    pub fn poll(&self, ticket: &Ticket) -> Result<Status, JobError> {
        self.inner.poll(&ticket.0)
    }

    /// Ends a job that waits or runs; one that has ended stays as it is.
    pub fn cancel(&self, ticket: &Ticket) -> Result<(), JobError> {
        self.inner.cancel(&ticket.0)
    }
}

impl From<String> for Ticket {
    /// From the database.
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the job is refused: {reason}"),
            Self::Conflict => f.write_str("another job has the same names"),
            Self::Busy(seconds) => write!(f, "there is no room for the job; try again in {seconds} seconds"),
            Self::NotFound => f.write_str("there is no such job"),
            Self::Unavailable(reason) => write!(f, "no jobs are run: {reason}"),
        }
    }
}

impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Busy(_) | JobError::Unavailable(_) => Self::busy(error.to_string()),
            JobError::NotFound => Self::not_found(error.to_string()),
            JobError::Refused(_) | JobError::Conflict => Self::internal(error.to_string()),
        }
    }
}

impl Environment {
    /// Work for containers. Natively [`Harness::running`](crate::testing::Harness) runs it.
    pub fn jobs(&self) -> Jobs {
        Jobs::open(self)
    }
}

//! `platform:challenge/jobs`: work for containers, handed in by one call and asked for by later ones.

use std::sync::Arc;

use platform_domain::Slug;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Lower},
};

use crate::{JobAnswer, JobGpus, JobHost, JobOrder, JobOutcome, JobRefusal, state::CallState};

pub(super) const INTERFACE: &str = "platform:challenge/jobs@0.1.0";

/// `record limits`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Limits {
    #[component(name = "milli-cpus")]
    milli_cpus: Option<u32>,
    memory: Option<u64>,
    pids: Option<u32>,
}

/// `record input`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Input {
    target: String,
    #[component(name = "tar-gz")]
    tar_gz: Vec<u8>,
}

/// `record job`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Job {
    id: String,
    task: String,
    image: String,
    command: Vec<String>,
    workdir: Option<String>,
    env: Vec<(String, String)>,
    inputs: Vec<Input>,
    limits: Limits,
    network: bool,
    #[component(name = "timeout-seconds")]
    timeout_seconds: Option<u64>,
}

/// `record outcome`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Outcome {
    #[component(name = "exit-code")]
    exit_code: i64,
    #[component(name = "timed-out")]
    timed_out: bool,
    #[component(name = "out-of-memory")]
    out_of_memory: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// `variant status`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Status {
    #[component(name = "queued")]
    Queued,
    #[component(name = "running")]
    Running,
    #[component(name = "done")]
    Done(Outcome),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "cancelled")]
    Cancelled,
    #[component(name = "lost")]
    Lost,
}

/// `variant error`
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum Error {
    #[component(name = "refused")]
    Refused(String),
    #[component(name = "conflict")]
    Conflict,
    #[component(name = "busy")]
    Busy(u64),
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "unavailable")]
    Unavailable(String),
}

pub(super) type Store<'a> = StoreContextMut<'a, CallState>;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.func_wrap_async("submit", |store: Store<'_>, (job,): (Job,)| {
        let desk = desk(&store);
        Box::new(async move {
            let done = async {
                let (slug, host) = desk?;
                host.submit(&slug, job.order(None)).await
            };
            Ok((done.await.map_err(Error::from),))
        })
    })?;
    to.func_wrap_async("poll", |store: Store<'_>, (ticket,): (String,)| {
        let desk = desk(&store);
        Box::new(async move {
            let done = async {
                let (slug, host) = desk?;
                host.poll(&slug, &ticket).await
            };
            Ok((done.await.map(Status::from).map_err(Error::from),))
        })
    })?;
    to.func_wrap_async("cancel", |store: Store<'_>, (ticket,): (String,)| {
        let desk = desk(&store);
        Box::new(async move {
            let done = async {
                let (slug, host) = desk?;
                host.cancel(&slug, &ticket).await
            };
            Ok((done.await.map_err(Error::from),))
        })
    })
}

/// Whose jobs, and who takes them.
pub(super) fn desk(store: &Store<'_>) -> Result<(Slug, Arc<dyn JobHost>), JobRefusal> {
    // Linked only where there is one.
    let (slug, desk) = store.data().setup().jobs.as_ref().ok_or(JobRefusal::NotFound)?;
    Ok((slug.clone(), desk.host()?))
}

impl Job {
    pub(super) fn order(self, gpus: Option<JobGpus>) -> JobOrder {
        let Self {
            id,
            task,
            image,
            command,
            workdir,
            env,
            inputs,
            limits:
                Limits {
                    milli_cpus,
                    memory,
                    pids,
                },
            network,
            timeout_seconds,
        } = self;
        let inputs = inputs
            .into_iter()
            .map(|Input { target, tar_gz }| (target, tar_gz));
        JobOrder {
            job: id,
            task,
            image,
            command,
            workdir,
            env,
            inputs: inputs.collect(),
            milli_cpus,
            memory,
            pids,
            gpus,
            network,
            timeout_seconds,
        }
    }
}

impl From<JobAnswer> for Status {
    fn from(answer: JobAnswer) -> Self {
        match answer {
            JobAnswer::Queued => Self::Queued,
            JobAnswer::Running => Self::Running,
            JobAnswer::Done(outcome) => {
                let JobOutcome {
                    exit_code,
                    timed_out,
                    out_of_memory,
                    stdout,
                    stderr,
                } = outcome;
                Self::Done(Outcome {
                    exit_code,
                    timed_out,
                    out_of_memory,
                    stdout,
                    stderr,
                })
            }
            JobAnswer::Failed(reason) => Self::Failed(reason),
            JobAnswer::Cancelled => Self::Cancelled,
            JobAnswer::Lost => Self::Lost,
        }
    }
}

impl From<JobRefusal> for Error {
    fn from(refusal: JobRefusal) -> Self {
        match refusal {
            JobRefusal::Refused(reason) => Self::Refused(reason),
            JobRefusal::Conflict => Self::Conflict,
            JobRefusal::Busy(after) => Self::Busy(after.as_secs()),
            JobRefusal::NotFound => Self::NotFound,
            JobRefusal::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

//! The border to the host, which runs jobs. Only in Wasm.

use super::{Gpus, Input, Job, JobError, Outcome, Status};
use crate::{
    Environment,
    database::component::wit::platform::challenge::{gpu_jobs, jobs},
};

#[derive(Clone, Debug)]
pub(super) struct Jobs;

impl Jobs {
    pub(super) fn open(_: &Environment) -> Self {
        Self
    }

    pub(super) fn submit(&self, job: Job) -> Result<String, JobError> {
        Ok(jobs::submit(&job.into())?)
    }

    /// Not in the above: whoever calls that alone does not import this, and needs no grant for it.
    pub(super) fn submit_with_gpus(&self, job: Job, gpus: Gpus) -> Result<String, JobError> {
        let Gpus { count, kind, labels } = gpus;
        let gpus = gpu_jobs::Gpus { count, kind, labels };
        Ok(gpu_jobs::submit(&job.into(), &gpus)?)
    }

    pub(super) fn poll(&self, ticket: &str) -> Result<Status, JobError> {
        Ok(match jobs::poll(ticket)? {
            jobs::Status::Queued => Status::Queued,
            jobs::Status::Running => Status::Running,
            jobs::Status::Done(outcome) => {
                let jobs::Outcome {
                    exit_code,
                    timed_out,
                    out_of_memory,
                    stdout,
                    stderr,
                } = outcome;
                Status::Done(Outcome {
                    exit_code,
                    timed_out,
                    out_of_memory,
                    stdout,
                    stderr,
                })
            }
            jobs::Status::Failed(reason) => Status::Failed(reason),
            jobs::Status::Cancelled => Status::Cancelled,
            jobs::Status::Lost => Status::Lost,
        })
    }

    pub(super) fn cancel(&self, ticket: &str) -> Result<(), JobError> {
        Ok(jobs::cancel(ticket)?)
    }
}

impl From<Job> for jobs::Job {
    fn from(job: Job) -> Self {
        let Job {
            id,
            task,
            image,
            command,
            workdir,
            env,
            inputs,
            milli_cpus,
            memory,
            pids,
            network,
            timeout_seconds,
        } = job;
        let inputs = inputs
            .into_iter()
            .map(|Input { target, tar_gz }| jobs::Input { target, tar_gz });
        Self {
            id,
            task,
            image,
            command,
            workdir,
            env,
            inputs: inputs.collect(),
            limits: jobs::Limits {
                milli_cpus,
                memory,
                pids,
            },
            network,
            timeout_seconds,
        }
    }
}

impl From<jobs::Error> for JobError {
    fn from(error: jobs::Error) -> Self {
        match error {
            jobs::Error::Refused(reason) => Self::Refused(reason),
            jobs::Error::Conflict => Self::Conflict,
            jobs::Error::Busy(seconds) => Self::Busy(seconds),
            jobs::Error::NotFound => Self::NotFound,
            jobs::Error::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

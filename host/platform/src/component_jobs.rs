//! Jobs of components: from what crosses the border of a component to what runs jobs, and back.

use std::{collections::BTreeMap, time::Duration};

use platform_domain::{ByteSize, GpuRequest, Labels, Slug, with_causes};
use platform_jobs::{AskedLimits, JobError, JobInput, JobNetwork, JobRequest, JobStatus, Jobs};
use platform_wasm::{JobAnswer, JobGpus, JobHost, JobOrder, JobOutcome, JobRefusal, JobWait};
use tokio::time::timeout;

/// Takes jobs of components.
pub(crate) struct ComponentJobs(pub(crate) Jobs);

/// How long a call waits until a job that it cancels is gone: it is cancelled all the same.
const CANCEL: Duration = Duration::from_secs(1);

impl JobHost for ComponentJobs {
    fn submit<'a>(&'a self, slug: &'a Slug, order: JobOrder) -> JobWait<'a, String> {
        Box::pin(async move {
            let request = request(order).map_err(JobRefusal::Refused)?;
            let id = self.0.submit(slug, request).await.map_err(refusal)?;
            Ok(id.to_string())
        })
    }

    fn poll<'a>(&'a self, slug: &'a Slug, ticket: &'a str) -> JobWait<'a, JobAnswer> {
        Box::pin(async move {
            let id = ticket.parse().map_err(|_| JobRefusal::NotFound)?;
            let status = self.0.status(slug, &id).await.map_err(refusal)?;
            Ok(answer(status))
        })
    }

    fn cancel<'a>(&'a self, slug: &'a Slug, ticket: &'a str) -> JobWait<'a, ()> {
        Box::pin(async move {
            let id = ticket.parse().map_err(|_| JobRefusal::NotFound)?;
            match timeout(CANCEL, self.0.cancel(Some(slug), &id)).await {
                Ok(cancelled) => cancelled.map_err(refusal),
                Err(_) => Ok(()),
            }
        })
    }
}

/// Or what is wrong with it, in words.
fn request(order: JobOrder) -> Result<JobRequest, String> {
    let JobOrder {
        job,
        task,
        image,
        command,
        workdir,
        env,
        inputs,
        milli_cpus,
        memory,
        pids,
        gpus,
        network,
        timeout_seconds,
    } = order;
    let count = env.len();
    let env: BTreeMap<String, String> = env.into_iter().collect();
    if env.len() < count {
        return Err("env has a name twice".to_owned());
    }
    let input = |(target, tar_gz): (String, Vec<u8>)| {
        let target = target
            .parse()
            .map_err(|error| format!("target of an input: {error}"))?;
        Ok(JobInput { tar_gz, target })
    };
    Ok(JobRequest {
        job: job
            .parse()
            .map_err(|error: platform_domain::JobNameError| error.to_string())?,
        task: task
            .parse()
            .map_err(|error: platform_domain::JobNameError| error.to_string())?,
        image: image
            .parse()
            .map_err(|_| "unsafe Docker image reference".to_owned())?,
        command,
        workdir,
        env,
        labels: BTreeMap::new(),
        limits: AskedLimits {
            milli_cpus,
            memory: memory.map(ByteSize),
            pids,
        },
        gpus: gpus.map(gpu_request).transpose()?,
        network: match network {
            true => JobNetwork::World,
            false => JobNetwork::None,
        },
        inputs: inputs.into_iter().map(input).collect::<Result<_, String>>()?,
        timeout_seconds,
    })
}

fn gpu_request(gpus: JobGpus) -> Result<GpuRequest, String> {
    let JobGpus { count, kind, labels } = gpus;
    let kind = kind.map(|kind| {
        let parsed = kind.parse();
        parsed.map_err(|error: platform_domain::GpuKindError| format!("kind of GPUs: {error}"))
    });
    let given = labels.len();
    let labels: BTreeMap<String, String> = labels.into_iter().collect();
    if labels.len() < given {
        return Err("labels of GPUs have a name twice".to_owned());
    }
    let labels = Labels::try_from(labels).map_err(|error| format!("labels of GPUs: {error}"))?;
    GpuRequest::of(count, kind.transpose()?, labels).map_err(|error| error.to_string())
}

fn answer(status: JobStatus) -> JobAnswer {
    match status {
        JobStatus::Queued => JobAnswer::Queued,
        JobStatus::Running => JobAnswer::Running,
        JobStatus::Done(outcome) => {
            let platform_jobs::JobOutcome {
                exit_code,
                timed_out,
                oom,
                stdout,
                stderr,
            } = outcome;
            JobAnswer::Done(JobOutcome {
                exit_code,
                timed_out,
                out_of_memory: oom,
                stdout,
                stderr,
            })
        }
        JobStatus::Failed(reason) => JobAnswer::Failed(reason),
        JobStatus::Cancelled => JobAnswer::Cancelled,
        JobStatus::Lost => JobAnswer::Lost,
    }
}

fn refusal(error: JobError) -> JobRefusal {
    match &error {
        JobError::Refused(refused) => JobRefusal::Refused(with_causes(refused)),
        JobError::Busy { retry_after, .. } => JobRefusal::Busy(*retry_after),
        JobError::Conflict(_) => JobRefusal::Conflict,
        JobError::NotFound | JobError::NoChallenge(_) => JobRefusal::NotFound,
        JobError::Stopping => JobRefusal::Unavailable(error.to_string()),
        // The first three are ends of a job, of which whoever hands one in hears nothing.
        JobError::Failed(_) | JobError::Cancelled | JobError::Lost | JobError::Store(_) => {
            tracing::error!(error = %with_causes(&error), "A job of a component failed");
            JobRefusal::Unavailable("the host failed; its log says why".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_of_a_component_are_a_number_a_kind_and_labels_and_nothing_else() {
        let asked = |count, kind: Option<&str>, labels: &[(&str, &str)]| {
            let pairs = labels.iter();
            gpu_request(JobGpus {
                count,
                kind: kind.map(str::to_owned),
                labels: pairs.map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            })
        };
        let request = asked(2, Some("a100"), &[("zone", "eu")]).unwrap();
        assert_eq!((request.count(), request.server()), (2, None));
        assert_eq!(request.kind().unwrap().to_string(), "a100");
        assert_eq!(request.labels().to_string(), "zone=eu");
        for (refused, word) in [
            (asked(0, None, &[]), "gpu_count"),
            (asked(65, None, &[]), "gpu_count"),
            (asked(1, Some(""), &[]), "kind"),
            (asked(1, None, &[("a", "1"), ("a", "2")]), "twice"),
            (asked(1, None, &[("a", "1,b=2")]), "labels"),
        ] {
            assert!(refused.unwrap_err().contains(word), "{word}");
        }
    }
}

//! What a challenge asks for. Parsed; whether it is allowed is decided in `judge`.

use std::collections::BTreeMap;

use platform_docker::JobInput;
use platform_domain::{ByteSize, Digest, GpuRequest, ImageRef, JobId, JobName, Slug, TaskName};
use serde_json::json;

/// Work for a container.
#[derive(Clone, Debug)]
pub struct JobRequest {
    /// What the challenge calls it.
    pub job: JobName,
    /// And the part of it.
    pub task: TaskName,
    /// What is run.
    pub image: ImageRef,
    /// The words of the command; never none.
    pub command: Vec<String>,
    /// Where it is run instead of where the image says.
    pub workdir: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Labels. On the engine each begins with `job.`, so that none of them means something to anybody else.
    pub labels: BTreeMap<String, String>,
    /// What it may use.
    pub limits: AskedLimits,
    /// GPUs; with any it runs on a GPU server.
    pub gpus: Option<GpuRequest>,
    /// Whom it may reach.
    pub network: JobNetwork,
    /// What it finds, each in a directory of its own.
    pub inputs: Vec<JobInput>,
    /// How long it may run, in seconds; `None`: the usual time.
    pub timeout_seconds: Option<u64>,
}

/// What a job may use; `None`: the usual, or the ceiling where that is lower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedLimits {
    /// Thousandths of a core.
    pub milli_cpus: Option<u32>,
    /// Memory.
    pub memory: Option<ByteSize>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// Whom a job may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobNetwork {
    /// Nobody.
    #[default]
    None,
    /// The world, by a network of its own.
    World,
}

impl JobRequest {
    /// What it is known by.
    pub fn id(&self, slug: &Slug) -> JobId {
        JobId::of(slug, &self.job, &self.task)
    }

    /// The bytes of its archives.
    pub fn input_bytes(&self) -> usize {
        self.inputs.iter().map(|input| input.tar_gz.len()).sum()
    }

    /// The bytes that it keeps in memory.
    pub(crate) fn held_bytes(&self) -> u64 {
        let pairs = self.env.iter().chain(&self.labels);
        let pairs = pairs.map(|(name, value)| name.len() + value.len());
        let words = self.command.iter().map(String::len);
        (self.input_bytes() + pairs.chain(words).sum::<usize>()) as u64
    }

    /// Of every word of it. Reads the archives, so this computes for a while.
    pub fn digest(&self) -> Digest {
        let Self {
            job,
            task,
            image,
            command,
            workdir,
            env,
            labels,
            limits:
                AskedLimits {
                    milli_cpus,
                    memory,
                    pids,
                },
            gpus,
            network,
            inputs,
            timeout_seconds,
        } = self;
        let inputs: Vec<_> = inputs
            .iter()
            .map(|JobInput { tar_gz, target }| (target.as_str(), Digest::of(tar_gz).to_string()))
            .collect();
        // A list keeps its order, and the maps are sorted.
        let mut text = json!([
            job,
            task,
            image,
            command,
            workdir,
            env.iter().collect::<Vec<_>>(),
            labels.iter().collect::<Vec<_>>(),
            milli_cpus,
            memory.map(|memory| memory.0),
            pids,
            *network == JobNetwork::World,
            inputs,
            timeout_seconds,
        ]);
        // Only then: what was asked before there were any keeps its digest.
        if let (Some(gpus), Some(words)) = (gpus, text.as_array_mut()) {
            let kind = gpus.kind().map(ToString::to_string);
            words.push(json!([gpus.count(), kind, gpus.labels().to_string()]));
        }
        Digest::of(text.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> JobRequest {
        JobRequest {
            job: "a".parse().unwrap(),
            task: TaskName::default(),
            image: "r.io/a:1".parse().unwrap(),
            command: vec!["run".into()],
            workdir: None,
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            limits: AskedLimits::default(),
            gpus: None,
            network: JobNetwork::None,
            inputs: Vec::new(),
            timeout_seconds: None,
        }
    }

    #[test]
    fn every_word_of_a_request_counts() {
        let input = |bytes: &[u8], target: &str| JobInput {
            tar_gz: bytes.to_vec(),
            target: target.parse().unwrap(),
        };
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let gpus = |count, kind: Option<&str>, labels: &str| {
            let labels = labels.parse().unwrap();
            Some(GpuRequest::of(count, kind.map(|kind| kind.parse().unwrap()), labels).unwrap())
        };
        let mut seen = vec![request().digest()];
        for gpus in [
            gpus(1, None, ""),
            gpus(2, None, ""),
            gpus(1, Some("a100"), ""),
            gpus(1, None, "zone=eu"),
        ] {
            seen.push(JobRequest { gpus, ..request() }.digest());
        }
        let changes: [fn(&mut JobRequest); 9] = [
            |r| r.image = "r.io/a:2".parse().unwrap(),
            |r| r.command = vec!["ru".into(), "n".into()],
            |r| r.workdir = Some("/".into()),
            |r| r.limits.milli_cpus = Some(1),
            |r| r.limits.pids = Some(1),
            |r| r.limits.memory = Some(ByteSize(1)),
            |r| r.network = JobNetwork::World,
            |r| r.timeout_seconds = Some(900),
            |r| r.command.push(String::new()),
        ];
        for change in changes {
            let mut changed = request();
            change(&mut changed);
            seen.push(changed.digest());
        }
        for (env, labels, inputs) in [
            (pair("A", "B"), BTreeMap::new(), vec![]),
            (BTreeMap::new(), pair("A", "B"), vec![]),
            (BTreeMap::new(), BTreeMap::new(), vec![input(b"a", "/in")]),
            (BTreeMap::new(), BTreeMap::new(), vec![input(b"b", "/in")]),
            (BTreeMap::new(), BTreeMap::new(), vec![input(b"a", "/out")]),
        ] {
            seen.push(
                JobRequest {
                    env,
                    labels,
                    inputs,
                    ..request()
                }
                .digest(),
            );
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(request().digest(), request().digest());
    }
}

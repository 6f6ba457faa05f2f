//! Something that runs once in a container, with a deadline, and leaves nothing behind.

use std::{collections::VecDeque, fmt, time::Duration};

use bollard::query_parameters::KillContainerOptions;
use http_body_util::{BodyExt as _, Limited};
use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{
    ArchiveError, ContainerSpec, Engine, EngineError, Follow, Image, Kind, MountPoint, Output, Owner,
    SpecError, State,
    archive::{self, Member},
    clock::after,
    limits::{
        ARCHIVE_BYTES, CHANGE, CLEAN_UP, JOB_OUTPUT_BYTES, MAX_JOB, TEXT_CHARS, UNPACKED_AT_ONCE, UPLOAD,
    },
    prepare::Files,
    refusal::Subject,
    volume::Bound,
};

/// What a job's exit code is when its time was over: as `timeout` of the GNU tools and the original platform have it.
const TIMED_OUT: i64 = 124;

/// For jobs that are given something.
static UNPACKED: Semaphore = Semaphore::const_new(UNPACKED_AT_ONCE);

/// A job.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// The container; its kind is [`Kind::Job`] whatever is said there. What its command prints is the job's output.
    pub container: ContainerSpec,
    /// What it is given, each in a volume of its own.
    pub inputs: Vec<JobInput>,
    /// How long it may run, without the time until it starts.
    pub deadline: Duration,
}

/// An archive that a job finds unpacked, in a volume of its own that it may write to.
#[derive(Clone)]
pub struct JobInput {
    /// A tar archive packed with gzip, by whomever. Plain files and directories only.
    pub tar_gz: Vec<u8>,
    /// Where it is.
    pub target: MountPoint,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOutcome {
    /// What its program said; 124 where its time was over, 137 where it was killed.
    pub exit_code: i64,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Whether something in it was killed because its memory was used up.
    pub oom: bool,
    /// The last 64,000 bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The last 64,000 bytes of its standard error.
    pub stderr: Vec<u8>,
}

/// Removes what is left of a job when nobody waits for it any more.
struct CleanUp {
    engine: Engine,
    owner: Owner,
    name: String,
    armed: bool,
}

impl Engine {
    /// Runs a job to its end. Its container, and the volume with what it was given, are removed however it ends, also when this future
    /// is dropped: then by a task of the same runtime. A host that is killed meanwhile leaves them to [`Engine::reap`].
    pub async fn run_job(&self, job: JobSpec, image: &Image) -> Result<JobOutcome, EngineError> {
        let JobSpec {
            mut container,
            inputs,
            deadline,
        } = job;
        if !(Duration::from_secs(1)..=MAX_JOB).contains(&deadline) {
            return Err(SpecError::Deadline.into());
        }
        container.kind = Kind::Job;
        // Nobody closes it.
        let place = match inputs.is_empty() {
            true => None,
            false => UNPACKED.acquire().await.ok(),
        };
        // Before anything is made of it.
        let inputs = opened(&container.name, inputs).await?;
        for (volume, target, _) in &inputs {
            container.volumes.insert(volume.clone(), target.clone());
        }
        container.plan(image)?;
        let mut clean_up = CleanUp {
            engine: self.clone(),
            owner: container.owner.clone(),
            name: container.name.clone(),
            armed: false,
        };
        let until = after(deadline + UPLOAD + 4 * CHANGE);
        // The name is taken before the volume is made, so that two jobs of one name do not meet in it.
        match self.inspect(&container.name).await {
            Err(EngineError::NotFound(_)) => clean_up.armed = true,
            Ok(_) => return Err(EngineError::NameTaken(container.name)),
            Err(error) => return Err(error),
        }
        let mut files = Files::default();
        for (volume, _, members) in &inputs {
            self.remove_volume(&container.owner, volume).await?;
            let bound = Bound {
                of: &container.name,
                until: until.0,
            };
            let of = (Kind::Job, &container.slug);
            self.make_bound_volume(&container.owner, of, volume, bound)
                .await?;
            files.of.insert(volume, members);
        }
        let created = self.create_with(&container, image, Some(until), &files).await;
        drop(files);
        drop(inputs);
        drop(place);
        let outcome = match created {
            Ok(_) => self.watched(&container, deadline).await,
            Err(error) => {
                // Somebody took the name in this moment: it is theirs.
                clean_up.armed &= !matches!(error, EngineError::NameTaken(_));
                Err(error)
            }
        };
        // What went wrong first counts.
        let removed = clean_up.now().await;
        outcome.and_then(|outcome| removed.map(|()| outcome))
    }

    async fn watched(
        &self,
        container: &ContainerSpec,
        deadline: Duration,
    ) -> Result<JobOutcome, EngineError> {
        let (owner, name) = (&container.owner, container.name.as_str());
        self.start(owner, name).await?;
        let timed_out = match timeout(deadline, self.ended(name)).await {
            Ok(ended) => {
                ended?;
                false
            }
            Err(_) => {
                self.kill(name).await?;
                self.within_deadline(CHANGE, self.ended(name)).await?;
                true
            }
        };
        let (exit_code, oom) = match self.inspect(name).await?.state {
            State::Exited { code, oom } => (code, oom),
            state => return Err(EngineError::protocol(format!("a job that ended is {state:?}"))),
        };
        let [stdout, stderr] = self.outputs(name).await?;
        Ok(JobOutcome {
            exit_code: if timed_out { TIMED_OUT } else { exit_code },
            timed_out,
            oom,
            stdout,
            stderr,
        })
    }

    /// Waits until a container does not run. As long as the caller does.
    async fn ended(&self, name: &str) -> Result<(), EngineError> {
        let path = format!("/containers/{name}/wait?condition=not-running");
        let body = self
            .open(http::Method::POST, &path, Subject::Container(name))
            .await?;
        let answer = Limited::new(body, TEXT_CHARS * 16).collect().await;
        answer.map_err(|error| self.failed(error)).map(drop)
    }

    async fn kill(&self, name: &str) -> Result<(), EngineError> {
        let docker = self.docker().await?;
        let killed = docker.kill_container(name, None::<KillContainerOptions>);
        match self.within(CHANGE, Subject::Container(name), killed).await {
            // It ended in the same moment.
            Ok(()) | Err(EngineError::Engine { status: 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn outputs(&self, name: &str) -> Result<[Vec<u8>; 2], EngineError> {
        let mut tails = [Tail::default(), Tail::default()];
        let read = async {
            let mut frames = self.frames(name, "tail=all", Follow::No).await?;
            while let Some(piece) = frames.next().await.map_err(|error| self.failed(error))? {
                let [stdout, stderr] = &mut tails;
                match piece.output {
                    Output::Stdout => stdout.push(&piece.bytes),
                    Output::Stderr => stderr.push(&piece.bytes),
                }
            }
            Ok(())
        };
        self.within_deadline(CHANGE, read).await?;
        Ok(tails.map(|Tail(bytes)| bytes.into()))
    }

    async fn within_deadline<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        timeout(limit, call)
            .await
            .unwrap_or(Err(EngineError::Timeout(limit)))
    }
}

impl JobInput {
    /// Whether it can be unpacked safely. Unpacks all of it, so this computes for a while.
    pub fn check(&self) -> Result<(), ArchiveError> {
        archive::unpacked(&self.tar_gz).map(drop)
    }
}

/// A volume, where it is mounted, and what is in it.
type Opened = (String, MountPoint, Vec<Member>);

/// On a thread for it: an archive that is made to be slow keeps no request waiting.
async fn opened(container: &str, inputs: Vec<JobInput>) -> Result<Vec<Opened>, EngineError> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let container = container.to_owned();
    let opening = spawn_blocking(move || open_all(&container, inputs));
    opening.await.map_err(EngineError::protocol)?
}

/// All of them together have the bounds of one.
fn open_all(container: &str, inputs: Vec<JobInput>) -> Result<Vec<Opened>, EngineError> {
    let mut opened: Vec<Opened> = Vec::new();
    let mut left = ARCHIVE_BYTES;
    for (at, JobInput { tar_gz, target }) in inputs.into_iter().enumerate() {
        if opened.iter().any(|(_, taken, _)| *taken == target) {
            return Err(SpecError::MountedTwice(target.to_string()).into());
        }
        let members = archive::unpacked(&tar_gz)?;
        let size: usize = members.iter().map(Member::size).sum();
        left = left
            .checked_sub(size as u64)
            .ok_or(ArchiveError::TooLarge(ARCHIVE_BYTES))?;
        opened.push((format!("{container}.input-{at}"), target, members));
    }
    Ok(opened)
}

/// The end of an output.
#[derive(Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(JOB_OUTPUT_BYTES);
        self.0.extend(bytes.get(from..).unwrap_or_default());
        let over = self.0.len().saturating_sub(JOB_OUTPUT_BYTES);
        self.0.drain(..over);
    }
}

impl CleanUp {
    /// And says whether it could.
    async fn now(mut self) -> Result<(), EngineError> {
        if !self.armed {
            return Ok(());
        }
        let removed = self.engine.remove(&self.owner, &self.name).await;
        self.armed = removed.is_err();
        removed
    }
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        let Some(runtime) = Handle::try_current().ok().filter(|_| self.armed) else {
            return;
        };
        let (engine, owner, name) = (self.engine.clone(), self.owner.clone(), self.name.clone());
        drop(runtime.spawn(async move {
            let helper = format!("{name}.helper");
            let removed = timeout(CLEAN_UP, async {
                engine.remove(&owner, &helper).await?;
                engine.remove(&owner, &name).await
            });
            if !matches!(removed.await, Ok(Ok(()))) {
                tracing::warn!(
                    container = name,
                    "what a job left behind could not be removed; it will be reaped"
                );
            }
        }));
    }
}

impl fmt::Debug for JobInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobInput({} bytes at {})", self.tar_gz.len(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_is_kept() {
        let mut tail = Tail::default();
        for n in 0..JOB_OUTPUT_BYTES {
            tail.push(&[(n % 251) as u8]);
        }
        tail.push(b"the end");
        assert_eq!(tail.0.len(), JOB_OUTPUT_BYTES);
        assert!(tail.0.make_contiguous().ends_with(b"the end"));
        tail.push(&[b'x'; JOB_OUTPUT_BYTES + 1]);
        assert!(tail.0.iter().all(|c| *c == b'x') && tail.0.len() == JOB_OUTPUT_BYTES);
    }
}

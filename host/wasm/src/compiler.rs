//! The host's side of the compiling process: one at a time, in the order of arrival, started for one component and
//! gone with it. Whatever happens to it, or to whoever waits for it, ends as an error of that one component.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdStream},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use platform_domain::{ByteSize, Digest, UnixSeconds};
use rustix::process::Signal;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    process::{Child, ChildStderr, Command},
    sync::Semaphore,
};

use crate::{
    ComponentError, Limits,
    cache::{CodeCache, Facts, Unsealed},
    error::plain,
    job::{self, Found, Job, Report, Task},
    limits::{MAX_EXPLANATION, MAX_REPORT},
};

/// How to start the compiling process: a program that calls [`crate::compile_worker`] when it is given these
/// arguments.
#[derive(Clone, Debug)]
pub struct CompilerProgram {
    /// The file.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What the compiler is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompilerStatus {
    /// The component that is being compiled, and since when.
    pub compiling: Option<(Digest, UnixSeconds)>,
    /// Components that wait for it.
    pub waiting: usize,
}

/// Starts compiling processes.
pub(crate) struct Compiler {
    program: CompilerProgram,
    limits: Arc<Limits>,
    /// One: it uses several cores already, and its memory counts once.
    compile: Semaphore,
    /// Looking is quick, and whoever registers a component does not wait for another one that compiles.
    look: Semaphore,
    waiting: AtomicUsize,
    compiling: Mutex<Option<(Digest, UnixSeconds)>>,
}

/// The right to compile.
pub(crate) struct Turn<'a> {
    compiler: &'a Compiler,
    _permit: Option<tokio::sync::SemaphorePermit<'a>>,
}

/// Why a conversation ended early.
enum Broken {
    /// The other side is gone, or talks nonsense.
    Channel(io::Error),
    /// This side cannot keep what it was given.
    Disk(io::Error),
    Refused(ComponentError),
}

/// Threads that compile. Each takes address space of its own, so that a machine of many cores would run into
/// the limit.
const MAX_THREADS: usize = 4;
/// Read from the process at a time.
const CHUNK: usize = 256 << 10;
/// What Rust says when an allocation fails, and when a thread finds no room; of threads in either of its two ways.
const OUT_OF_MEMORY: [&str; 5] = [
    "memory allocation of",
    "os error 12",
    "os error 11",
    "Os { code: 12,",
    "Os { code: 11,",
];

impl Compiler {
    pub(crate) fn new(program: CompilerProgram, limits: Arc<Limits>) -> Self {
        Self {
            program,
            limits,
            compile: Semaphore::new(1),
            look: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
            compiling: Mutex::default(),
        }
    }

    pub(crate) fn status(&self) -> CompilerStatus {
        CompilerStatus {
            compiling: *self.compiling.lock().unwrap_or_else(PoisonError::into_inner),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// What a component shows.
    pub(crate) async fn look(&self, digest: Digest, component: &Bytes) -> Result<Found, ComponentError> {
        // Nobody closes it.
        let _turn = self.look.acquire().await;
        let job = self.job(Task::Look, digest, component);
        let (child, channel) = self.spawn()?;
        self.talk(child, async {
            let mut channel = channel;
            match ask(&mut channel, &job, component).await? {
                Report::Looked(found) => Ok(found),
                other => Err(self.unexpected(other, digest)),
            }
        })
        .await
    }

    /// Waits until nobody else compiles, first come first served.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let _waiting = Counted::new(&self.waiting);
        Turn {
            compiler: self,
            // Nobody closes it.
            _permit: self.compile.acquire().await.ok(),
        }
    }

    fn job(&self, task: Task, digest: Digest, component: &Bytes) -> Job {
        Job {
            task,
            digest,
            size: component.len(),
            limits: Limits::clone(&self.limits),
        }
    }

    /// The process sees nothing of this one but a socket: no environment, no file, no terminal's signals.
    fn spawn(&self) -> Result<(Child, UnixStream), ComponentError> {
        let start = || -> io::Result<_> {
            let (ours, theirs) = StdStream::pair()?;
            ours.set_nonblocking(true)?;
            let child = Command::new(&self.program.program)
                .args(&self.program.arguments)
                .env_clear()
                .env("RAYON_NUM_THREADS", threads().to_string())
                // Each arena of an allocator reserves address space: the system's, and the one of `platform`.
                .env("MALLOC_ARENA_MAX", "2")
                .env("MALLOC_CONF", "narenas:2")
                .current_dir("/")
                .process_group(0)
                .stdin(OwnedFd::from(theirs))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            Ok((child, UnixStream::from_std(ours)?))
        };
        start().map_err(|error| {
            ComponentError::Host(format!("the compiling process cannot be started: {error}"))
        })
    }

    /// Has a conversation with the process, which ends before this returns.
    async fn talk<T>(
        &self,
        mut child: Child,
        conversation: impl Future<Output = Result<T, Broken>>,
    ) -> Result<T, ComponentError> {
        let errors = child.stderr.take();
        let all = async {
            let (outcome, said) = tokio::join!(conversation, first_words(errors));
            (outcome, said, child.wait().await)
        };
        let wall = self.limits.compile_wall();
        let Ok((outcome, said, status)) = tokio::time::timeout(wall, all).await else {
            // Waits for it as well, so that it has let go of everything.
            let _ = child.kill().await;
            return Err(ComponentError::CompilerTime(wall));
        };
        outcome.map_err(|broken| match broken {
            Broken::Refused(error) => error,
            Broken::Disk(error) => ComponentError::Host(format!("compiled code cannot be kept: {error}")),
            Broken::Channel(error) => match status {
                Ok(status) => self.how_it_ended(status, &said, &error),
                Err(error) => ComponentError::Host(error.to_string()),
            },
        })
    }

    fn how_it_ended(&self, status: ExitStatus, said: &str, error: &io::Error) -> ComponentError {
        use std::os::unix::process::ExitStatusExt as _;
        let is = |signal: Signal| status.signal() == Some(signal.as_raw());
        if is(Signal::XCPU) {
            return ComponentError::CompilerCpu(std::time::Duration::from_millis(self.limits.compile_cpu_ms));
        }
        // Who finds no memory ends itself. A crash is one, whatever was said before.
        let ended_itself = !status.success() && !is(Signal::SEGV) && !is(Signal::BUS);
        if ended_itself && OUT_OF_MEMORY.iter().any(|words| said.contains(words)) {
            return ComponentError::CompilerMemory(self.limits.compile_memory);
        }
        let said = if said.is_empty() {
            error.to_string()
        } else {
            plain(said)
        };
        ComponentError::CompilerCrashed(format!("{status}; {said}"))
    }

    /// A report that brings nothing.
    fn unexpected(&self, report: Report, digest: Digest) -> Broken {
        Broken::Refused(match report {
            Report::Refused(refusal) => ComponentError::refused(refusal, digest),
            Report::OutOfMemory => ComponentError::CompilerMemory(self.limits.compile_memory),
            Report::Looked(_) | Report::Compiled { .. } => {
                ComponentError::CompilerCrashed("it answered something else than it was asked".to_owned())
            }
        })
    }
}

impl Turn<'_> {
    /// Compiles a component into a file of the cache, not yet sealed.
    pub(crate) async fn compile(
        self,
        digest: Digest,
        component: &Bytes,
        cache: &CodeCache,
    ) -> Result<(Unsealed, Facts), ComponentError> {
        let compiler = self.compiler;
        let _shown = Shown::new(&compiler.compiling, digest);
        let started = Instant::now();
        tracing::info!(component.digest = %digest, component.bytes = component.len(), "compiling a component");
        let job = compiler.job(Task::Compile, digest, component);
        let (child, channel) = compiler.spawn()?;
        let conversation = async {
            let mut channel = channel;
            match ask(&mut channel, &job, component).await? {
                Report::Compiled { found, engine, code } if engine == cache.mark() => {
                    let size = ByteSize(code);
                    let limit = compiler.limits.compiled_code;
                    if size > limit {
                        return Err(Broken::Refused(ComponentError::TooMuchCode { size, limit }));
                    }
                    let file = receive(&mut channel, code, cache).await?;
                    Ok((file, found, code))
                }
                Report::Compiled { .. } => Err(Broken::Refused(ComponentError::Host(
                    "the compiling process is of another version than this host".to_owned(),
                ))),
                other => Err(compiler.unexpected(other, digest)),
            }
        };
        let outcome = compiler.talk(child, conversation).await;
        let compile_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (file, found, code_bytes) = outcome.inspect_err(|error| {
            tracing::warn!(component.digest = %digest, compile.ms = compile_ms, error = %error, "a component does not compile");
        })?;
        tracing::info!(component.digest = %digest, compile.ms = compile_ms, code.bytes = code_bytes, "a component is compiled");
        let size = component.len();
        let facts = Facts {
            found,
            size,
            code_bytes,
            compile_ms,
        };
        Ok((file, facts))
    }
}

/// Gives the job and waits for the report. Who ends without taking all of the job may have said why, so that is
/// listened to all the same.
async fn ask(channel: &mut UnixStream, job: &Job, component: &Bytes) -> Result<Report, Broken> {
    let given = give(channel, job, component).await;
    let report = take(channel).await;
    match (given, report) {
        (_, Ok(report)) => Ok(report),
        (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(Broken::Channel(error)),
    }
}

async fn give(channel: &mut UnixStream, job: &Job, component: &Bytes) -> io::Result<()> {
    channel.write_all(&job::framed(job)?).await?;
    channel.write_all(component).await
}

async fn take(channel: &mut UnixStream) -> io::Result<Report> {
    let length = channel.read_u32_le().await?;
    let mut json = vec![0; job::checked(length, MAX_REPORT)?];
    channel.read_exact(&mut json).await?;
    Ok(serde_json::from_slice(&json)?)
}

/// Takes so many bytes of code.
async fn receive(channel: &mut UnixStream, bytes: u64, cache: &CodeCache) -> Result<Unsealed, Broken> {
    let code = cache.begin().map_err(Broken::Disk)?;
    let mut file = File::from_std(code.file().map_err(Broken::Disk)?);
    let (mut chunk, mut left) = (vec![0; CHUNK], bytes);
    while left > 0 {
        let read = channel.read(&mut chunk).await.map_err(Broken::Channel)?;
        let some = chunk.get(..read).unwrap_or_default();
        left = match left.checked_sub(read as u64) {
            Some(less) if read > 0 => less,
            _ => return Err(Broken::Channel(io::ErrorKind::UnexpectedEof.into())),
        };
        file.write_all(some).await.map_err(Broken::Disk)?;
    }
    file.flush().await.map_err(Broken::Disk)?;
    Ok(code)
}

/// The beginning of what a process says, read to its end so that the process is never held up.
async fn first_words(errors: Option<ChildStderr>) -> String {
    let mut said = Vec::new();
    if let Some(mut errors) = errors {
        // What cannot be read is only not explained.
        let _ = (&mut errors)
            .take(MAX_EXPLANATION as u64)
            .read_to_end(&mut said)
            .await;
        let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(MAX_THREADS)
}

/// One more, until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is being compiled, until it is dropped.
struct Shown<'a>(&'a Mutex<Option<(Digest, UnixSeconds)>>);

impl<'a> Shown<'a> {
    fn new(place: &'a Mutex<Option<(Digest, UnixSeconds)>>, digest: Digest) -> Self {
        let now = Some((digest, SystemTime::now().into()));
        *place.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Self(place)
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

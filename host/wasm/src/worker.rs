//! What the compiling process does: take limits upon itself, read one component, look at it or compile it, report,
//! end. It gets nothing but a socket to the host; it opens nothing and knows no key.
//!
//! The limits come first, before a byte of the component is read: from there on everything may be the
//! component's doing.

use std::{
    io::{self, Read as _, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
};

use platform_domain::Digest;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

use crate::{
    Limits,
    cache::engine_mark,
    inspect::look,
    job::{self, Found, Job, MAX_JOB, Refusal, Report, Task},
    tuning,
};

/// Serving goes before compiling.
const NICENESS: i32 = 10;
/// When the machine's memory ends, this process goes first.
const FIRST_TO_GO: &str = "1000";

/// The whole life of the compiling process, which the host starts as [`crate::CompilerProgram`] says. Standard
/// input is a socket to the host, standard error is read for an explanation.
pub fn compile_worker() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "the host's job cannot be done: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn work() -> io::Result<()> {
    let host = Arc::new(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?));
    let job: Job = job::read(&*host, MAX_JOB)?;
    confine(&job.limits)?;
    settle(job.task);
    let mut component = vec![0; job.size];
    (&*host).read_exact(&mut component)?;
    end_with(Arc::clone(&host))?;
    let (report, code) =
        done(&job, &component).unwrap_or_else(|refusal| (Report::Refused(refusal), Vec::new()));
    job::write(&*host, &report)?;
    (&*host).write_all(&code)
}

/// Has what needs memory later take it now. The allocator sets a thread up when that thread first allocates, and
/// crashes on an address of its own when there is no memory left for that; a stack that cannot grow is a crash as
/// well. A component should not choose when.
fn settle(task: Task) {
    const STACK: usize = 1 << 20;
    std::hint::black_box([0_u8; STACK]);
    if task == Task::Compile {
        rayon::broadcast(|_| Box::new(0_u8));
    }
}

/// Ends this process when the host is gone, which closes the socket, or gives up on the job. The signal for a dead
/// parent is no use: it comes when the thread ends that started this process, and the host's threads come and go.
///
/// Returns when the watch has allocated something, see [`settle`].
fn end_with(host: Arc<UnixStream>) -> io::Result<()> {
    let (tell, begun) = mpsc::channel();
    let watch = move || {
        drop(tell.send(Box::new(0_u8)));
        // The host has nothing more to say, so whatever comes is the end.
        drop((&*host).read(&mut [0]));
        std::process::exit(1)
    };
    thread::Builder::new().name("watch".into()).spawn(watch)?;
    begun.recv().map(drop).map_err(io::Error::other)
}

fn done(job: &Job, component: &[u8]) -> Result<(Report, Vec<u8>), Refusal> {
    let digest = Digest::of(component);
    if digest != job.digest {
        return Err(Refusal::OtherBytes(digest));
    }
    let found = look(component)?;
    match job.task {
        Task::Look => Ok((Report::Looked(found), Vec::new())),
        Task::Compile => compile(&job.limits, found, component),
    }
}

fn compile(limits: &Limits, found: Found, component: &[u8]) -> Result<(Report, Vec<u8>), Refusal> {
    let compiled = tuning::compiler(limits).and_then(|engine| {
        let code = engine.precompile_component(component)?;
        Ok((engine_mark(&engine), code))
    });
    match compiled {
        Ok((engine, code)) => {
            let size = code.len() as u64;
            let code_follows = Report::Compiled {
                found,
                engine,
                code: size,
            };
            Ok((code_follows, code))
        }
        Err(error) if is_out_of_memory(&error) => Ok((Report::OutOfMemory, Vec::new())),
        Err(error) => Err(Refusal::Compile(format!("{error:#}"))),
    }
}

/// The rare case: most allocations of a compiler end the process when they fail.
fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    let of_the_system = io::Error::from(rustix::io::Errno::NOMEM).to_string();
    error.is::<wasmtime::OutOfMemory>() || format!("{error:#}").contains(&of_the_system)
}

fn confine(limits: &Limits) -> io::Result<()> {
    let seconds = limits.compile_cpu_ms.div_ceil(1000);
    // Where the kernel has no such file, it chooses by size, which is as good.
    drop(std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO));
    nice(NICENESS)?;
    limit(Resource::As, limits.compile_memory.0, 0)?;
    // At the first limit comes a signal that tells why, at the second one that nobody survives.
    limit(Resource::Cpu, seconds, 1)?;
    limit(Resource::Core, 0, 0)?;
    // No file is written and none is opened from here on, nor a socket: the code goes where the job came from.
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nofile, 0, 0)
}

/// Sets a limit, or leaves the lower one that the system has set.
fn limit(resource: Resource, to: u64, grace: u64) -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(resource);
    let at_most = |value: u64| Some(maximum.map_or(value, |maximum| maximum.min(value)));
    let (current, maximum) = (at_most(to), at_most(to + grace));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

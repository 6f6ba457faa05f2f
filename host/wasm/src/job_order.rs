//! A job as it crosses the border of a component: nothing of it is checked yet.

/// A job as a component wants it, unchecked.
#[derive(Clone, Debug)]
pub struct JobOrder {
    /// What the challenge calls it.
    pub job: String,
    /// And the part of it.
    pub task: String,
    /// What is run.
    pub image: String,
    /// The words of the command.
    pub command: Vec<String>,
    /// Where it is run.
    pub workdir: Option<String>,
    /// Environment variables; a name may be there twice.
    pub env: Vec<(String, String)>,
    /// Directories, and what is in them: tar archives packed with gzip.
    pub inputs: Vec<(String, Vec<u8>)>,
    /// Thousandths of a core.
    pub milli_cpus: Option<u32>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// GPUs, if any are wanted.
    pub gpus: Option<JobGpus>,
    /// Whether it is to reach the world.
    pub network: bool,
    /// How long it may run, in seconds.
    pub timeout_seconds: Option<u64>,
}

/// The GPUs that a job is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobGpus {
    /// How many.
    pub count: u16,
    /// All of this kind.
    pub kind: Option<String>,
    /// On a server with these labels; a name may be there twice.
    pub labels: Vec<(String, String)>,
}

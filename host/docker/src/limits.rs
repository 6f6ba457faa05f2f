//! How long an engine may take, how much it may say, and what a container may have.

use std::time::Duration;

/// Until there is a connection, with the look-up of a name and what TLS or SSH say first.
pub(crate) const ENGINE_CONNECT: Duration = Duration::from_secs(10);
/// A question that an engine answers from memory. A busy one that holds its locks takes seconds.
pub(crate) const QUESTION: Duration = Duration::from_secs(15);
/// Making, starting or removing something: the engine unpacks, mounts and starts programs for it.
pub(crate) const CHANGE: Duration = Duration::from_secs(60);
/// Sending an archive of the largest size over a slow line.
pub(crate) const UPLOAD: Duration = Duration::from_secs(300);
/// A whole pull. Images with what a GPU needs have twenty gigabytes, which come at three megabytes a second in this time.
pub(crate) const PULL: Duration = Duration::from_secs(7200);
/// The longest in which a pull may make no progress. Unpacking one large layer is silent for that long.
pub(crate) const PULL_IDLE: Duration = Duration::from_secs(300);
/// The longest that a container may be given to end by itself.
pub(crate) const MAX_GRACE: Duration = Duration::from_secs(120);
/// How often a volume that is in use is tried again: two seconds, in which an engine has made or given up what it was asked for.
pub(crate) const REMOVALS: u32 = 10;
/// Until the tasks of a service that was removed have ended: the ten seconds that a swarm gives them, and a busy engine.
pub(crate) const TASKS_END: Duration = Duration::from_secs(60);
/// Until what a job left behind is gone, when nobody waits for it any more.
pub(crate) const CLEAN_UP: Duration = Duration::from_secs(60);
/// The longest that a job may run: what the original platform allowed.
pub(crate) const MAX_JOB: Duration = Duration::from_secs(86_400);

/// The bytes of one answer. What an engine says of itself or of a thousand containers has a tenth of it.
pub(crate) const ANSWER_BYTES: u64 = 16 << 20;
/// The bytes in which a pull says how it does: a line for each piece of each of three layers, ten a second for hours.
pub(crate) const PULL_BYTES: u64 = 128 << 20;
/// Layers of an image that are counted while it is pulled. Engines take at most 127.
pub(crate) const LAYERS: usize = 256;
/// The head of an answer. What an engine sends there is a few hundred bytes.
pub(crate) const ENGINE_HEAD_BYTES: usize = 64 * 1024;
/// The body of an answer that is an error: a sentence.
pub(crate) const REFUSAL_BYTES: usize = 64 * 1024;
/// What an engine says of an error, for the operator.
pub(crate) const MESSAGE_CHARS: usize = 500;
/// Names, versions and other short texts of an engine.
pub(crate) const TEXT_CHARS: usize = 128;
/// How many of them there may be in one list.
pub(crate) const LIST: usize = 64;
/// One line of a pull, which has names, numbers and a bar, or one event, of which labels are the most.
pub(crate) const TOLD_LINE: usize = 256 * 1024;
/// What SSH says when it fails.
pub(crate) const SSH_BYTES: u64 = 1024;
/// How long a child that failed may take to say why.
pub(crate) const SSH_LAST_WORDS: Duration = Duration::from_secs(1);

/// One line of a container's log; more of it is cut off. The engine itself cuts at the same length.
pub(crate) const LINE_BYTES: usize = 16 * 1024;
/// The most lines that are asked for from the end of a log.
pub(crate) const TAIL_LINES: u32 = 10_000;
/// What is kept of each output of a job: as in the original platform.
pub(crate) const JOB_OUTPUT_BYTES: usize = 64_000;

/// What a job is given, packed.
pub(crate) const ARCHIVE_PACKED_BYTES: usize = 64 << 20;
/// What a job is given, unpacked. It is in memory twice while it is packed anew.
pub(crate) const ARCHIVE_BYTES: u64 = 128 << 20;
/// Jobs whose archives are unpacked in memory at the same time, until the engine has them: each takes twice the above.
pub(crate) const UNPACKED_AT_ONCE: usize = 2;
/// Files and directories of what a job is given: each is looked at, and kept in memory.
pub(crate) const ARCHIVE_MEMBERS: usize = 10_000;
/// The longest path in it, as POSIX has it for its own archives.
pub(crate) const ARCHIVE_PATH: usize = 255;

/// What is kept of what a program says that carries a connection: the reason why there was none.
pub(crate) const DIALED_WORDS: usize = 1024;
/// Until the program that carries a connection is ended, when nobody wants it any more. A server that hears of the end hangs up at once.
pub(crate) const DIALED_LINGER: Duration = Duration::from_secs(2);
/// What is read at once of such a connection, and so what is held of it.
pub(crate) const DIALED_READ: usize = 32 * 1024;

/// Secrets of one container.
pub(crate) const SECRETS: usize = 64;
/// The bytes of one secret: what Swarm takes.
pub(crate) const SECRET_BYTES: usize = 500 * 1024;
/// Environment variables and labels, each.
pub(crate) const VARIABLES: usize = 256;
/// The bytes of one of them, name and value: the system takes 128 KiB.
pub(crate) const VARIABLE_BYTES: usize = 64 * 1024;
/// Words of a command.
pub(crate) const COMMAND_WORDS: usize = 256;
/// Volumes of one container.
pub(crate) const VOLUMES: usize = 16;
/// The bytes of a mount point.
pub(crate) const MOUNT_POINT: usize = 255;
/// GPUs of one container, by number or by name.
pub(crate) const GPUS: u32 = 64;

/// Memory where nothing is said: what the original platform gave.
pub(crate) const MEMORY: u64 = 4 << 30;
/// The least memory with which a program and its init start.
pub(crate) const MIN_CONTAINER_MEMORY: u64 = 16 << 20;
/// The most memory: no single machine for this has more.
pub(crate) const MAX_CONTAINER_MEMORY: u64 = 4 << 40;
/// Processor time where nothing is said, in thousandths of a core: what the original platform gave.
pub(crate) const MILLI_CPUS: u32 = 2_000;
/// The most of it: no single machine for this has more cores.
pub(crate) const MAX_CONTAINER_MILLI_CPUS: u32 = 512_000;
/// Processes and threads where nothing is said: what the original platform gave.
pub(crate) const PIDS: u32 = 512;
/// The most processes and threads: half of what a machine has for all.
pub(crate) const MAX_CONTAINER_PIDS: u32 = 16_384;
/// Open files of one process: what the original platform gave to jobs. A server with a thousand clients needs more.
pub(crate) const OPEN_FILES: i64 = 4096;
/// Bytes of `/tmp`, which are the container's memory: what the original platform gave.
pub(crate) const TMP_BYTES: u64 = 512 << 20;
/// One file of a container's log.
pub(crate) const LOG_FILE: &str = "10m";
/// How many of those: with the above 30 MB of disk for each container.
pub(crate) const LOG_FILES: &str = "3";

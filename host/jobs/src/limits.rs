//! How much a job may be, how many there may be, and what is kept of them. What an operator may move begins with these values.

use std::time::Duration;

/// How long a job may run where nothing is said: what the original platform gave.
pub const JOB_TIMEOUT: Duration = Duration::from_secs(900);
/// The longest that anybody can ask for: what the original platform allowed.
pub const MAX_JOB_TIMEOUT: Duration = Duration::from_secs(86_400);
/// Thousandths of a core, where nothing is said and as the ceiling: what the original platform gave.
pub const JOB_MILLI_CPUS: u32 = 2_000;
/// Bytes of memory, where nothing is said and as the ceiling: what the original platform gave.
pub const JOB_MEMORY: u64 = 4 << 30;
/// Processes and threads, where nothing is said and as the ceiling: what the original platform gave.
pub const JOB_PIDS: u32 = 512;
/// Bytes of `/tmp`, which are the container's memory: what the original platform gave. Every job has as many.
pub const JOB_TMP_BYTES: u64 = 512 << 20;
/// Open files of one process in a job, at most.
pub const JOB_OPEN_FILES: u64 = 4096;

/// Jobs that run at the same time: each may use two cores and four gigabytes, and challenges run beside them.
pub const AT_ONCE: u32 = 4;
/// Of one challenge: half of them, so that no challenge has all.
pub const AT_ONCE_PER_CHALLENGE: u32 = 2;
/// Jobs that wait for their turn.
pub const WAITING: u32 = 64;
/// Of one challenge.
pub const WAITING_PER_CHALLENGE: u32 = 16;
/// Jobs that a challenge may ask for within an hour: two a minute, where each of them takes a second to begin.
pub const PER_HOUR: u32 = 120;
/// How long a job waits for GPUs before it is given up: as long as most evaluations take that may hold them.
pub const GPU_WAIT: Duration = Duration::from_secs(3600);
/// The longest that this may be set to: as long as a job may run.
pub const MAX_GPU_WAIT: Duration = Duration::from_secs(86_400);
/// The most GPUs that one job may ever ask for: as many as a server can have.
pub const MAX_JOB_GPUS: u16 = 64;
/// The most that may be set as any of these numbers: more jobs than one machine has use for.
pub const MAX_QUOTA: u32 = 10_000;

/// Archives of one job.
pub const INPUTS: usize = 4;
/// All archives of one job, packed: what the engine's side takes of one.
pub const INPUT_BYTES: usize = 64 << 20;
/// All that jobs which are looked at, wait or run keep in the host's memory, of which archives, packed, are the most.
pub const HELD_BYTES: u64 = 256 << 20;
/// Of one challenge: half of it, so that no challenge has all.
pub const HELD_BYTES_PER_CHALLENGE: u64 = HELD_BYTES / 2;
/// Archives that are unpacked to be looked at, at the same time: each may become 128 MiB.
pub const CHECKS: usize = 2;
/// The bytes of an image's reference: as in the original platform.
pub const IMAGE_BYTES: usize = 255;
/// Rules of images.
pub const IMAGE_RULES: usize = 256;

/// Jobs that have ended which are kept of each challenge. With both outputs at their largest, 32 MiB.
pub const KEPT_PER_CHALLENGE: u32 = 256;
/// For how long they are kept.
pub const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// The most that one list shows.
pub const LISTED: u32 = 1_000;
/// Why something failed, in characters.
pub const REASON_CHARS: usize = 500;

/// After what time somebody may ask again who was told that there is no room: jobs end every few seconds.
pub const RETRY: Duration = Duration::from_secs(10);
/// How often it is looked for what was left behind.
pub const SWEEP: Duration = Duration::from_secs(60);
/// How often it is looked whether a container is gone: an engine takes a tenth of a second for it.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How many times, before it is left to the next sweep.
pub(crate) const LOOKS: u32 = 50;
/// How long jobs that run may go on when the host stops: those that take a second or two end well.
pub const JOB_GRACE: Duration = Duration::from_secs(5);
/// How long the removal of those that do not may take.
pub const CUT: Duration = Duration::from_secs(8);

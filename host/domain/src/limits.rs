//! How much of each thing a record may name.

/// The id of a GPU server: it stands in log fields, lists and the names of files.
pub(crate) const MAX_GPU_SERVER_ID: usize = 64;
/// GPUs of one server: four times what the largest machines have. Every holder of each is a row of the database.
pub const MAX_GPUS: u16 = 64;
/// Holders of one GPU: shared by more, none has memory enough to load a model.
pub const MAX_GPU_HOLDERS: u16 = 16;
/// The name of a kind of GPU, as in `rtx-pro-6000-blackwell`.
pub(crate) const MAX_GPU_KIND: usize = 32;
/// The id of a lease: room for a UUID and for a challenge's generation, and little enough to be shown in lists.
pub(crate) const MAX_GPU_LEASE_ID: usize = 64;
/// Labels of one server, or wanted of one: people read them.
pub(crate) const MAX_LABELS: usize = 32;
/// The key of a label, and its value: as long as those of Kubernetes, from which operators know them.
pub(crate) const MAX_LABEL: usize = 63;
/// The address of an engine: the longest name that DNS takes, with a user and a port; paths are shorter.
pub(crate) const MAX_ENDPOINT: usize = 320;
/// The path of a socket: what fits into `sun_path` on Linux, with the zero at its end.
pub(crate) const MAX_SOCKET_PATH: usize = 107;
/// The name of a user, as `useradd` on Linux has it.
pub(crate) const MAX_SSH_USER: usize = 32;
/// Processes and threads of one container: the most that a 64-bit Linux gives numbers to (`PID_MAX_LIMIT`).
pub const MAX_PIDS: u32 = 4_194_304;
/// The characters of a job's name: as in the original platform.
pub(crate) const MAX_JOB_NAME: usize = 128;
/// The characters of a task's name: as in the original platform.
pub(crate) const MAX_TASK_NAME: usize = 256;

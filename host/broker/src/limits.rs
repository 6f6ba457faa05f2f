//! What a request may take of the broker.

use std::time::Duration;

use platform_jobs::limits::INPUT_BYTES;

/// A body with archives: those in base64, which makes four bytes of three, and a MiB for everything else.
pub(crate) const RUN_BYTES: usize = INPUT_BYTES / 3 * 4 + (1 << 20);
/// Every other body: a name.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;
/// For a whole body to come: the largest at one and a half megabytes a second.
pub(crate) const JOB_BODY_TIME: Duration = Duration::from_secs(60);
/// Bodies with archives that are read and taken apart at the same time, each up to 150 MB in memory. One of each challenge.
pub(crate) const JOB_BODIES: usize = 3;
/// After what time somebody may try again whose last body is still being read.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);
/// Characters of what is told about a request that is refused.
pub(crate) const MESSAGE: usize = 1000;

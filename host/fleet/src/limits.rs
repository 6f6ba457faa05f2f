//! How long the host waits for a container, and how much it believes of it.

use std::time::Duration;

/// From the start of a container until it says that it is well. The original waited for 24 seconds, which is too little for an
/// image that reads a model into a GPU first.
pub const READY_TIME: Duration = Duration::from_secs(180);
/// One question whether it is well: as in the original.
pub(crate) const READY_QUESTION: Duration = Duration::from_secs(5);
/// Between two such questions.
pub(crate) const READY_PAUSE: Duration = Duration::from_millis(250);
/// What it answers to that, in bytes. A short object.
pub(crate) const READY_BYTES: usize = 64 * 1024;
/// Lines of its log that are shown when it does not start.
pub(crate) const LAST_WORDS: u32 = 5;
/// And the signs of them.
pub(crate) const LAST_WORDS_CHARS: usize = 600;
/// A container that is asked to end has this long, to finish what it writes: as in the original.
pub(crate) const CONTAINER_GRACE: Duration = Duration::from_secs(10);
/// How often a container that runs is looked at. An engine tells it from memory.
pub(crate) const CONTAINER_LOOK_EVERY: Duration = Duration::from_secs(2);
/// An engine that does not answer for this long is lost, with what runs there. A restart of an engine takes less.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(30);
/// Between the two looks that tell how much of a processor a container uses. Somebody waits for it.
pub(crate) const STATS_APART: Duration = Duration::from_secs(1);
/// How long an image stays that this host had fetched and nobody wants. Whoever registers a challenge fetches first and writes
/// down later.
pub(crate) const IMAGE_GRACE: Duration = Duration::from_secs(3600);
/// Digits of the host's id in names on an engine: enough to tell a few hosts apart. Labels have all of it.
pub(crate) const NAMED_BY: usize = 8;

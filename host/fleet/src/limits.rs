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
/// Until a swarm has a machine for a service: it knows at once, but for a manager that was just started.
pub(crate) const PLACE_TIME: Duration = Duration::from_secs(5);
/// Until a machine of a swarm has fetched an image and started it: as long as an engine may take for a pull.
pub(crate) const FETCH_TIME: Duration = Duration::from_secs(3600);
/// Until each machine of a swarm is in the network of a challenge; one that is not by then may still run something else.
pub(crate) const ENTER_TIME: Duration = Duration::from_secs(60);
/// Lines of its log that are shown when it does not start.
pub(crate) const LAST_WORDS: u32 = 5;
/// And the signs of them.
pub(crate) const LAST_WORDS_CHARS: usize = 600;
/// A container that is asked to end has this long, to finish what it writes: as in the original.
pub(crate) const CONTAINER_GRACE: Duration = Duration::from_secs(10);
/// How often a container that runs is looked at. An engine tells it from memory.
pub(crate) const CONTAINER_LOOK_EVERY: Duration = Duration::from_secs(2);
/// An engine that does not answer for this long is lost, with what runs there. A restart of an engine takes less.
pub const LOST_AFTER: Duration = Duration::from_secs(30);
/// Before an engine that did not answer is asked once more whether it is there: one that is only busy answers then.
pub(crate) const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Between the two looks that tell how much of a processor a container uses. Somebody waits for it.
pub(crate) const STATS_APART: Duration = Duration::from_secs(1);
/// How long an image stays that this host had fetched and nobody wants. Whoever registers a challenge fetches first and writes
/// down later.
pub(crate) const IMAGE_GRACE: Duration = Duration::from_secs(3600);
/// Until there is a connection through a relay: an engine makes a program for it, and over SSH somebody logs in twice before.
pub(crate) const RELAY_CONNECT: Duration = Duration::from_secs(10);
/// The memory of a relay: a connection took 130 kB when forty were measured, and a challenge may have 320 at once.
pub(crate) const RELAY_MEMORY: u64 = 64 << 20;
/// Processor time of a relay, in thousandths of a core: it copies for one challenge.
pub(crate) const RELAY_MILLI_CPUS: u32 = 1_000;
/// Connections through a relay at once, a process each: what a challenge may have, and as many again that end late.
pub(crate) const RELAY_PIDS: u32 = 768;
/// Digits of the host's id in names on an engine: enough to tell a few hosts apart. Labels have all of it.
pub(crate) const NAMED_BY: usize = 8;

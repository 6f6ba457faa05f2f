//! Every limit on a component and on its calls, with the reason for the number.

use std::time::Duration;

/// A Rust challenge with SQLite inside is under 2 MiB; languages that bring a whole runtime reach 30 MiB.
pub const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The body of an answer is held in memory as a whole, once per call in flight.
pub const MAX_BODY_BYTES: usize = 8 << 20;
/// What common HTTP clients and proxies accept.
pub const MAX_HEADERS: usize = 100;
/// Names and values together; common proxies refuse more than 32 KiB.
pub const MAX_HEADER_BYTES: usize = 32 << 10;
/// The contract's limit; a subnet has at most a few hundred UIDs.
pub const MAX_WEIGHTS: usize = 4096;

/// More than twice a hotkey, so that a longer text is malformed also after it is cut.
pub(crate) const MAX_HOTKEY_BYTES: usize = 128;
/// The text of an error is a sentence or two, not another way to answer.
pub(crate) const MAX_ERROR_CHARS: usize = 4096;

/// Routes that may wait for a turn, per program: some seconds of work for a challenge that answers one by one.
pub const MAX_QUEUED_ROUTES: usize = 64;
/// Clients give up at about this time, so a longer wait would be work for nobody.
pub const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// What a refused client is told; long enough to drain a queue of quick calls.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
/// `get-weights` calls at the same time, over all programs, besides the routes: an epoch asks every challenge
/// at once, and more than a few only compete for the same cores.
pub(crate) const WEIGHTS_SLOTS: usize = 4;

/// The clock of the epoch interruption. A busy guest gives its thread back this often; shorter only costs.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Wasm frames of one call; deep recursion in a guest ends in a trap.
pub(crate) const MAX_WASM_STACK: usize = 512 << 10;
/// Wasm frames and the host functions below them share a fibre's stack; the host's part must never overflow.
pub(crate) const FIBRE_STACK: usize = 2 << 20;

/// Function table elements of one call, over all tables: an entry per function whose address is taken.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Core instances of one call: main module, adapters and shims of a few languages.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;
/// Memories of one call: usually one, two with an adapter.
pub(crate) const MAX_MEMORIES: u32 = 8;
/// Tables of one call.
pub(crate) const MAX_TABLES: u32 = 32;
/// Host memory for the bookkeeping of one component instance.
pub(crate) const MAX_INSTANCE_BYTES: usize = 4 << 20;

/// Host memory that one transfer from the guest may cost, answers included: the largest body, its headers, slack.
/// A longer list or text is refused before it is copied.
pub(crate) const MAX_TRANSFER_BYTES: usize = 2 * MAX_BODY_BYTES;
/// Handles a guest may hold, so that it cannot fill the host's tables.
pub(crate) const MAX_HANDLES: usize = 10_000;
/// Open files, streams and the like of one call.
pub(crate) const MAX_RESOURCES: usize = 1024;
/// Random bytes in one go; the host allocates them.
pub(crate) const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// One line of a guest's log; the rest of a longer line is cut off.
pub(crate) const MAX_LOG_LINE: usize = 8 << 10;
/// What a chatty challenge may log in the long run, per second.
pub(crate) const LOG_BYTES_PER_SECOND: u64 = 64 << 10;
/// What a challenge may log at once, for example a panic with its backtrace in several calls.
pub(crate) const LOG_BURST_BYTES: u64 = 256 << 10;
/// What a line costs besides its text, so that empty lines are not free.
pub(crate) const LOG_LINE_COST: u64 = 64;

/// The longest explanation of a failed call that is kept for the operator.
pub(crate) const MAX_EXPLANATION: usize = 4 << 10;

/// Memory that a slot of the pool keeps between calls: what a small Rust guest touches.
pub(crate) const KEEP_RESIDENT: usize = 2 << 20;
/// Table memory that a slot keeps between calls.
pub(crate) const KEEP_TABLE_RESIDENT: usize = 64 << 10;
/// Memories given back to the kernel in one system call.
pub(crate) const DECOMMIT_BATCH: usize = 16;
/// Slots kept warm for their last program; bounds the resident memory of an idle host to 128 MiB.
pub(crate) const WARM_SLOTS: u32 = 64;

/// Levels below `/data` in which stale lock entries are looked for.
pub(crate) const LOCK_SEARCH_DEPTH: usize = 8;
/// Directory entries looked at for stale locks before the search gives up.
pub(crate) const LOCK_SEARCH_ENTRIES: usize = 100_000;

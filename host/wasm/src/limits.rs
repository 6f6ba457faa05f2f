//! Every limit on a component and on its calls, with the reason for the number: one table, from which come the
//! configuration (`[limits]`), its checks and `docs/limits.md`.

use std::time::Duration;

use platform_domain::ByteSize;
use platform_state::{SqlLimits, StateLimits};
use serde::{Deserialize, Serialize};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The key in the configuration, below `limits`.
    pub key: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// Without a word from the operator.
    pub default: u64,
    /// The least that can be configured; below it nothing would run.
    pub floor: u64,
    /// The most that can be configured; above it the host itself is not safe.
    pub ceiling: u64,
    /// Why the default is what it is.
    pub reason: &'static str,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Written with `KiB`, `MiB` or `GiB`.
    Bytes,
    /// Things.
    Count,
    /// Time.
    Milliseconds,
}

/// A configured limit is out of its range.
#[derive(Debug, thiserror::Error)]
#[error("limits.{key} must be from {floor} to {ceiling}")]
pub struct LimitError {
    /// As in the configuration, below `limits`.
    pub key: &'static str,
    /// The least.
    pub floor: String,
    /// The most.
    pub ceiling: String,
}

macro_rules! limits {
    ($($(#[doc = $reason:literal])+ $key:ident: $unit:ident = $default:expr, $floor:expr, $ceiling:expr;)+) => {
        /// The limits of one host. Byte sizes are written as text (`8MiB`), times in milliseconds.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Limits {
            $($(#[doc = $reason])+ pub $key: limits!(@type $unit),)+
        }

        impl Limits {
            /// Every limit, in the order of the configuration.
            pub const TABLE: &[Limit] = &[$(Limit {
                key: stringify!($key),
                unit: Unit::$unit,
                default: $default,
                floor: $floor,
                ceiling: $ceiling,
                reason: concat!($($reason, "\n"),+),
            }),+];

            /// The values, in the order of [`Limits::TABLE`].
            pub fn values(&self) -> [u64; Self::TABLE.len()] {
                [$(limits!(@number $unit, self.$key)),+]
            }
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($key: limits!(@value $unit, $default),)+ }
            }
        }
    };
    (@type Bytes) => { ByteSize };
    (@type $unit:ident) => { u64 };
    (@number Bytes, $value:expr) => { $value.0 };
    (@number $unit:ident, $value:expr) => { $value };
    (@value Bytes, $value:expr) => { ByteSize($value) };
    (@value $unit:ident, $value:expr) => { $value };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

// key: unit = default, floor, ceiling
limits! {
    /// Routes that run at the same time, over all challenges. Each may hold a slot of the pool.
    concurrent_routes: Count = 64, 1, 1024;
    /// `get-weights` calls at the same time, over all challenges, besides the routes: an epoch asks every
    /// challenge at once, and more than a few only compete for the same cores.
    concurrent_weights: Count = 4, 1, 64;
    /// Routes that may wait for a turn, per challenge: some seconds of work for one that answers one by one.
    queued_routes: Count = 64, 1, 4096;
    /// Routes that may wait for a turn, over all challenges: a connection each, and the body it brought.
    queued_total: Count = 256, 1, 16_384;
    /// Routes at the same time whose bodies pass through the guest piece by piece, over all challenges, and half as many
    /// of one. Each may wait for a slow client, so they leave room to those that cannot.
    streamed_routes: Count = 32, 2, 1024;
    /// How long a route may wait for its turn. Clients give up at about this time.
    queue_wait_ms: Milliseconds = 5_000, 1, 60_000;
    /// What a refused client is told to wait; long enough to drain a queue of quick calls.
    retry_after_ms: Milliseconds = 1_000, 1_000, 60_000;

    /// How long a route may take when the manifest asks for nothing: a miner waits for this answer.
    route_ms: Milliseconds = 10_000, 1, 600_000;
    /// How long a route may take when the manifest asks for more; after that clients and proxies give up.
    route_max_ms: Milliseconds = 60_000, 1, 600_000;
    /// How long a route may compute. Waiting does not count, so a slow disk is not held against the guest.
    route_cpu_ms: Milliseconds = 5_000, 10, 600_000;
    /// How long `get-weights` may take when the manifest asks for nothing: only the epoch waits, for an hour.
    weights_ms: Milliseconds = 60_000, 1, 3_600_000;
    /// How long `get-weights` may take when the manifest asks for more; an epoch must end before the next one.
    weights_max_ms: Milliseconds = 600_000, 1, 3_600_000;
    /// How long `get-weights` may compute.
    weights_cpu_ms: Milliseconds = 60_000, 10, 3_600_000;

    /// Memory of one call, over all its memories, when neither operator nor manifest says otherwise: a Rust or
    /// Python guest with SQLite fits with room to spare.
    memory: Bytes = 256 * MIB, 64 * KIB, 4 * GIB;
    /// Memory of one call that operator or manifest may ask for. Address space is reserved for it in each slot.
    memory_max: Bytes = GIB, 64 * KIB, 4 * GIB;
    /// Memory of all calls together: what the host gives away of its machine.
    memory_total: Bytes = 4 * GIB, MIB, 1024 * GIB;
    /// Wasm frames of one call; deep recursion in a guest ends in a trap. The ceiling leaves half of a fibre's
    /// stack to the host functions below.
    stack: Bytes = 512 * KIB, 64 * KIB, MIB;
    /// Function table elements of one call, over all tables: an entry per function whose address is taken.
    table_elements: Count = 100_000, 1_000, 1_000_000;
    /// Tables of one call. Languages that load a runtime and libraries have a table for each.
    tables: Count = 32, 1, 64;
    /// Core instances of one call: main module, adapters and shims, libraries of a runtime.
    core_instances: Count = 64, 8, 256;
    /// Memories of one call: usually one, two with an adapter.
    memories: Count = 8, 1, 16;
    /// Host memory for the bookkeeping of one component instance.
    instance: Bytes = 4 * MIB, 64 * KIB, 16 * MIB;
    /// Calls at the same time of challenges that do not fit into the slots of small Rust guests: their slots
    /// are large, so there are fewer.
    large_calls: Count = 16, 1, 256;
    /// Idle instances that one challenge may keep for its next calls: more than a machine has cores is of little use,
    /// and what they hold others cannot have.
    warm_idle: Count = 16, 1, 256;
    /// Idle instances of all challenges together: each holds a slot of the pool and what its guest has in memory. At
    /// 0 every call has an instance of its own.
    warm_total: Count = 64, 0, 1024;
    /// Handles a guest may hold, so that it cannot fill the host's tables.
    handles: Count = 10_000, 100, 100_000;
    /// Open files, streams, timers and the like of one call; open files have a limit of their own besides.
    resources: Count = 1_024, 32, 16_384;
    /// Host memory that one transfer from the guest may cost: the largest body, its headers, and slack. A longer
    /// list or text is refused before it is copied.
    transfer: Bytes = 16 * MIB, 64 * KIB, 256 * MIB;
    /// Random bytes in one go; the host allocates them.
    random: Bytes = 64 * KIB, 64, MIB;

    /// What a challenge may keep in its data directory when neither operator nor manifest says otherwise: years
    /// of a SQLite. Counted in whole blocks, each name as one more; files with holes count by their length.
    data: Bytes = GIB, 64 * KIB, 1024 * GIB;
    /// What operator or manifest may ask for: more than that belongs on a disk that is not the host's.
    data_max: Bytes = 16 * GIB, 64 * KIB, 1024 * GIB;
    /// Files and directories of a challenge: what is looked through in some milliseconds, when a directory is
    /// opened and after a call that was stopped.
    data_files: Count = 10_000, 16, 1_000_000;
    /// Files and directories that a challenge has open. Each is one of the host's own, which are limited too.
    open_files: Count = 256, 8, 4_096;

    /// What a challenge may keep in its database when neither operator nor manifest says otherwise. Counted in pages of
    /// the file; the write-ahead log beside it may have 64 MiB more.
    database: Bytes = GIB, 256 * KIB, 1024 * GIB;
    /// What operator or manifest may ask for: more than that belongs on a disk that is not the host's.
    database_max: Bytes = 16 * GIB, 256 * KIB, 1024 * GIB;
    /// What a challenge may keep as blobs when neither operator nor manifest says otherwise: uploads of a season.
    blobs: Bytes = GIB, 64 * KIB, 1024 * GIB;
    /// What operator or manifest may ask for.
    blobs_max: Bytes = 16 * GIB, 64 * KIB, 1024 * GIB;
    /// Blobs of a challenge, each of which is a file. When a challenge starts, all of them are looked at.
    blob_files: Count = 10_000, 1, 1_000_000;
    /// The SQL of one statement, or of one script: a page, or a migration.
    sql: Bytes = 256 * KIB, KIB, MIB;
    /// One value in a database, or one row: what is larger belongs into a file. Functions go through values without a
    /// stop, so this also bounds how long a guest may overrun its time.
    sql_value: Bytes = MIB, KIB, 16 * MIB;
    /// Rows of one result, or of one step of a cursor.
    sql_rows: Count = 10_000, 1, 1_000_000;
    /// The values of one result, or of one step of a cursor: they are in the host's memory before the guest has them.
    sql_result: Bytes = 4 * MIB, 4 * KIB, 64 * MIB;
    /// Memory of one statement, for what it sorts, groups and joins.
    sql_memory: Bytes = 64 * MIB, MIB, GIB;
    /// Connections of one database that answer queries at the same time, and as many again that cursors and reading
    /// transactions hold: two MiB of memory each when they have read much, and a few open files.
    sql_readers: Count = 4, 1, 64;
    /// How long migrations of one version may take, all together. Calls of the version before wait for them.
    migration_ms: Milliseconds = 60_000, 100, 3_600_000;

    /// How long it may take until a challenge is connected to a host: name, address and TLS.
    http_connect_ms: Milliseconds = 5_000, 10, 60_000;
    /// How long a request of a challenge may take with its answer, and never longer than the call that sends it.
    http_exchange_ms: Milliseconds = 30_000, 10, 3_600_000;
    /// The body of a request that a challenge sends. It is never in memory as a whole.
    http_request: Bytes = 8 * MIB, 1, GIB;
    /// The body that a challenge is answered with. It is never in memory as a whole, but for what the guest keeps of it.
    http_response: Bytes = 8 * MIB, 1, GIB;
    /// Headers of such a request, and of its answer with the first line.
    http_headers: Bytes = 32 * KIB, KIB, 256 * KIB;
    /// Requests of one call: whoever needs more asks for more at once.
    http_requests: Count = 32, 1, 10_000;
    /// Requests of one challenge at the same time; more are refused. A connection each.
    http_concurrent: Count = 16, 1, 1_024;
    /// Requests of all challenges at the same time; more are refused.
    http_total: Count = 128, 1, 16_384;

    /// The body of an answer; it is held in memory as a whole, once per call in flight.
    body: Bytes = 8 * MIB, 1, 64 * MIB;
    /// The body of an answer that is passed on while the guest writes it, so that it is nowhere in memory as a whole: a
    /// data set for miners.
    streamed_body: Bytes = 256 * MIB, 1, 64 * GIB;
    /// Headers of an answer: what common HTTP clients and proxies accept.
    headers: Count = 100, 1, 1_000;
    /// Names and values of an answer's headers together; common proxies refuse more than 32 KiB.
    header_bytes: Bytes = 32 * KIB, 64, 256 * KIB;
    /// Weights in one answer: a subnet has at most a few hundred UIDs. The ceiling is the contract's.
    weights: Count = 4_096, 1, 4_096;

    /// One line of a guest's log; the rest of a longer line is cut off.
    log_line: Bytes = 8 * KIB, 80, 64 * KIB;
    /// What a chatty challenge may log in the long run, per second.
    log_rate: Bytes = 64 * KIB, KIB, 16 * MIB;
    /// What a challenge may log at once, for example a panic with its backtrace in several calls.
    log_burst: Bytes = 256 * KIB, KIB, 64 * MIB;
    /// Lines of a challenge's log that its operator can read back. They are in memory; whoever needs more has the
    /// host's own log.
    log_lines: Count = 1_000, 1, 10_000;
    /// Memory for those lines, of each challenge: as much as it may log at once.
    log_kept: Bytes = 256 * KIB, 4 * KIB, 16 * MIB;

    /// Address space of the process that compiles a component. A Python runtime of 18 MB takes less than a
    /// quarter of it; a single function can be made to take any amount.
    compile_memory: Bytes = 2 * GIB, 256 * MIB, 64 * GIB;
    /// Processor time of that process, over all its threads, in whole seconds. A Python runtime takes 10.
    compile_cpu_ms: Milliseconds = 60_000, 1_000, 3_600_000;
    /// How long it may run, on a busy machine as well. Others that need the compiler wait for as long.
    compile_wall_ms: Milliseconds = 90_000, 1_000, 3_600_000;
    /// Machine code of one component, as a file. A Python runtime makes 35 MB.
    compiled_code: Bytes = 256 * MIB, 64 * KIB, GIB;
}

/// A Rust challenge with SQLite inside is under 2 MiB; languages that bring a whole runtime reach 30 MiB.
pub const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// More than twice a hotkey, so that a longer text is malformed also after it is cut.
pub(crate) const MAX_HOTKEY_BYTES: usize = 128;
/// The text of an error is a sentence or two, not another way to answer.
pub(crate) const MAX_ERROR_CHARS: usize = 4096;
/// What a log line costs besides its text, so that empty lines are not free.
pub(crate) const LOG_LINE_COST: u64 = 64;
/// What a guest says that a line is about: a word or two, to sort by.
pub(crate) const LOG_CONTEXT_BYTES: usize = 128;
/// Who follows logs at the same time, over all challenges: a connection each, and a piece of a log.
pub(crate) const LOG_FOLLOWERS: usize = 32;
/// One piece of a log for whoever follows it, but for a line that is longer.
pub(crate) const LOG_PAGE_BYTES: usize = 64 << 10;
/// The longest explanation of a failed call that is kept for the operator.
pub(crate) const MAX_EXPLANATION: usize = 4 << 10;

/// Imports and exports of a component together: the contract has two exports, WASI some fifty imports. Lists of
/// them are kept and shown.
pub(crate) const MAX_OUTER_NAMES: usize = 1_000;
/// The names of those together.
pub(crate) const MAX_OUTER_NAME_BYTES: usize = 256 << 10;
/// What the compiling process says besides the code: names and manifest, which JSON may write six times as long.
pub(crate) const MAX_REPORT: u32 = 4 << 20;

/// Cursors and reading transactions that a call may have open, so that one call does not keep all others waiting.
pub(crate) const MAX_HELD: usize = 2;
/// Buckets that a call may have open: a name each.
pub(crate) const MAX_BUCKETS: usize = 64;
/// Blobs that a call may have open, each of which is a file of the host's.
pub(crate) const MAX_OPEN_BLOBS: usize = 16;

/// Levels below `/data` in which stale lock entries are looked for.
pub(crate) const LOCK_SEARCH_DEPTH: usize = 8;
/// Directory entries looked at for stale locks before the search gives up: twice as many as a challenge may usually
/// have.
pub(crate) const LOCK_SEARCH_ENTRIES: usize = 20_000;

/// What a full data directory takes in all the same: names, and files while they are small. So a database that
/// has filled the disk can still make the lock and the journal with which to delete something.
pub(crate) const DATA_RESERVE: u64 = 512 * KIB;
/// Larger files do not grow into the reserve: journals of small transactions stay below it.
pub(crate) const SMALL_FILE: u64 = 256 * KIB;
/// What a stream that is being written may take beyond a full data directory. The C library of WASI turns a full
/// disk into an "I/O error" when it meets it in the middle of a stream, and tells it as what it is when it meets
/// it at the beginning. So a stream gets some way further, and the next one is told.
pub(crate) const DATA_RUN: u64 = 256 * KIB;
/// Names that are made before a data directory is measured again, or a quarter of what is in it if that is more.
/// A directory grows by some hundred bytes for each and may never shrink, so this bounds what is taken and not
/// charged for.
pub(crate) const REMEASURE: u64 = 512;
/// Files and directories after which counting a data directory stops: more than anyone may have.
pub(crate) const MEASURED_FILES: u64 = 2_000_000;
/// Calls of one challenge that were refused room and of which nobody has heard yet. They run one at a time, so a
/// few are enough.
pub(crate) const REFUSALS_KEPT: usize = 16;

impl Limits {
    /// Whether every value lies between its floor and its ceiling.
    pub fn check(&self) -> Result<(), LimitError> {
        for (limit, value) in Self::TABLE.iter().zip(self.values()) {
            if !(limit.floor..=limit.ceiling).contains(&value) {
                return Err(LimitError {
                    key: limit.key,
                    floor: limit.unit.show(limit.floor),
                    ceiling: limit.unit.show(limit.ceiling),
                });
            }
        }
        Ok(())
    }

    /// What a challenge may keep in the host and ask of it, if it may have so much.
    pub(crate) fn state(&self, database: ByteSize, blobs: ByteSize) -> StateLimits {
        let sql = SqlLimits {
            database: database.0.min(self.database_max.0),
            sql: self.sql.0,
            value: self.sql_value.0,
            rows: self.sql_rows,
            result: self.sql_result.0,
            memory: self.sql_memory.0,
            readers: count(self.sql_readers),
        };
        StateLimits {
            sql,
            blobs: blobs.0.min(self.blobs_max.0),
            blob_files: self.blob_files,
        }
    }

    /// How long a route may wait for its turn.
    pub const fn queue_wait(&self) -> Duration {
        Duration::from_millis(self.queue_wait_ms)
    }

    /// How long compiling one component may take.
    pub const fn compile_wall(&self) -> Duration {
        Duration::from_millis(self.compile_wall_ms)
    }

    /// What a refused client is told to wait.
    pub const fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms)
    }
}

impl Unit {
    /// A number with its unit, as it is written in the configuration, times with `ms`.
    pub fn show(self, number: u64) -> String {
        match self {
            Self::Bytes => ByteSize(number).to_string(),
            Self::Count => number.to_string(),
            Self::Milliseconds => format!("{number} ms"),
        }
    }
}

/// A limit as a size of this machine's memory; what is larger than the address space is as good as none.
pub(crate) const fn size(limit: ByteSize) -> usize {
    count(limit.0)
}

/// The same for a number of things.
pub(crate) const fn count(limit: u64) -> usize {
    if limit > usize::MAX as u64 {
        usize::MAX
    } else {
        limit as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_lies_in_its_range_and_is_what_the_table_says() {
        let defaults: Vec<_> = Limits::TABLE.iter().map(|limit| limit.default).collect();
        assert_eq!(Limits::default().values().to_vec(), defaults);
        Limits::default().check().unwrap();
    }

    #[test]
    fn a_value_out_of_its_range_is_named_with_the_range() {
        let limits = Limits {
            body: ByteSize(1 << 40),
            ..Limits::default()
        };
        assert_eq!(
            limits.check().unwrap_err().to_string(),
            "limits.body must be from 1 to 64MiB"
        );
        let limits = Limits {
            queue_wait_ms: 0,
            ..Limits::default()
        };
        assert_eq!(
            limits.check().unwrap_err().to_string(),
            "limits.queue_wait_ms must be from 1 ms to 60000 ms"
        );
    }
}

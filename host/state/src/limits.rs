//! What one challenge may ask of its database. The numbers are the operator's, see the host's table of limits;
//! those that nobody needs to turn are here.

use std::time::Duration;

/// What one challenge's database may hold, and what one statement may take.
#[derive(Clone, Debug)]
pub struct SqlLimits {
    /// Bytes of the database, in whole pages.
    pub database: u64,
    /// Bytes of one statement's SQL, or of one script's.
    pub sql: u64,
    /// Bytes of one value or one stored row.
    pub value: u64,
    /// Rows of one result, or of one step of a cursor.
    pub rows: u64,
    /// Bytes of one result, or of one step of a cursor.
    pub result: u64,
    /// Bytes of memory that one statement may take.
    pub memory: u64,
    /// Connections that read at the same time.
    pub readers: usize,
}

/// Bytes of a bucket's name.
pub const MAX_BUCKET_BYTES: usize = 64;
/// Bytes of a key: a path or a few hotkeys, and several keys fit into a page.
pub const MAX_KEY_BYTES: usize = 512;
/// Changes of one batch: they are one transaction, and others wait for it.
pub const MAX_CHANGES: usize = 1_000;
/// Keys or blobs of one answer of a listing.
pub const MAX_LISTED: u32 = 1_000;
/// Bytes of a blob's name: a path of usual length.
pub const MAX_BLOB_NAME_BYTES: usize = 512;
/// Bytes of a blob that are read in one step: the host holds them for that time.
pub const MAX_BLOB_STEP: u64 = 1 << 20;
/// Databases up to so many bytes are hashed when their challenge is asked for weights, which takes twice as much memory and a tenth
/// of a second; an epoch asks a few challenges at once and waits for none for longer.
pub const MAX_HASHED: u64 = 16 << 20;

/// Bytes of the list in an archive: a hundred or two for each file.
pub(crate) const MAX_CONTENTS: u64 = 256 << 20;

/// The size of a page in bytes: SQLite's default and that of most file systems.
pub const PAGE: u64 = 4096;

/// Levels of an expression. SQLite walks it on the stack, and a guest's call has half of a small one left for that.
pub(crate) const EXPRESSION_DEPTH: i32 = 100;
/// SELECTs that one UNION puts together, for the same reason.
pub(crate) const COMPOUND_SELECTS: i32 = 50;
/// Levels that SQLite's parser keeps, for the same reason.
pub(crate) const PARSER_DEPTH: i32 = 500;
/// Triggers that fire one another: a chain of a few is a design, an endless one is not.
pub(crate) const TRIGGER_DEPTH: i32 = 16;
/// Bytes of a pattern for LIKE and GLOB. Matching takes length times length, and nothing stops it half-way.
pub(crate) const PATTERN: i32 = 256;
/// Arguments of a function; SQLite itself has none with so many.
pub(crate) const ARGUMENTS: i32 = 64;
/// Columns of a table, an index or a result.
pub(crate) const COLUMNS: i32 = 256;
/// Parameters of a statement: rows of some columns, a few hundred at once.
pub(crate) const PARAMETERS: i32 = 4096;
/// Instructions of a statement's program: views that name each other would make any number.
pub(crate) const INSTRUCTIONS: i32 = 100_000;
/// Tables, indexes, views and triggers together: each connection keeps them all in memory.
pub(crate) const SCHEMA_OBJECTS: i32 = 1_000;
/// Statements that a connection keeps prepared, so that the next call need not: more than a challenge usually has.
pub(crate) const STATEMENTS: usize = 64;
/// Instructions between two looks at the memory: at most so many values are made between them.
pub(crate) const LOOK_EVERY: i32 = 100;
/// Looks at the memory for one at the clocks, which cost more.
pub(crate) const CLOCK_EVERY: u32 = 16;
/// How often somebody looks for statements that are late within one instruction. A few connections are looked at, so it costs
/// nothing; what is late for so long holds a thread of its own call.
pub(crate) const OVERDUE_EVERY: Duration = Duration::from_millis(50);
/// What a connection keeps of the database in memory, in KiB.
pub(crate) const CACHE_KIB: i64 = 2048;
/// The write-ahead log may have so many bytes before a writer waits until it is empty: a reader that never ends
/// would make it grow without limit, beside the database and not counted in it.
pub(crate) const LOG: u64 = 64 << 20;
/// The log is cut to so many bytes when it begins anew.
pub(crate) const LOG_KEPT: i64 = 4 << 20;
/// How long a writer waits for a backup or a checkpoint to let go of the file.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// A disk with fewer bytes is full, whatever a database may have.
pub(crate) const DISK_ROOM: u64 = 1 << 20;

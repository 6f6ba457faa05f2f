//! How much of another host's word is read and for how long it holds.

use std::time::Duration;

/// Entries of a document: as many as a challenge may answer with.
pub const MAX_ENTRIES: usize = 4096;
/// A signed document: 4,096 hotkeys with ordinary scores are some 400 KiB, and with the longest that there are, of 326
/// digits each, 1.6 MiB.
pub const MAX_DOCUMENT: usize = 2 << 20;
/// The longest that a document may say it holds: an epoch is 72 minutes, and who missed some should not pay by them for
/// longer than a day.
pub const MAX_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How far the clock of another host may be ahead of ours.
pub const MAX_AHEAD: Duration = Duration::from_secs(30);

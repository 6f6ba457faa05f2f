//! How much one client may ask of the host. What a challenge may use is the runtime's affair; the time for a
//! request's head, and the number of connections, are the listener's.

use std::{num::NonZeroU32, time::Duration};

use crate::rate::Rate;

/// The limits an operator may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body in bytes; a declared route may allow less.
    pub max_body: usize,
    /// The largest body in bytes that a challenge reads piece by piece, where a declared route allows it.
    pub max_streamed_body: usize,
    /// The largest body in bytes that is needed as a whole and not held in memory, where a declared route allows it: what is
    /// signed, or goes to a challenge that one slow client could keep from all others.
    pub max_upload: usize,
    /// All such bodies at one time, in bytes on disk. A request whose body may not fit is answered 503.
    pub spool: u64,
    /// All bodies that are held at one time, in bytes. A request whose body may not fit is answered 503.
    pub body_budget: usize,
    /// The longest a client may take to send its body.
    pub body_timeout: Duration,
    /// How often one address may ask: one of IPv4, or a network of 64 bits of IPv6, of which everybody has one. Trusted proxies
    /// may ask as often as they like.
    pub address_rate: Rate,
    /// How many requests of one address are answered at one moment; more are told to wait. The same addresses as above.
    pub address_at_once: u32,
    /// How often one hotkey may sign a request.
    pub hotkey_rate: Rate,
    /// How many requests of one hotkey are answered at one moment.
    pub hotkey_at_once: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: MAX_BODY,
            max_streamed_body: MAX_STREAMED_BODY,
            max_upload: MAX_UPLOAD,
            spool: SPOOL_BYTES,
            body_budget: BODY_BUDGET,
            body_timeout: BODY_TIME,
            address_rate: Rate {
                per_second: const { NonZeroU32::new(ADDRESS_PER_SECOND).unwrap() },
                burst: const { NonZeroU32::new(ADDRESS_BURST).unwrap() },
            },
            address_at_once: ADDRESS_AT_ONCE,
            hotkey_rate: Rate {
                per_second: const { NonZeroU32::new(HOTKEY_PER_SECOND).unwrap() },
                burst: const { NonZeroU32::new(HOTKEY_BURST).unwrap() },
            },
            hotkey_at_once: HOTKEY_AT_ONCE,
        }
    }
}

/// A body that is held in memory: an archive of source code fits, a data set does not.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// A body that a challenge reads piece by piece: a data set fits, and nothing of it is held.
const MAX_STREAMED_BODY: usize = 256 * 1024 * 1024;
/// A body that is kept on disk until it was read: code with its weights, a small model.
const MAX_UPLOAD: usize = 64 * 1024 * 1024;
/// All of those on disk: 64 of the largest, a small part of a server's disk.
const SPOOL_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// All bodies in memory: 128 of the largest, a small part of a server's memory and more than two cores can work on.
const BODY_BUDGET: usize = 256 * 1024 * 1024;
/// For a body to arrive: the largest in memory at 70 kB/s, a poor mobile line. A larger one has as much time for each 2 MiB.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Requests of one address that are answered at the same time: what a browser opens at once over HTTP/2, and somebody else behind the
/// same address.
const ADDRESS_AT_ONCE: u32 = 128;
/// Requests of one hotkey that are answered at the same time: a miner is one program, or a few machines of it.
const HOTKEY_AT_ONCE: u32 = 16;
/// Path and query together, in bytes; what browsers and proxies commonly let through.
pub(crate) const MAX_URI_BYTES: usize = 8 * 1024;
/// Names and values of all headers together, in bytes; twice what common servers allow. The HTTP parser
/// itself stops at 100 headers.
pub(crate) const MAX_HEADER_BYTES: usize = 32 * 1024;
/// When to try again after the body budget was used up: bodies come and go within seconds.
pub(crate) const OVERLOADED_RETRY: Duration = Duration::from_secs(1);
/// The budget is counted in these units, because a semaphore counts to 2^29 on small machines.
pub(crate) const BUDGET_UNIT: usize = 1024;
/// The most that is shown of a text that a challenge wrote for the client, in characters.
pub(crate) const MAX_GUEST_TEXT: usize = 1000;
/// Requests of one address in a second, on the long run: a page of a leaderboard with all it loads, again and again. A miner needs
/// one a minute.
const ADDRESS_PER_SECOND: u32 = 50;
/// Requests of one address at one moment: as many as a browser sends for a few pages.
const ADDRESS_BURST: u32 = 200;
/// Signed requests of one hotkey in a second, on the long run: a miner that asks for its own results now and then.
const HOTKEY_PER_SECOND: u32 = 5;
/// Signed requests of one hotkey at one moment: a batch after a long silence.
const HOTKEY_BURST: u32 = 60;
/// Bytes of an upload that are in memory between the client, the disk and the challenge, at each of these borders.
pub(crate) const SPOOL_PIECE: usize = 64 * 1024;
/// Characters of a submission's id; a hash has 64.
pub(crate) const MAX_SUBMISSION_ID: usize = 128;
/// Bytes of the names of headers that a script in a browser wants to send: those of a signature, and a few more.
pub(crate) const MAX_CORS_HEADERS: usize = 1024;

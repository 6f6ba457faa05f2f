//! How much one challenge may take of the host, and how long it may take for it.

use std::time::Duration;

use tokio::time::Instant;

/// The limits of one challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest until there is a connection, with the look-up of the name.
    pub connect: Duration,
    /// The longest that the challenge may take nothing of a request and say nothing, until the head of its answer is there.
    /// The time in which the client is waited for does not count: how long a client may take is its body's affair.
    pub head: Duration,
    /// The longest between two pieces of an answer's body. The time in which the client takes nothing does not count.
    pub idle: Duration,
    /// The longest of a whole exchange, also of a WebSocket.
    pub whole: Duration,
    /// How long a connection is kept for the next request.
    pub pooled_for: Duration,
    /// How many connections are kept for the next requests.
    pub pooled: usize,
    /// The most bytes that the head of an answer may have.
    pub head_bytes: usize,
    /// The most headers that an answer may have.
    pub headers: usize,
    /// Exchanges at the same time; more are refused as busy.
    pub exchanges: usize,
    /// WebSockets at the same time; more are refused as busy.
    pub upgrades: usize,
    /// The longest that both sides of a WebSocket may be silent.
    pub relay_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: UPSTREAM_CONNECT,
            head: UPSTREAM_HEAD,
            idle: UPSTREAM_IDLE,
            whole: UPSTREAM_WHOLE,
            pooled_for: UPSTREAM_POOLED_FOR,
            pooled: UPSTREAM_POOLED,
            head_bytes: UPSTREAM_HEAD_BYTES,
            headers: UPSTREAM_HEADERS,
            exchanges: UPSTREAM_EXCHANGES,
            upgrades: UPSTREAM_UPGRADES,
            relay_idle: UPSTREAM_RELAY_IDLE,
        }
    }
}

/// On the same machine or next to it: a packet that was lost is sent again after one second and after three.
const UPSTREAM_CONNECT: Duration = Duration::from_secs(3);
/// What challenges were written for: the platform that this one replaces waited as long.
const UPSTREAM_HEAD: Duration = Duration::from_secs(30);
/// Servers of events send a comment every fifteen or thirty seconds.
const UPSTREAM_IDLE: Duration = Duration::from_secs(60);
/// Streams of events begin anew after it, as their clients are made to; whatever else takes longer is stuck.
const UPSTREAM_WHOLE: Duration = Duration::from_secs(3600);
/// Less than the five seconds after which uvicorn hangs up: a request that meets the hang-up is lost.
const UPSTREAM_POOLED_FOR: Duration = Duration::from_secs(4);
/// What a busy second opens; more would only hold descriptors, of which the host has few.
const UPSTREAM_POOLED: usize = 32;
/// What the host takes of a client, too.
const UPSTREAM_HEAD_BYTES: usize = 64 * 1024;
/// The same; common servers send twenty.
const UPSTREAM_HEADERS: usize = 100;
/// More than one challenge works on at once; less than the connections that the host takes, so that one
/// challenge that hangs does not take all.
const UPSTREAM_EXCHANGES: usize = 256;
/// Each holds two descriptors for as long as an hour.
const UPSTREAM_UPGRADES: usize = 64;
/// Five of the pings that servers send every minute or sooner.
const UPSTREAM_RELAY_IDLE: Duration = Duration::from_secs(300);
/// When to try again after all places were taken: exchanges come and go within a second.
pub(crate) const BUSY_RETRY: Duration = Duration::from_secs(1);
/// Heads that only say that another one will come (100, 103), for one request. Servers send one or two; they are read and
/// thrown away, so only time would bound them.
pub(crate) const MAX_INFORMATIONAL: usize = 16;
/// Names that are looked up at once for one challenge. It has one name, and connections are kept.
pub(crate) const LOOKUPS: usize = 2;
/// The smallest buffer that the HTTP library takes. Less of a head is counted when it is there.
pub(crate) const MIN_BUFFER: usize = 8 * 1024;
/// Until the system asks a silent peer whether it is still there. Only a peer that lost its power does not hang up.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(30);

/// Instead of a moment that no clock can show.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// So much later, or never.
pub(crate) fn after(moment: Instant, time: Duration) -> Instant {
    moment.checked_add(time.min(FAR)).unwrap_or(moment)
}

//! How much of a node's time and words is taken, and how far one may be trusted to lag. Numbers and texts come from nodes.

use std::time::Duration;

/// Bytes of one answer of a node: its metadata is about 0.8 MB as JSON, a full block at most 10 MB.
pub(crate) const RESPONSE_MAX_BYTES: u32 = 16 * 1024 * 1024;
/// Characters of a node's own text that are kept for the operator: a line.
pub(crate) const MESSAGE_MAX_CHARS: usize = 300;
/// How often a connection is asked for a sign of life while nothing else happens; providers close idle ones after a minute.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(15);
/// Silence after which a connection is given up: a half-open one answers neither a request nor a ping.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(40);
/// How long an endpoint is left alone after its first failure in a row; it doubles with each further one.
pub(crate) const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest that an endpoint is left alone, however often it failed, and how long one that is of the wrong chain is.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Blocks that a node's head may be behind the highest that any of the endpoints has: two minutes of the main network.
pub(crate) const BEHIND_MAX: u64 = 10;
/// How often all endpoints are asked for their heads, so that one that is behind is noticed: a block of the main network.
pub(crate) const SURVEY_EVERY: Duration = Duration::from_secs(12);
/// Commits of one hotkey that may wait for the same epoch: the chain's own bound (`do_commit_timelocked_mechanism_weights`).
pub(crate) const PENDING_COMMITS_MAX: usize = 10;
/// How far the host's clock and that of the best block may be apart before it is pointed out: five blocks.
pub(crate) const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(60);
/// Blocks before the final one whose state is looked into for a commit that is gone: nodes that are no archives keep 256 states
/// before their best block.
pub(crate) const REVEAL_SEARCH_MAX: u64 = 240;

//! How much is remembered, and for how long.

use std::time::Duration;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long a key that the subnet knows cannot use a nonce again.
    pub kept: Duration,
    /// How many of one key are remembered at one time.
    pub of_one_hotkey: u32,
    /// How many of all keys together that the subnet does not know. These are remembered only as long as their signatures
    /// count.
    pub of_strangers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            kept: NONCE_KEPT,
            of_one_hotkey: NONCES_OF_ONE_HOTKEY,
            of_strangers: NONCES_OF_STRANGERS,
        }
    }
}

/// As the platform before this one: whoever makes nonces by counting within a day is told so.
const NONCE_KEPT: Duration = Duration::from_secs(86_400);
/// Used nonces of one key that are remembered: a request every five seconds for a day. Of 256 keys 0.5 GB on disk.
const NONCES_OF_ONE_HOTKEY: u32 = 17_280;
/// Used nonces of all strangers that are remembered: for the five minutes that a signature counts, 100 a second.
const NONCES_OF_STRANGERS: u32 = 32_768;
/// Orders that wait for the disk: a tenth of a second's work, so that a slow disk is told to clients instead of keeping them waiting.
pub(crate) const NONCE_QUEUE: usize = 1024;
/// Orders of one transaction: what waits longest waits for one write, and the write is never large.
pub(crate) const NONCE_BATCH: usize = 256;
/// Old nonces that are removed at one time: a few milliseconds in which nobody is answered.
pub(crate) const NONCES_PURGED: u32 = 1000;
/// How often old nonces are looked for.
pub(crate) const PURGE_EVERY: Duration = Duration::from_secs(10);
/// When a key that has used up all it may should try again. On the long run one is forgotten every five seconds, after a
/// burst none for a day: asking again costs little.
pub(crate) const RETRY_OF_ONE: Duration = Duration::from_secs(60);
/// The same for strangers, whose nonces are forgotten within minutes.
pub(crate) const RETRY_OF_STRANGERS: Duration = Duration::from_secs(10);

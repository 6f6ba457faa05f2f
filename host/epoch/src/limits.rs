//! How long an epoch tries, and when it is too late to.

/// How many extrinsics may be signed for one epoch. Each but the last is certain never to be included or never to be revealed,
/// so more would mean that something else spends the hotkey's nonces or that the chain stands still.
pub(crate) const MAX_ATTEMPTS: u32 = 5;
/// Blocks before the end of an epoch in which none begins, beside those that the challenges may take to answer: for reading
/// the subnet, for signing, and for the blocks that may come late or full.
pub(crate) const LAST_BLOCKS: u64 = 5;
/// Blocks before the end of the chain's epoch in which nothing is sealed: a commit that gets into the next one is revealed an
/// epoch later than it was sealed for, and could be read before. What Bittensor's own client keeps clear of.
pub(crate) const UNSEALED_BLOCKS: u64 = 3;
/// Blocks after which a commit is no longer waited for before the next one is sent, counted from the first that may reveal
/// it: the reveal itself is usually in the first, and final three later.
pub(crate) const REVEAL_PATIENCE: u64 = 10;
/// Blocks by which finality may be late before a newer epoch no longer waits for an extrinsic that has expired.
pub(crate) const LATE_FINALITY: u64 = 32;
/// Steps of an epoch after which neither troubles nor changes of the block that it is in are written into its journal: a node that
/// changes its mind at every block must not fill the disk.
pub(crate) const MAX_TOLD_STEPS: u64 = 200;
/// How old the published metagraph may get, in blocks: five minutes at 12 s a block. Every epoch reads it anew.
pub(crate) const METAGRAPH_MAX_AGE: u64 = 25;
